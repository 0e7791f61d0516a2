//! The received messages of a client, and the receives that wait for them.

use std::cell::RefCell;
use std::collections::VecDeque;

use async_sockets_net::websocket::messages::{Message, Messages};
use godot::builtin::{GString, PackedByteArray, VarArray, Variant, varray};
use godot::global::Error;
use godot::meta::ToGodot;

use crate::convert::{no_bytes, prepared_text, result_with, text};
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
        let value = value(&first.next()?, as_data);
        if first.is_empty() {
            batches.pop_front();
        }
        Some(result_with(Error::OK, &value))
    }
}

/// A message as the script receives it; with `as_data`, text as its UTF-8 bytes.
pub(super) fn value(message: &Message<'_>, as_data: bool) -> Variant {
    match message {
        Message::Binary(bytes) => PackedByteArray::from(*bytes).to_variant(),
        Message::Text(message) | Message::PreparedText(message, _) if as_data => {
            PackedByteArray::from(message.as_bytes()).to_variant()
        }
        Message::Text(message) => text(message).to_variant(),
        Message::PreparedText(message, prepared) => {
            prepared_text(prepared).unwrap_or_else(|| text(message)).to_variant()
        }
    }
}

/// The result of a receive without a message.
pub(super) fn failure(want: Want, error: Error) -> VarArray {
    match want {
        Want::Any | Want::Text => varray![error, &GString::new()],
        Want::Binary => result_with(error, &no_bytes()),
    }
}
