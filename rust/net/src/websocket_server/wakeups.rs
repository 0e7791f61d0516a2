//! Wake-ups of the tasks that were given something to send.

use std::sync::Arc;

use crate::websocket::broadcasts::Broadcasts;
use crate::websocket::client::Client;

/// Wake-ups that are deferred, so that a task is woken once for all that is sent to it in a row.
#[derive(Debug, Default)]
pub(super) struct Wakeups {
    /// Single messages are deferred too: see [`super::WebSocketServer::cork`].
    pub(super) corked: bool,
    /// The clients to wake.
    clients: Vec<Arc<Client>>,
    /// Whether the server's task, which hands out broadcasts, is to be woken.
    broadcast: bool,
}

impl Wakeups {
    /// Wakes a client, at once unless corked.
    pub(super) fn wake(&mut self, client: &Arc<Client>) {
        if self.corked {
            self.clients.push(client.clone());
        } else {
            client.link.wake();
        }
    }

    pub(super) fn defer(&mut self, client: Arc<Client>) {
        self.clients.push(client);
    }

    pub(super) fn defer_broadcast(&mut self) {
        self.broadcast = true;
    }

    pub(super) fn wake_all(&mut self, broadcasts: &Broadcasts) {
        for client in self.clients.drain(..) {
            client.link.wake();
        }
        if std::mem::take(&mut self.broadcast) {
            broadcasts.notify();
        }
    }
}
