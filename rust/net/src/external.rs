//! The far end of a [`crate::tcp_client::TcpClient`] over a stream that the runtime cannot drive. Its owner carries out
//! the commands and reports the events, on any thread.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::command::TcpCommand;
use crate::event::TcpEvent;
use crate::mailbox::MailboxSender;
use crate::outbox::Outbox;
use crate::traffic::{count_received, count_sent};

/// The far end of an external connection. See [`crate::tcp_client::TcpClient::external`].
#[derive(Debug)]
pub struct External {
    outbox: Arc<Outbox>,
    events: MailboxSender<TcpEvent>,
}

impl External {
    pub(crate) fn new(outbox: Arc<Outbox>, events: MailboxSender<TcpEvent>) -> Self {
        Self { outbox, events }
    }

    /// Takes the commands queued since the last call, in order.
    #[must_use]
    pub fn take_commands(&self) -> VecDeque<TcpCommand> {
        self.outbox.take_now()
    }

    /// Reports that `bytes` bytes of [`TcpCommand::Send`] were written to the stream.
    pub fn wrote(&self, bytes: usize) {
        count_sent(bytes);
        self.settle(bytes);
    }

    /// Reports that `bytes` bytes of [`TcpCommand::Send`] were dropped.
    pub fn settle(&self, bytes: usize) {
        self.outbox.settle(bytes);
    }

    /// Returns whether the user's side takes more bytes now. While it does not, leave them in the stream.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.events.has_room()
    }

    /// Reports an event.
    pub fn report(&self, event: TcpEvent) {
        let bytes = if let TcpEvent::Data(bytes) = &event {
            bytes.len()
        } else {
            0
        };
        count_received(bytes);
        self.events.send(event, bytes);
    }
}
