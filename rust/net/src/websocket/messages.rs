//! Messages on their way to the main thread: everything that one client has sent since the main thread last took its
//! messages.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::block_in_place;

use crate::budget::{Budget, Queued};

/// Payloads of up to this size, in bytes, are copied together into one block. A larger one stays where it was received,
/// and a larger text is prepared.
pub(crate) const COPY_LIMIT: usize = 4 * 1024;

/// Bytes counted for each byte of a prepared text: UTF-32 takes four for each ASCII character.
const PREPARED_FACTOR: usize = 4;

/// More bytes of text than this, in total, are prepared in a blocking section, so that the worker's other tasks do not
/// wait.
const PREPARE_ASIDE: usize = 64 * 1024;

/// Unused bytes that a block of small messages may have beyond twice its contents.
const SLACK: usize = 256;

/// Bytes that a message counts against the limits of queued bytes, besides its payload.
const OVERHEAD: usize = 32;

/// A text in the form in which the main thread passes it on, opaque to this crate.
pub type Prepared = Box<dyn Any + Send>;

/// Converts a text of more than 4 KiB, on a thread of the runtime, since the main thread might take too long for it:
/// into an engine's own string type, for example. The result must not be larger than four bytes for each byte of the
/// text.
pub type PrepareText = fn(&str) -> Prepared;

/// One message, as the main thread sees it.
#[derive(Debug, Clone, Copy)]
pub enum Message<'a> {
    /// A text message. It may contain U+0000 or begin with U+FEFF.
    Text(&'a str),
    /// A large text message, and its prepared form.
    PreparedText(&'a str, &'a Prepared),
    /// A binary message.
    Binary(&'a [u8]),
}

/// What becomes of a binary message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sifted {
    Keep,
    /// Keeps what begins here.
    KeepFrom(usize),
    Drop,
}

/// The messages of one client, in order. Small ones are stored back to back in two blocks, so that hundreds of them
/// cost three allocations.
#[derive(Debug, Default)]
pub struct Messages {
    entries: Vec<Entry>,
    /// Index of the next entry to return.
    next: usize,
    text: String,
    /// Offset of the next small text.
    text_at: usize,
    binary: Vec<u8>,
    /// Offset of the next small binary message.
    binary_at: usize,
    large: VecDeque<Large>,
    /// The large message returned last.
    current: Option<Large>,
    payload: usize,
    /// Bytes counted for all prepared texts.
    prepared: usize,
    prepare: Option<PrepareText>,
    /// Counts the messages as queued for as long as they exist.
    queued: Option<Queued>,
}

#[derive(Debug, Clone, Copy)]
enum Entry {
    Text(u32),
    Binary(u32),
    Large,
}

#[derive(Debug)]
enum Large {
    Text(String, Option<Prepared>),
    Binary(Bytes),
}

impl Messages {
    /// Creates an empty queue. Large texts are prepared by `prepare`.
    pub(crate) fn new(prepare: Option<PrepareText>) -> Self {
        Self {
            prepare,
            ..Self::default()
        }
    }

    /// The next message, borrowed until the next call.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Option<Message<'_>> {
        let entry = *self.entries.get(self.next)?;
        self.next += 1;
        match entry {
            Entry::Text(len) => {
                let from = self.text_at;
                self.text_at += len as usize;
                self.text.get(from..self.text_at).map(Message::Text)
            }
            Entry::Binary(len) => {
                let from = self.binary_at;
                self.binary_at += len as usize;
                self.binary.get(from..self.binary_at).map(Message::Binary)
            }
            Entry::Large => {
                self.current = self.large.pop_front();
                self.current.as_ref().map(|large| match large {
                    Large::Text(text, None) => Message::Text(text),
                    Large::Text(text, Some(prepared)) => Message::PreparedText(text, prepared),
                    Large::Binary(bytes) => Message::Binary(bytes),
                })
            }
        }
    }

    /// Whether [`Self::next`] will return a text; `None` if no message is left.
    #[must_use]
    pub fn next_is_text(&self) -> Option<bool> {
        Some(match self.entries.get(self.next)? {
            Entry::Text(_) => true,
            Entry::Binary(_) => false,
            Entry::Large => matches!(self.large.front()?, Large::Text(..)),
        })
    }

    /// Length of the message that [`Self::next`] will return, in bytes; `None` if no message is left.
    #[must_use]
    pub fn next_len(&self) -> Option<usize> {
        Some(match *self.entries.get(self.next)? {
            Entry::Text(len) | Entry::Binary(len) => len as usize,
            Entry::Large => match self.large.front()? {
                Large::Text(text, _) => text.len(),
                Large::Binary(bytes) => bytes.len(),
            },
        })
    }

    /// Number of messages that [`Self::next`] will return.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len() - self.next
    }

    /// Returns whether no message is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of payload bytes in all messages, including those already returned.
    pub(crate) fn payload_bytes(&self) -> usize {
        self.payload
    }

    /// Number of bytes that the messages count against the limits of queued bytes.
    pub(crate) fn weight(&self) -> usize {
        self.payload + self.prepared + self.entries.len() * OVERHEAD
    }

    /// Counts the messages as queued until they are dropped, prepares the large texts, and frees memory that the small
    /// ones do not need. May block this thread for a while, so the caller must not hold anything that others need.
    pub(crate) fn settle(&mut self, budget: &Arc<Budget>) {
        if self.text.capacity() > 2 * self.text.len() + SLACK {
            self.text.shrink_to_fit();
        }
        if self.binary.capacity() > 2 * self.binary.len() + SLACK {
            self.binary.shrink_to_fit();
        }
        self.queued = Some(budget.queue(self.weight()));
        if self.prepared > PREPARE_ASIDE * PREPARED_FACTOR {
            // This worker's other tasks continue on another thread meanwhile.
            block_in_place(|| self.prepare());
        } else if self.prepared > 0 {
            self.prepare();
        }
    }

    fn prepare(&mut self) {
        let Some(prepare) = self.prepare else { return };
        for large in &mut self.large {
            if let Large::Text(text, prepared @ None) = large {
                *prepared = Some(prepare(text));
            }
        }
    }

    /// Appends a text of at most 4 KiB. `expected` is how many bytes may follow it soon.
    pub(crate) fn push_small_text(&mut self, text: &str, expected: usize) {
        self.payload += text.len();
        if self.text.is_empty() {
            self.text.reserve(text.len() + expected);
        }
        self.text.push_str(text);
        // At most 4 KiB, so the length fits.
        self.entries.push(Entry::Text(text.len() as u32));
    }

    /// Appends a binary message of at most 4 KiB, likewise.
    pub(crate) fn push_small_binary(&mut self, bytes: &[u8], expected: usize) {
        self.payload += bytes.len();
        if self.binary.is_empty() {
            self.binary.reserve(bytes.len() + expected);
        }
        self.binary.extend_from_slice(bytes);
        self.entries.push(Entry::Binary(bytes.len() as u32));
    }

    /// Appends a text. `expected` is how many bytes may follow it soon.
    pub(crate) fn push_text(&mut self, text: String, expected: usize) {
        if text.len() <= COPY_LIMIT {
            return self.push_small_text(&text, expected);
        }
        self.payload += text.len();
        if self.prepare.is_some() {
            self.prepared += text.len() * PREPARED_FACTOR;
        }
        self.large.push_back(Large::Text(text, None));
        self.entries.push(Entry::Large);
    }

    /// Appends a binary message, likewise.
    pub(crate) fn push_binary(&mut self, bytes: Bytes, expected: usize) {
        if bytes.len() <= COPY_LIMIT {
            return self.push_small_binary(&bytes, expected);
        }
        self.payload += bytes.len();
        self.large.push_back(Large::Binary(bytes));
        self.entries.push(Entry::Large);
    }

    /// Decides about each binary message, in order, and returns what is kept. None may have been returned yet.
    pub(crate) fn sift(mut self, mut decide: impl FnMut(&[u8]) -> Sifted) -> Self {
        let mut kept = Self::new(self.prepare);
        let (mut text_at, mut binary_at) = (0, 0);
        for entry in std::mem::take(&mut self.entries) {
            match entry {
                Entry::Text(len) => {
                    let end = text_at + len as usize;
                    kept.push_small_text(self.text.get(text_at..end).unwrap_or_default(), 0);
                    text_at = end;
                }
                Entry::Binary(len) => {
                    let end = binary_at + len as usize;
                    let bytes = self.binary.get(binary_at..end).unwrap_or_default();
                    let rest = self.binary.len() - end;
                    match decide(bytes) {
                        Sifted::Keep => kept.push_small_binary(bytes, rest),
                        Sifted::KeepFrom(at) => kept.push_small_binary(bytes.get(at..).unwrap_or_default(), rest),
                        Sifted::Drop => {}
                    }
                    binary_at = end;
                }
                Entry::Large => match self.large.pop_front() {
                    Some(Large::Text(text, _)) => kept.push_text(text, 0),
                    Some(Large::Binary(bytes)) => match decide(&bytes) {
                        Sifted::Keep => kept.push_binary(bytes, 0),
                        Sifted::KeepFrom(at) => kept.push_binary(bytes.slice(at.min(bytes.len())..), 0),
                        Sifted::Drop => {}
                    },
                    None => {}
                },
            }
        }
        kept
    }

    /// Appends all of `later`. Neither may have returned a message yet.
    pub(crate) fn append(&mut self, mut later: Self) {
        if self.entries.is_empty() {
            *self = later;
            return;
        }
        self.entries.append(&mut later.entries);
        self.text.push_str(&later.text);
        self.binary.extend_from_slice(&later.binary);
        self.large.append(&mut later.large);
        self.payload += later.payload;
        self.prepared += later.prepared;
        match (&mut self.queued, later.queued.take()) {
            (Some(queued), Some(more)) => queued.absorb(more),
            (queued, more) => *queued = more,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_sizes_keep_their_order() {
        let big = "x".repeat(COPY_LIMIT + 1);
        let mut messages = Messages::default();
        messages.push_text("a".into(), 0);
        messages.push_binary(Bytes::from_static(&[1, 2]), 0);
        messages.push_text("".into(), 0);
        let mut later = Messages::default();
        later.push_text(big.as_str().into(), 0);
        later.push_binary(Bytes::new(), 0);
        later.push_text("é".into(), 0);
        messages.append(later);
        assert_eq!(messages.len(), 6);
        assert_eq!(messages.payload_bytes(), 1 + 2 + big.len() + 2);
        assert!(matches!(messages.next(), Some(Message::Text("a"))));
        assert!(matches!(messages.next(), Some(Message::Binary(&[1, 2]))));
        assert!(matches!(messages.next(), Some(Message::Text(""))));
        assert!(matches!(messages.next(), Some(Message::Text(text)) if text == big));
        assert!(matches!(messages.next(), Some(Message::Binary(&[]))));
        assert!(matches!(messages.next(), Some(Message::Text("é"))));
        assert!(messages.next().is_none());
        assert!(messages.is_empty());
    }

    #[test]
    fn what_is_sifted_keeps_its_order() {
        let big = Bytes::from(vec![7; COPY_LIMIT + 10]);
        let mut messages = Messages::default();
        messages.push_binary(Bytes::from_static(&[1, 2]), 0);
        messages.push_text("a".into(), 0);
        messages.push_binary(Bytes::from_static(&[9, 3]), 0);
        messages.push_binary(big.clone(), 0);
        messages.push_text("x".repeat(COPY_LIMIT + 1), 0);
        messages.push_binary(Bytes::from_static(&[4]), 0);
        let mut kept = messages.sift(|bytes| match bytes {
            [1, ..] => Sifted::Drop,
            [9, ..] => Sifted::KeepFrom(1),
            [7, ..] => Sifted::KeepFrom(20),
            _ => Sifted::Keep,
        });
        assert_eq!(kept.payload_bytes(), 1 + 1 + big.len() - 20 + COPY_LIMIT + 1 + 1);
        assert!(matches!(kept.next(), Some(Message::Text("a"))));
        assert!(matches!(kept.next(), Some(Message::Binary(&[3]))));
        assert!(matches!(kept.next(), Some(Message::Binary(bytes)) if bytes == &big[20..]));
        assert!(matches!(kept.next(), Some(Message::Text(text)) if text.len() == COPY_LIMIT + 1));
        assert!(matches!(kept.next(), Some(Message::Binary(&[4]))));
        assert!(kept.next().is_none());
    }

    #[test]
    fn large_texts_are_prepared_and_weighed() {
        let big = "x".repeat(COPY_LIMIT + 1);
        let budget = Budget::new(0, usize::MAX);
        let mut messages = Messages::new(Some(|text| Box::new(text.len())));
        messages.push_text("small".into(), 0);
        let mut later = Messages::new(Some(|text| Box::new(text.len())));
        later.push_text(big.as_str().into(), 0);
        later.settle(&budget);
        messages.settle(&budget);
        messages.append(later);
        assert_eq!(budget.used(), messages.weight());
        assert_eq!(messages.payload_bytes(), 5 + big.len());
        assert_eq!(messages.weight(), 5 + big.len() * 5 + 2 * OVERHEAD);
        assert!(matches!(messages.next(), Some(Message::Text("small"))));
        let Some(Message::PreparedText(text, prepared)) = messages.next() else {
            panic!("the large text was not prepared");
        };
        assert_eq!((text, prepared.downcast_ref()), (big.as_str(), Some(&big.len())));
        drop(messages);
        assert_eq!(budget.used(), 0);
    }
}
