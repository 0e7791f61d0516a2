//! The handle of one WebSocket connection that this side opens.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::command::WebSocketCommand;
use crate::error::{PingError, SendError};
use crate::event::WebSocketClientEvent;
use crate::mailbox::SocketId;
use crate::websocket::client_options::WebSocketClientOptions;
use crate::websocket::close_code::CloseFrame;
use crate::websocket::dialer;
use crate::websocket::frame::{Kind, MAX_CONTROL_PAYLOAD, frame_len};
use crate::websocket::messages::Messages;
use crate::websocket::outgoing::{Attempt, Outgoing};
use crate::websocket::url::WebSocketUrl;
use crate::{runtime, wakes};

/// One WebSocket connection that this side opens (RFC 6455), seen from the thread that uses it. No method waits.
///
/// [`WebSocketClientEvent::Connected`] or [`WebSocketClientEvent::ConnectFailed`] comes first. After `Connected`,
/// [`WebSocketClientEvent::Disconnected`] is the last event. A further connection needs a further handle. Dropping the
/// handle closes the connection with 1001 (going away) and ends it within a second, in which what was sent before still
/// goes out. An attempt that messages wait for has at most ten seconds more.
#[derive(Debug)]
pub struct WebSocketClient {
    outgoing: Arc<Outgoing>,
    max_pending: AtomicUsize,
}

impl WebSocketClient {
    /// Starts to connect: name lookup, TCP, TLS if the URL is a wss one, and the opening handshake.
    ///
    /// # Errors
    /// If the runtime cannot start.
    pub fn connect(url: WebSocketUrl, options: WebSocketClientOptions) -> io::Result<Self> {
        let outgoing = Arc::new(Outgoing::new(&options));
        let client = Self {
            outgoing: outgoing.clone(),
            max_pending: AtomicUsize::new(options.max_pending),
        };
        runtime::spawn(|tasks| {
            let attempt = Attempt::new(outgoing, tasks.flush_guard());
            dialer::run(url, options, attempt)
        })?;
        Ok(client)
    }

    /// The connection's name.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.outgoing.events.id()
    }

    /// To be called after the connection was taken from the ready list, before its events are drained.
    pub fn unlist(&self) {
        self.outgoing.events.unlist();
    }

    /// Number of queued events. All queued messages count as one.
    #[must_use]
    pub fn queued_events(&self) -> usize {
        self.outgoing.events.len()
    }

    /// The next event.
    #[must_use]
    pub fn next_event(&self) -> Option<WebSocketClientEvent> {
        self.outgoing.events.next()
    }

    /// Takes all messages that are queued, in order. Until then they count against
    /// [`WebSocketClientOptions::max_queued`].
    #[must_use]
    pub fn take_messages(&self) -> Messages {
        let (messages, task_waits) = self.outgoing.link.take_messages();
        if task_waits {
            wakes::has_room(&self.outgoing);
        }
        messages
    }

    /// Queues a text message. Before the connection is established it waits.
    ///
    /// # Errors
    /// [`SendError::Full`] over the limit of pending bytes, [`SendError::Closed`] after a close; nothing was queued
    /// then.
    pub fn send_text(&self, text: &str) -> Result<(), SendError> {
        self.send(Kind::Text, text.as_bytes())
    }

    /// Queues a binary message, likewise.
    ///
    /// # Errors
    /// As [`Self::send_text`].
    pub fn send_binary(&self, data: &[u8]) -> Result<(), SendError> {
        self.send(Kind::Binary, data)
    }

    fn send(&self, kind: Kind, payload: &[u8]) -> Result<(), SendError> {
        self.send_within(kind, payload, self.max_pending.load(Ordering::Relaxed))
    }

    fn send_within(&self, kind: Kind, payload: &[u8], limit: usize) -> Result<(), SendError> {
        let link = &self.outgoing.link;
        link.admit(link.frame_len(payload.len()), limit)?;
        if link.send(kind, payload) {
            link.wake_later();
        }
        Ok(())
    }

    /// What a message with a payload of this many bytes counts as pending: with its header.
    #[must_use]
    pub fn frame_len(payload: usize) -> usize {
        frame_len(Role::Client, payload)
    }

    /// Queues a message that was accepted before there was a connection, whatever the limit of pending bytes. Returns
    /// whether it was queued: nothing is after a close, and once the connection is over.
    pub fn send_kept(&self, is_text: bool, payload: &[u8]) -> bool {
        let kind = if is_text { Kind::Text } else { Kind::Binary };
        self.send_within(kind, payload, usize::MAX).is_ok()
    }

    /// Queues a ping with a payload of at most 125 bytes (RFC 6455 section 5.5.2). Its pong sets [`Self::latency`].
    ///
    /// # Errors
    /// [`PingError`]; nothing was queued then.
    pub fn ping(&self, payload: &[u8]) -> Result<(), PingError> {
        if payload.len() > MAX_CONTROL_PAYLOAD {
            return Err(PingError::TooLong(payload.len()));
        }
        let link = &self.outgoing.link;
        link.admit(link.frame_len(payload.len()), self.max_pending.load(Ordering::Relaxed))?;
        link.ping(Bytes::copy_from_slice(payload));
        Ok(())
    }

    /// Asks for [`WebSocketClientEvent::Flushed`] with `token`, or with a larger one, once everything sent so far was
    /// handed to the system. It does not come if the connection ends first. Each call must give a larger token than the
    /// last; several that are done at once have one event.
    pub fn flush(&self, token: u64) {
        if self.outgoing.link.command(WebSocketCommand::Flush(token)) {
            self.outgoing.link.wake_later();
        }
    }

    /// Sends what was sent so far, then a close frame; [`WebSocketClientEvent::Disconnected`] follows when the closing
    /// handshake is over. An attempt to connect goes on if messages wait for it, otherwise it is given up. Returns
    /// whether this is the first close.
    pub fn close(&self, frame: CloseFrame) -> bool {
        self.outgoing.link.close(WebSocketCommand::Close(frame))
    }

    /// Ends the connection at once with RST, or gives the attempt up.
    pub fn abort(&self) {
        self.outgoing.abort();
    }

    /// Whether nothing more can be sent: this side has closed, or the connection is over, even if its last event was
    /// not handled yet.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.outgoing.link.is_closed()
    }

    /// Sets how many bytes of frames may be pending.
    pub fn set_max_pending(&self, bytes: usize) {
        self.max_pending.store(bytes, Ordering::Relaxed);
    }

    /// Bytes of frames accepted and not yet handed to the system.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.outgoing.link.pending()
    }

    /// The time between the last answered ping and its pong; `None` before the first.
    #[must_use]
    pub fn latency(&self) -> Option<Duration> {
        self.outgoing.link.latency()
    }
}

impl Drop for WebSocketClient {
    fn drop(&mut self) {
        self.outgoing.abandon();
        self.close(CloseFrame::going_away());
    }
}
