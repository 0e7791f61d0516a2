//! What a script sends while there is no connection.

use std::collections::VecDeque;

use async_sockets_net::error::SendError;
use async_sockets_net::websocket_client::WebSocketClient as Connection;

/// Messages that wait for the next connection, in order.
#[derive(Default)]
pub(super) struct Outbox {
    items: VecDeque<Item>,
    /// Payload bytes of the messages.
    bytes: usize,
}

/// What a message takes beside its payload. It does not count against the limit, but must not exceed it either, nor
/// [`FREE`].
const OVERHEAD: usize = 32;

/// What the overhead of all messages may take in any case.
const FREE: usize = 1024 * 1024;

enum Item {
    Text(Box<[u8]>),
    Binary(Box<[u8]>),
    Flush(u64),
}

/// A message of a script.
#[derive(Clone, Copy)]
pub(super) enum Outgoing<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl Outgoing<'_> {
    /// Sends it on a connection.
    pub(super) fn send(self, connection: &Connection) -> Result<(), SendError> {
        match self {
            Self::Text(text) => connection.send_text(text),
            Self::Binary(data) => connection.send_binary(data),
        }
    }
}

impl Outbox {
    /// Keeps a message unless that would take more than `limit` bytes.
    pub(super) fn push(&mut self, message: Outgoing<'_>, limit: usize) -> Result<(), SendError> {
        let len = match message {
            Outgoing::Text(text) => text.len(),
            Outgoing::Binary(data) => data.len(),
        };
        let bytes = self.bytes.saturating_add(len);
        let overhead = self.items.len() * OVERHEAD;
        if bytes > limit || overhead > limit.max(FREE) {
            return Err(SendError::Full);
        }
        self.bytes = bytes;
        self.items.push_back(match message {
            Outgoing::Text(text) => Item::Text(text.as_bytes().into()),
            Outgoing::Binary(data) => Item::Binary(data.into()),
        });
        Ok(())
    }

    /// Asks for an answer once everything before it is sent. Tokens grow, and an answer is one to all smaller ones too.
    pub(super) fn flush(&mut self, token: u64) {
        match self.items.back_mut() {
            Some(Item::Flush(last)) => *last = token,
            _ => self.items.push_back(Item::Flush(token)),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn has_messages(&self) -> bool {
        self.items.iter().any(|item| !matches!(item, Item::Flush(_)))
    }

    /// Sends everything on a connection, whatever its limit of pending bytes. What it does not accept any more, since
    /// it is over already, is kept.
    pub(super) fn send_all(&mut self, connection: &Connection) {
        while let Some(item) = self.items.front() {
            let (sent, len) = match item {
                Item::Text(text) => (connection.send_kept(true, text), text.len()),
                Item::Binary(data) => (connection.send_kept(false, data), data.len()),
                Item::Flush(token) => {
                    connection.flush(*token);
                    (true, 0)
                }
            };
            if !sent {
                break;
            }
            self.items.pop_front();
            self.bytes -= len;
        }
        if self.items.is_empty() {
            // The memory goes too.
            self.items = VecDeque::new();
        }
    }

    /// Drops the last messages until the rest takes at most `limit` bytes; returns how many bytes they were.
    pub(super) fn shorten(&mut self, limit: usize) -> usize {
        let before = self.bytes;
        while self.bytes > limit
            && let Some(item) = self.items.pop_back()
        {
            self.bytes -= match item {
                Item::Text(bytes) | Item::Binary(bytes) => bytes.len(),
                Item::Flush(_) => 0,
            };
        }
        before - self.bytes
    }

    /// Drops the messages; returns how many bytes they were.
    pub(super) fn clear(&mut self) -> usize {
        self.items = VecDeque::new();
        std::mem::take(&mut self.bytes)
    }
}
