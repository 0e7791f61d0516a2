//! A server as the owner of its clients' connections.

use std::sync::Arc;
use std::task::Waker;

use tokio::sync::OwnedSemaphorePermit;

use super::client::Client;
use super::close_code::Disconnect;
use super::connection::Owner;
use super::link::Link;
use super::messages::Messages;
use super::registry::{Note, Registry};
use crate::runtime::FlushGuard;

/// One client's membership in its server.
pub(crate) struct Member {
    client: Arc<Client>,
    registry: Arc<Registry>,
    /// `None` once the client has left.
    alive: Option<Arc<Alive>>,
}

impl Member {
    pub(crate) fn new(client: Arc<Client>, registry: Arc<Registry>, alive: Arc<Alive>) -> Self {
        Self {
            client,
            registry,
            alive: Some(alive),
        }
    }
}

impl Owner for Member {
    fn link(&self) -> &Link {
        &self.client.link
    }

    fn may_read(&self, in_progress: usize, waker: &Waker) -> bool {
        self.registry.may_read(&self.client.link, in_progress, waker)
    }

    fn deliver(&self, messages: Messages) {
        self.registry.deliver(&self.client, messages);
    }

    fn leave(&mut self, how: Disconnect) {
        self.registry.leave(&self.client, how);
        self.alive = None;
    }

    fn linger(&self) -> Option<OwnedSemaphorePermit> {
        self.registry.linger()
    }

    fn is_stopping(&self) -> bool {
        self.registry.is_stopping()
    }
}

/// Held by everything that still reports to the main thread. The server has stopped when the last reference is dropped;
/// until then, the runtime delays its own stop, so that the clients receive their close frames.
pub(crate) struct Alive {
    registry: Arc<Registry>,
    _unflushed: FlushGuard,
}

impl Alive {
    pub(crate) fn new(registry: Arc<Registry>, unflushed: FlushGuard) -> Self {
        Self {
            registry,
            _unflushed: unflushed,
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.registry.tell(Note::Stopped);
    }
}
