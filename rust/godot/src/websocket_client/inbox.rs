//! The received messages of a client, and the receives that wait for them.

use std::cell::RefCell;
use std::collections::VecDeque;

use async_sockets_net::websocket::messages::Messages;
use godot::builtin::{GString, VarArray, varray};
use godot::global::Error;

use crate::convert::{message_value, no_bytes, result_with};
use crate::waiting::Waiting;

/// What a receive takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Any,
    Text,
    Binary,
}

/// Messages that the script has not received, and the pending receives, both first in, first out.
#[derive(Default)]
pub(super) struct Inbox {
    batches: RefCell<VecDeque<Messages>>,
    pub(super) waiting: Waiting<Want>,
}

impl Inbox {
    pub(super) fn push(&self, messages: Messages) {
        if !messages.is_empty() {
            self.batches.borrow_mut().push_back(messages);
        }
    }

    /// Puts messages back that a turn did not handle.
    pub(super) fn put_back(&self, messages: Messages) {
        if !messages.is_empty() {
            self.batches.borrow_mut().push_front(messages);
        }
    }

    /// Takes the oldest messages.
    pub(super) fn take_batch(&self) -> Option<Messages> {
        self.batches.borrow_mut().pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.borrow().is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.batches.borrow().iter().map(Messages::len).sum()
    }

    pub(super) fn clear(&self) {
        self.batches.take();
    }

    /// The result of a receive, if there is a message. One of another kind stays.
    pub(super) fn take(&self, want: Want, as_data: bool) -> Option<VarArray> {
        let mut batches = self.batches.borrow_mut();
        let first = batches.front_mut()?;
        let is_text = first.next_is_text()?;
        let fits = match want {
            Want::Any => true,
            Want::Text => is_text,
            Want::Binary => !is_text,
        };
        if !fits {
            return Some(failure(want, Error::ERR_INVALID_DATA));
        }
        let value = message_value(&first.next()?, as_data);
        if first.is_empty() {
            batches.pop_front();
        }
        Some(result_with(Error::OK, &value))
    }
}

/// The result of a receive without a message.
pub(super) fn failure(want: Want, error: Error) -> VarArray {
    match want {
        Want::Any | Want::Text => varray![error, &GString::new()],
        Want::Binary => result_with(error, &no_bytes()),
    }
}
