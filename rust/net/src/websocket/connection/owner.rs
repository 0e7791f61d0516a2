//! The interface between a connection and its owner.

use std::task::{Context, Waker};

use tokio::sync::OwnedSemaphorePermit;

use crate::websocket::close_code::Disconnect;
use crate::websocket::link::Link;
use crate::websocket::messages::Messages;

/// The owner of a connection: a server, for one of its clients, or the client itself.
pub(crate) trait Owner: Unpin {
    /// The connection's state that the main thread shares.
    fn link(&self) -> &Link;

    /// Returns whether the connection may read more, while an unfinished message takes `in_progress` bytes. If not, the
    /// waker is woken when it may.
    fn may_read(&self, in_progress: usize, waker: &Waker) -> bool;

    /// Takes messages from the peer.
    fn deliver(&self, messages: Messages);

    /// The connection has ended for the main thread. Called exactly once, at the latest when the connection is dropped.
    fn leave(&mut self, how: Disconnect);

    /// Reserves a place among the connections that wait for the peer's FIN; `None` if all are taken.
    fn linger(&self) -> Option<OwnedSemaphorePermit>;

    /// Whether the connection must end within a second. The link's task is woken when this becomes true.
    fn is_stopping(&self) -> bool;

    /// Returns whether a heartbeat is due. If not, the task is woken when it is.
    fn take_beat(&mut self, _cx: &mut Context<'_>) -> bool {
        self.link().take_beat()
    }

    /// Everything before [`crate::command::WebSocketCommand::Flush`] with this token was handed to the system.
    fn flushed(&self, _token: u64) {}

    /// Accepted frames of `bytes` bytes were dropped unsent, because the connection is closing.
    fn dropped(&self, bytes: usize) {
        self.link().settle(bytes);
    }

    /// Whether the connection must end at once. The link's task is woken when this becomes true.
    fn is_aborted(&self) -> bool {
        false
    }
}
