//! Numbered payloads, which make it possible to compare every received byte with what was sent.

/// Length of the number at the start of a payload, in bytes.
pub(crate) const SEQUENCE_LEN: usize = 16;

/// A payload that begins with a hexadecimal number; the other bytes differ per client. All of it is ASCII, so it is
/// valid text too.
#[derive(Debug, Clone)]
pub(crate) struct Payload(Vec<u8>);

impl Payload {
    /// The payload with number 0.
    pub(crate) fn new(size: usize, client: usize) -> Self {
        let mut bytes = vec![b'0'; SEQUENCE_LEN];
        let letters = (0..).map(|n: usize| b'a' + ((n * 7 + client) % 26) as u8);
        bytes.extend(letters.take(size - SEQUENCE_LEN));
        Self(bytes)
    }

    /// A payload whose other bytes are all `x`, as a server makes them in a broadcast.
    pub(crate) fn plain(size: usize) -> Self {
        let mut bytes = vec![b'0'; SEQUENCE_LEN];
        bytes.resize(size, b'x');
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn sequence(&self) -> &[u8] {
        &self.0[..SEQUENCE_LEN]
    }

    /// Advances to the next number.
    pub(crate) fn advance(&mut self) {
        for digit in self.0[..SEQUENCE_LEN].iter_mut().rev() {
            *digit = match *digit {
                b'9' => b'a',
                b'f' => b'0',
                other => other + 1,
            };
            if *digit != b'0' {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_in_hexadecimal() {
        let mut payload = Payload::new(20, 1);
        for _ in 0..0x1a0 {
            payload.advance();
        }
        assert_eq!(payload.sequence(), b"00000000000001a0");
        assert_eq!(payload.bytes().len(), 20);
    }
}
