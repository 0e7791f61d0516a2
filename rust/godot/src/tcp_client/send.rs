//! Sending: queueing bytes, and waiting until they are handed to the system.

use std::rc::Rc;

use async_sockets_net::error::SendError;
use async_sockets_net::tcp_client::TcpClient as Connection;
use godot::builtin::{Variant, varray};
use godot::global::Error;
use godot::meta::ToGodot;

use super::core::ClientCore;
use super::session::Phase;
use crate::convert::{int, send_error};
use crate::pump::Pump;
use crate::task::NetTask;

/// A `send_async()` in flight.
pub(super) struct AwaitedSend {
    token: u64,
    /// Its number of bytes.
    len: usize,
}

impl ClientCore {
    pub(crate) fn send(&self, bytes: &[u8]) -> Error {
        self.queue(|connection| connection.send(bytes))
            .err()
            .unwrap_or(Error::OK)
    }

    pub(crate) fn send_async(self: &Rc<Self>, bytes: &[u8], timeout: f64) -> Variant {
        let pump = Pump::get();
        let token = self.session.borrow().last_token + 1;
        let sent = self.deadline("send_async", timeout).and_then(|deadline| {
            self.queue(|connection| connection.send_awaited(bytes).map(|()| connection.flush(token)))
                .map(|()| deadline)
        });
        let deadline = match sent {
            Ok(deadline) => deadline,
            Err(error) => return NetTask::answer(varray![error, 0], &pump),
        };
        self.session.borrow_mut().last_token = token;
        let send = AwaitedSend {
            token,
            len: bytes.len(),
        };
        self.sends.push(&**self, deadline, &varray![Error::ERR_SKIP, 0], send)
    }

    /// Queues bytes on the connection, if there is one.
    fn queue(&self, queue: impl FnOnce(&Connection) -> Result<(), SendError>) -> Result<(), Error> {
        let queued = {
            let session = self.session.borrow();
            let connection = session.connection.as_ref().filter(|_| session.phase.is_active());
            connection.map(queue)
        };
        match queued {
            Some(queued) => queued.map_err(|error| self.not_sent(error)),
            None => Err(self.say_not_open()),
        }
    }

    fn not_sent(&self, error: SendError) -> Error {
        let words = match error {
            SendError::Full => format!(
                "{error}: it holds max_pending_bytes, {} at the most",
                self.settings.max_pending_send.get()
            ),
            SendError::Closed => error.to_string(),
        };
        self.base.set_last_error(words);
        send_error(error)
    }

    pub(crate) fn shutdown_send(self: &Rc<Self>) {
        if matches!(self.session.borrow().phase, Phase::PeerClosed) {
            // Then both sides have ended.
            return self.close(false);
        }
        let session = &mut *self.session.borrow_mut();
        if let Some(connection) = &session.connection {
            connection.shutdown_send();
            session.send_ended = true;
        }
    }

    pub(super) fn answer_sends(&self, token: u64, pump: &Pump) {
        while let Some((task, send)) = self.sends.take_where(|send| send.token <= token) {
            NetTask::complete(&task, varray![Error::OK, int(send.len)].to_variant(), pump);
        }
    }

    pub(super) fn fail_sends(&self, error: Error, pump: &Pump) {
        for (task, _) in self.sends.take_all() {
            NetTask::complete(&task, varray![error, 0].to_variant(), pump);
        }
        self.answer_tls_waits(error, pump);
    }
}
