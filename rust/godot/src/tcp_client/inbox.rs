//! The receives of one connection: what waits, in order, and the bytes it waits for.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use async_sockets_net::receive::{Progress, Request, Want};
use async_sockets_net::recv_buffer::RecvBuffer;
use bytes::Bytes;
use godot::builtin::{GString, VarArray, Variant, varray};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;

use crate::convert::{int, no_bytes, packed, result_with, utf8_text};
use crate::socket::Socket;
use crate::task::NetTask;
use crate::waiting::Waiting;

/// The bytes that have come and the receives that wait for them.
#[derive(Default)]
pub(crate) struct Inbox {
    buffer: RefCell<RecvBuffer>,
    waiting: Waiting<Request>,
    /// Bytes given to the user, or dropped, that the mailbox still counts.
    consumed: Cell<usize>,
}

impl Inbox {
    pub(crate) fn push(&self, bytes: Bytes) {
        self.buffer.borrow_mut().push(bytes);
    }

    pub(crate) fn len(&self) -> usize {
        self.buffer.borrow().len()
    }

    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(crate) fn wait(
        &self,
        owner: &Rc<dyn Socket>,
        deadline: Option<Instant>,
        if_cancelled: &VarArray,
        request: Request,
    ) -> Variant {
        self.waiting.push(owner, deadline, if_cancelled, request)
    }

    /// Forgets the bytes, for a new connection.
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

    /// How many bytes the mailbox can stop counting.
    pub(crate) fn take_consumed(&self) -> usize {
        self.consumed.take()
    }

    /// The result of a receive, if it can be had from what is there; else how many bytes it needs.
    pub(crate) fn take(&self, request: &mut Request) -> Result<VarArray, usize> {
        let progress = request.check(&self.buffer.borrow());
        match progress {
            Progress::Needs(bytes) => Err(bytes),
            Progress::TooLong(_) => Ok(failure(request.want(), Error::ERR_OUT_OF_MEMORY)),
            Progress::Found { skip, len, drop } => {
                let value = self.value(request.want(), skip, len);
                self.consume(skip + len + drop);
                Ok(result_with(Error::OK, &value))
            }
        }
    }

    /// The result of a receive on a connection that gives no more bytes: the error, and what did arrive.
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

    fn consume(&self, bytes: usize) {
        self.buffer.borrow_mut().consume(bytes);
        self.consumed.set(self.consumed.get() + bytes);
    }

    /// The first receive that can be answered now, with its result.
    pub(crate) fn next_answer(&self) -> Option<(Gd<NetTask>, VarArray)> {
        self.waiting.pop_map(|request| self.take(request).ok())
    }

    /// The first receive that waits, with its result now that no more bytes come.
    pub(crate) fn next_failure(&self, error: Error, with_bytes: bool) -> Option<(Gd<NetTask>, VarArray)> {
        self.waiting
            .pop_map(|request| Some(self.take_rest(request, error, with_bytes)))
    }

    /// A receive whose time is over.
    pub(crate) fn next_expired(&self, now: Instant) -> Option<(Gd<NetTask>, VarArray)> {
        let (task, request) = self.waiting.next_expired(now)?;
        Some((task, failure(request.want(), Error::ERR_TIMEOUT)))
    }

    /// When the next one's time is over.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.waiting.next_deadline()
    }

    /// How many bytes the first receive needs in the buffer.
    pub(crate) fn demand(&self) -> usize {
        let progress = self
            .waiting
            .look_at_first(|request| request.check(&self.buffer.borrow()));
        match progress {
            Some(Progress::Needs(bytes)) => bytes,
            _ => 0,
        }
    }
}

/// The result of a receive that failed, with an empty value of the right type.
pub(crate) fn failure(want: &Want, error: Error) -> VarArray {
    match want {
        Want::Readable => varray![error, 0],
        Want::Line { .. } => varray![error, &GString::new()],
        _ => result_with(error, &no_bytes()),
    }
}
