//! The server's answers to an opening handshake (RFC 6455 section 4.2.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::http::headers::ResponseHeader;
use crate::http::response::{Refusal, write_headers};

/// Appended to the key before hashing (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The 101 response. `protocol` is empty if no subprotocol was agreed on.
pub(crate) fn switching_protocols(key: &str, protocol: &str, headers: &[ResponseHeader]) -> Vec<u8> {
    let accept = accept_key(key);
    let mut out = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
    );
    if !protocol.is_empty() {
        out += &format!("Sec-WebSocket-Protocol: {protocol}\r\n");
    }
    write_headers(&mut out, headers);
    out += "\r\n";
    out.into_bytes()
}

/// The response to a refused handshake, with the headers that 405 (RFC 9110 section 15.5.6) and 426 (section 15.5.22,
/// RFC 6455 section 4.4) require.
pub(crate) fn refused(refusal: &Refusal) -> Vec<u8> {
    refusal.to_bytes(match refusal.status {
        405 => "Connection: close\r\nAllow: GET\r\n",
        426 => "Connection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        _ => "Connection: close\r\n",
    })
}

/// The `Sec-WebSocket-Accept` of a `Sec-WebSocket-Key` (RFC 6455 section 4.2.2, item 5.4).
pub(crate) fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(GUID);
    STANDARD.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_key_is_that_of_the_rfc() {
        // RFC 6455 section 1.3.
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_refusal_says_how_long_it_is() {
        let text = String::from_utf8(refused(&Refusal::new(426, "é"))).expect("UTF-8");
        assert!(text.starts_with("HTTP/1.1 426 Upgrade Required\r\n"));
        assert!(text.contains("\r\nSec-WebSocket-Version: 13\r\n"));
        assert!(text.contains("\r\nContent-Length: 2\r\n"));
        assert!(text.ends_with("\r\n\r\né"));
    }

    #[test]
    fn a_wrong_method_is_told_the_right_one() {
        let text = String::from_utf8(refused(&Refusal::new(405, ""))).expect("UTF-8");
        assert!(
            text.starts_with("HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nAllow: GET\r\n"),
            "{text}"
        );
    }
}
