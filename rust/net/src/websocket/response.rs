//! The server's answers to an opening handshake (RFC 6455 section 4.2.2, RFC 9110 section 15).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::options::ResponseHeader;

/// What the accept key is derived with (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A request is answered with an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// Plain text for a person who reads it.
    pub(crate) body: String,
    /// More header lines.
    pub(crate) headers: Vec<ResponseHeader>,
}

impl Refusal {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            body: body.into(),
            headers: Vec::new(),
        }
    }

    /// The whole response.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let more = match self.status {
            405 => "Connection: close\r\nAllow: GET\r\n",
            426 => "Connection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            _ => "Connection: close\r\n",
        };
        let (status, phrase, len) = (self.status, phrase(self.status), self.body.len());
        let mut out = format!("HTTP/1.1 {status} {phrase}\r\n{more}");
        let names_type = |header: &ResponseHeader| header.name().eq_ignore_ascii_case("content-type");
        if !self.headers.iter().any(names_type) {
            out += "Content-Type: text/plain; charset=utf-8\r\n";
        }
        write_headers(&mut out, &self.headers);
        out += &format!("Content-Length: {len}\r\n\r\n{}", self.body);
        out.into_bytes()
    }
}

/// The 101 response. `protocol` is empty if none was agreed on.
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

fn write_headers(out: &mut String, headers: &[ResponseHeader]) {
    for header in headers {
        *out += &format!("{}: {}\r\n", header.name(), header.value());
    }
}

fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(GUID);
    STANDARD.encode(hash.finalize())
}

fn phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Refused",
    }
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
        let text = String::from_utf8(Refusal::new(426, "é").to_bytes()).expect("UTF-8");
        assert!(text.starts_with("HTTP/1.1 426 Upgrade Required\r\n"));
        assert!(text.contains("\r\nSec-WebSocket-Version: 13\r\n"));
        assert!(text.contains("\r\nContent-Length: 2\r\n"));
        assert!(text.ends_with("\r\n\r\né"));
    }

    #[test]
    fn a_refusal_has_the_headers_that_it_was_given() {
        let headers = ["WWW-Authenticate: Bearer", "content-type: application/json"];
        let refusal = Refusal {
            headers: headers.map(|line| ResponseHeader::parse(line).expect("valid")).into(),
            ..Refusal::new(401, "{}")
        };
        let text = String::from_utf8(refusal.to_bytes()).expect("UTF-8");
        assert!(text.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{text}");
        assert!(text.contains("\r\nWWW-Authenticate: Bearer\r\n"), "{text}");
        assert_eq!(text.to_ascii_lowercase().matches("content-type").count(), 1, "{text}");
        assert!(text.ends_with("\r\nContent-Length: 2\r\n\r\n{}"), "{text}");
    }
}
