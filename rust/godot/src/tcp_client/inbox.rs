//! The received bytes of a client, and the receives that wait for them.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use async_sockets_net::receive::{Progress, Request, Want};
use async_sockets_net::recv_buffer::RecvBuffer;
use bytes::Bytes;
use godot::builtin::{GString, VarArray, Variant, varray};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;

use crate::convert::{int, no_bytes, packed, result_with, utf8_text};
use crate::pump::Pump;
use crate::socket::Socket;
use crate::task::NetTask;
use crate::waiting::Waiting;

/// How often a receive that keeps others waiting is checked for an awaiter.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// The buffered bytes and the pending receives, first in, first out.
#[derive(Default)]
pub(crate) struct Inbox {
    buffer: RefCell<RecvBuffer>,
    waiting: Waiting<Request>,
    /// Number of bytes given to the user, or dropped, that the mailbox still counts.
    consumed: Cell<usize>,
    /// The message of the last receive that exceeded its limit.
    complaint: RefCell<Option<String>>,
}

impl Inbox {
    pub(crate) fn push(&self, bytes: Bytes) {
        self.buffer.borrow_mut().push(bytes);
    }

    pub(crate) fn len(&self) -> usize {
        self.buffer.borrow().len()
    }

    /// Whether a receive is pending.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether a receive is in the queue: pending, or cancelled.
    pub(crate) fn has_queue(&self) -> bool {
        self.waiting.queued() > 0
    }

    pub(crate) fn wait(
        &self,
        owner: &dyn Socket,
        deadline: Option<Instant>,
        if_cancelled: &VarArray,
        request: Request,
    ) -> Variant {
        let signal = self.waiting.push(owner, deadline, if_cancelled, request);
        if self.waiting.queued() == 2 {
            Pump::get().set_alarm(owner, Instant::now() + LOOK_INTERVAL);
        }
        signal
    }

    /// Clears the buffer, for a new connection.
    pub(crate) fn clear(&self) {
        self.buffer.borrow_mut().clear();
        self.consumed.set(0);
    }

    pub(crate) fn take_everything(&self) -> Bytes {
        let mut all = vec![0; self.len()];
        self.buffer.borrow().copy_to(0, &mut all);
        self.consume(all.len());
        all.into()
    }

    /// Drops the buffered bytes.
    pub(crate) fn drop_everything(&self) {
        self.consume(self.len());
    }

    /// Number of bytes that the mailbox can stop counting.
    pub(crate) fn take_consumed(&self) -> usize {
        self.consumed.take()
    }

    /// The result of a receive, if the buffer suffices for it; otherwise the number of bytes it needs.
    pub(crate) fn take(&self, request: &mut Request) -> Result<VarArray, usize> {
        let progress = request.check(&self.buffer.borrow());
        match progress {
            Progress::Needs(bytes) => Err(bytes),
            Progress::TooLong(_) => {
                *self.complaint.borrow_mut() = Some(too_long(request.want()));
                Ok(failure(request.want(), Error::ERR_OUT_OF_MEMORY))
            }
            Progress::Found { skip, len, drop } => {
                let value = self.value(request.want(), skip, len);
                self.consume(skip + len + drop);
                Ok(result_with(Error::OK, &value))
            }
        }
    }

    /// The result of a receive on a connection that has ended: the error, and what did arrive.
    pub(crate) fn take_rest(&self, request: &mut Request, error: Error, with_bytes: bool) -> VarArray {
        match self.take(request) {
            Ok(result) => result,
            Err(_) if with_bytes && self.len() > 0 => {
                let skip = if let Want::Packet { .. } = request.want() {
                    self.len().min(4)
                } else {
                    0
                };
                let len = self.len();
                let value = self.value(request.want(), skip, len - skip);
                self.consume(len);
                result_with(error, &value)
            }
            Err(_) => failure(request.want(), error),
        }
    }

    fn value(&self, want: &Want, skip: usize, len: usize) -> Variant {
        let buffer = self.buffer.borrow();
        match want {
            Want::Readable => int(buffer.len()).to_variant(),
            Want::Line { .. } => match buffer.contiguous(skip, len) {
                Some(line) => utf8_text(line).to_variant(),
                None => {
                    let mut line = vec![0; len];
                    buffer.copy_to(skip, &mut line);
                    utf8_text(&line).to_variant()
                }
            },
            _ => packed(&buffer, skip, len).to_variant(),
        }
    }

    /// The message of the last result, if that exceeded its limit.
    pub(crate) fn take_complaint(&self) -> Option<String> {
        self.complaint.take()
    }

    fn consume(&self, bytes: usize) {
        self.buffer.borrow_mut().consume(bytes);
        self.consumed.set(self.consumed.get() + bytes);
    }

    /// The first receive, with its result, if the buffer suffices for it.
    pub(crate) fn next_answer(&self) -> Option<(Gd<NetTask>, VarArray)> {
        let can_be_answered =
            |request: &mut Request| !matches!(request.check(&self.buffer.borrow()), Progress::Needs(_));
        let (task, mut request) = self.waiting.pop_if(can_be_answered)?;
        let result = self.take(&mut request).ok()?;
        Some((task, result))
    }

    /// The first receive, with its result on a connection that has ended.
    pub(crate) fn next_failure(&self, error: Error, with_bytes: bool) -> Option<(Gd<NetTask>, VarArray)> {
        let (task, mut request) = self.waiting.pop()?;
        Some((task, self.take_rest(&mut request, error, with_bytes)))
    }

    /// A receive that has timed out, with its result.
    pub(crate) fn next_expired(&self, now: Instant) -> Option<(Gd<NetTask>, VarArray)> {
        let (task, request) = self.waiting.next_expired(now)?;
        Some((task, failure(request.want(), Error::ERR_TIMEOUT)))
    }

    /// When the owner has to check for timeouts again. While several receives are pending this includes the next check
    /// for an awaiter of the first one: its loss is not reported, and the bytes it does not take may be what the next
    /// receive needs.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let look = (self.waiting.queued() > 1).then(|| now + LOOK_INTERVAL);
        [self.waiting.next_deadline(), look].into_iter().flatten().min()
    }

    /// Number of bytes that the first receive needs in the buffer.
    pub(crate) fn demand(&self) -> usize {
        match self.waiting.peek(|request| request.check(&self.buffer.borrow())) {
            Some(Progress::Needs(bytes)) => bytes,
            _ => 0,
        }
    }

    /// Drops receives without an awaiter that would need more than `room`.
    pub(crate) fn drop_needless(&self, room: usize) {
        if self.demand() > room {
            self.waiting.somebody_waits();
        }
    }
}

/// The message for more bytes than a receive may take, and what to do.
fn too_long(want: &Want) -> String {
    let (what, limit, max) = match want {
        Want::Packet { max, .. } => ("a packet", "max_packet_size", max),
        Want::Line { max } => ("a line", "max_bytes", max),
        Want::Until { max, .. } => ("no delimiter, and", "max_bytes", max),
        _ => return String::new(),
    };
    format!(
        "{what} of more than {max} bytes: with the same limit the next call fails too; give a larger {limit}, or skip the \
         bytes by recv_some()"
    )
}

/// The result of a receive that failed, with an empty value of the right type.
pub(crate) fn failure(want: &Want, error: Error) -> VarArray {
    match want {
        Want::Readable => varray![error, 0],
        Want::Line { .. } => varray![error, &GString::new()],
        _ => result_with(error, &no_bytes()),
    }
}
