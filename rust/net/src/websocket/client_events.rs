//! What a connection that this side opens tells the main thread, until it is taken.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::event::{Established, WebSocketClientEvent};
use crate::mailbox::{Bell, SocketId};

/// The events of one connection. Each kind waits at most once, so a place for each is enough: a queue would take
/// several times the memory.
#[derive(Debug)]
pub(crate) struct ClientEvents {
    bell: Bell,
    waiting: Mutex<Waiting>,
}

/// In the order in which they are taken.
#[derive(Debug, Default)]
struct Waiting {
    connected: Option<Box<Established>>,
    /// The largest token of a flush that is done. Before the messages, among which may be an answer to what was sent.
    flushed: Option<u64>,
    messages: bool,
    /// The last event.
    end: Option<WebSocketClientEvent>,
}

impl ClientEvents {
    pub(crate) fn new() -> Self {
        Self {
            bell: Bell::new(),
            waiting: Mutex::default(),
        }
    }

    /// The connection's name.
    pub(crate) fn id(&self) -> SocketId {
        self.bell.id()
    }

    /// To be called after the connection was taken from the ready list, before its events are.
    pub(crate) fn unlist(&self) {
        self.bell.unlist();
    }

    /// Adds an event, and the connection to the ready list.
    pub(crate) fn push(&self, event: WebSocketClientEvent) {
        {
            let waiting = &mut *self.waiting();
            match event {
                WebSocketClientEvent::Connected(established) => waiting.connected = Some(established),
                WebSocketClientEvent::Messages => waiting.messages = true,
                WebSocketClientEvent::Flushed(token) => waiting.flushed = waiting.flushed.max(Some(token)),
                WebSocketClientEvent::ConnectFailed(_) | WebSocketClientEvent::Disconnected(..) => {
                    waiting.end = Some(event);
                }
            }
        }
        self.bell.ring();
    }

    /// Takes the next event.
    pub(crate) fn next(&self) -> Option<WebSocketClientEvent> {
        let waiting = &mut *self.waiting();
        if let Some(established) = waiting.connected.take() {
            return Some(WebSocketClientEvent::Connected(established));
        }
        if let Some(token) = waiting.flushed.take() {
            return Some(WebSocketClientEvent::Flushed(token));
        }
        if std::mem::take(&mut waiting.messages) {
            return Some(WebSocketClientEvent::Messages);
        }
        waiting.end.take()
    }

    /// Number of events that wait.
    pub(crate) fn len(&self) -> usize {
        let waiting = self.waiting();
        [
            waiting.connected.is_some(),
            waiting.messages,
            waiting.flushed.is_some(),
            waiting.end.is_some(),
        ]
        .into_iter()
        .map(usize::from)
        .sum()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::connect_error::WebSocketConnectError;

    #[test]
    fn the_end_comes_last_and_flushes_are_told_together() {
        let events = ClientEvents::new();
        events.push(WebSocketClientEvent::Flushed(1));
        events.push(WebSocketClientEvent::Flushed(3));
        events.push(WebSocketClientEvent::ConnectFailed(Box::new(
            WebSocketConnectError::Stopped,
        )));
        events.push(WebSocketClientEvent::Messages);
        events.push(WebSocketClientEvent::Messages);
        assert_eq!(events.len(), 3);
        assert!(matches!(events.next(), Some(WebSocketClientEvent::Flushed(3))));
        assert!(matches!(events.next(), Some(WebSocketClientEvent::Messages)));
        assert!(matches!(events.next(), Some(WebSocketClientEvent::ConnectFailed(_))));
        assert!(events.next().is_none());
        assert_eq!(events.len(), 0);
    }
}
