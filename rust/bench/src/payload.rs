//! Numbered payloads: what comes back is compared with what was sent, byte by byte.

/// Bytes of the number in front of a payload.
pub(crate) const SEQUENCE_LEN: usize = 16;

/// A payload whose first bytes are a number in hexadecimal digits, and whose others tell the clients apart. All of it is
/// ASCII, so it is a text too.
#[derive(Debug, Clone)]
pub(crate) struct Payload(Vec<u8>);

impl Payload {
    /// The payload with the number 0.
    pub(crate) fn new(size: usize, client: usize) -> Self {
        let mut bytes = vec![b'0'; SEQUENCE_LEN];
        let letters = (0..).map(|n: usize| b'a' + ((n * 7 + client) % 26) as u8);
        bytes.extend(letters.take(size - SEQUENCE_LEN));
        Self(bytes)
    }

    /// One whose other bytes are all `x`, as a server makes them in a broadcast.
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

    /// Goes on to the next number.
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
