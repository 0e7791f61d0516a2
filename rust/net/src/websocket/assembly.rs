//! A message in progress: its payload grows as it arrives, and counts against the server's memory.

use std::sync::Arc;

use bytes::Bytes;

use super::messages::Messages;
use crate::budget::Account;

/// Size of a message's first block, in bytes.
const FIRST: usize = 1024;

/// The payload of a message received so far.
#[derive(Debug)]
pub(crate) struct Assembly {
    payload: Payload,
    account: Arc<Account>,
    /// Bytes charged for the payload's block.
    charged: usize,
}

#[derive(Debug)]
enum Payload {
    /// Valid UTF-8, and the beginning of a character whose rest has not arrived.
    Text(String, Tail),
    Binary(Vec<u8>),
}

#[derive(Debug, Default)]
struct Tail {
    bytes: [u8; 4],
    len: usize,
}

/// The text is not valid UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotUtf8;

impl Assembly {
    pub(crate) fn new(is_text: bool, account: &Arc<Account>) -> Self {
        Self {
            payload: match is_text {
                true => Payload::Text(String::new(), Tail::default()),
                false => Payload::Binary(Vec::new()),
            },
            account: account.clone(),
            charged: 0,
        }
    }

    /// Number of bytes that the message's block takes.
    pub(crate) fn size(&self) -> usize {
        self.charged
    }

    /// Appends more of the payload, unmasked. `left` is the number of bytes of the message still to come, if that is
    /// known.
    pub(crate) fn push(&mut self, part: &[u8], left: Option<usize>) -> Result<(), NotUtf8> {
        self.reserve(part.len(), left);
        match &mut self.payload {
            Payload::Binary(bytes) => {
                bytes.extend_from_slice(part);
                Ok(())
            }
            Payload::Text(text, tail) => push_text(text, tail, part),
        }
    }

    /// Makes room for a part. The block doubles, but never beyond the known length of the message; a length that is
    /// only announced reserves nothing.
    fn reserve(&mut self, part: usize, left: Option<usize>) {
        let (len, capacity) = match &self.payload {
            Payload::Text(text, tail) => (text.len() + tail.len, text.capacity()),
            Payload::Binary(bytes) => (bytes.len(), bytes.capacity()),
        };
        let needed = len + part;
        if needed <= capacity {
            return;
        }
        let doubled = needed.max(capacity * 2).max(FIRST);
        let wanted = left.map_or(doubled, |left| doubled.min(needed + left));
        // Charged before it is allocated: this may shed the connections that hold most.
        self.account.charge(wanted - self.charged);
        self.charged = wanted;
        match &mut self.payload {
            Payload::Text(text, _) => text.reserve_exact(wanted - text.len()),
            Payload::Binary(bytes) => bytes.reserve_exact(wanted - bytes.len()),
        }
    }

    /// Hands over the message, which has ended. `expected` is how many bytes may follow it soon.
    pub(crate) fn finish(mut self, messages: &mut Messages, expected: usize) -> Result<(), NotUtf8> {
        match &mut self.payload {
            Payload::Text(_, tail) if tail.len > 0 => return Err(NotUtf8),
            Payload::Text(text, _) => {
                if has_slack(text.len(), text.capacity()) {
                    text.shrink_to_fit();
                }
                messages.push_text(std::mem::take(text), expected);
            }
            Payload::Binary(bytes) => {
                if has_slack(bytes.len(), bytes.capacity()) {
                    bytes.shrink_to_fit();
                }
                messages.push_binary(Bytes::from(std::mem::take(bytes)), expected);
            }
        }
        Ok(())
    }
}

impl Drop for Assembly {
    fn drop(&mut self) {
        self.account.release(self.charged);
    }
}

/// Returns whether a message leaves much of its block unused, as one of many fragments may: the block doubled without
/// its length being known.
fn has_slack(len: usize, capacity: usize) -> bool {
    capacity - len > len / 8
}

fn push_text(text: &mut String, tail: &mut Tail, part: &[u8]) -> Result<(), NotUtf8> {
    let mut rest = part;
    while tail.len > 0
        && let Some((byte, later)) = rest.split_first()
    {
        tail.bytes[tail.len] = *byte;
        tail.len += 1;
        rest = later;
        match std::str::from_utf8(&tail.bytes[..tail.len]) {
            Ok(character) => {
                text.push_str(character);
                tail.len = 0;
            }
            Err(error) if error.error_len().is_some() => return Err(NotUtf8),
            Err(_) => {}
        }
    }
    match std::str::from_utf8(rest) {
        Ok(valid) => text.push_str(valid),
        Err(error) if error.error_len().is_some() => return Err(NotUtf8),
        Err(error) => {
            let (valid, begun) = rest.split_at(error.valid_up_to());
            text.push_str(std::str::from_utf8(valid).map_err(|_| NotUtf8)?);
            tail.bytes[..begun.len()].copy_from_slice(begun);
            tail.len = begun.len();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::budget::Budget;
    use crate::websocket::messages::Message;

    const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn text_may_be_cut_anywhere() {
        let budget = Budget::new(0, usize::MAX);
        let share = budget.open(HOST);
        let text = "aé€😀z";
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let mut assembly = Assembly::new(true, &share.0);
                let bytes = text.as_bytes();
                for part in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                    assert_eq!(assembly.push(part, None), Ok(()));
                }
                let mut messages = Messages::default();
                assert_eq!(assembly.finish(&mut messages, 0), Ok(()));
                assert!(matches!(messages.next(), Some(Message::Text(whole)) if whole == text));
            }
        }
    }

    #[test]
    fn what_is_no_text_is_found_as_it_comes() {
        let budget = Budget::new(0, usize::MAX);
        let share = budget.open(HOST);
        let fresh = || Assembly::new(true, &share.0);
        assert_eq!(fresh().push(&[b'a', 0xFF], None), Err(NotUtf8));
        let mut cut = fresh();
        assert_eq!(cut.push(&[0xF0, 0x9F], None), Ok(()));
        assert_eq!(cut.push(b"x", None), Err(NotUtf8));
        let mut ended = fresh();
        assert_eq!(ended.push(&[0xE2, 0x82], None), Ok(()));
        assert_eq!(ended.finish(&mut Messages::default(), 0), Err(NotUtf8));
    }

    #[test]
    fn a_claim_reserves_nothing_and_an_end_gives_everything_back() {
        let budget = Budget::new(0, usize::MAX);
        let share = budget.open(HOST);
        let mut assembly = Assembly::new(false, &share.0);
        assembly.push(&[], Some(1 << 24)).expect("bytes");
        assert_eq!(budget.used(), 0);
        assembly.push(&[1; 10], Some(1 << 24)).expect("bytes");
        assert_eq!(budget.used(), FIRST);
        assembly.push(&[1; 10_000], Some(100)).expect("bytes");
        assert_eq!(budget.used(), 10_010);
        assembly.push(&[1; 60], Some(40)).expect("bytes");
        assert_eq!(budget.used(), 10_110);
        drop(assembly);
        assert_eq!(budget.used(), 0);
    }
}
