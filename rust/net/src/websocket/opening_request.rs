//! The request of a client's opening handshake (RFC 6455 section 4.1, items 1 to 12).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::options::Subprotocol;
use super::response::accept_key;
use super::url::WebSocketUrl;
use crate::http::headers::{HeaderError, parse_line};

/// Header lines of a request that only this crate writes, besides all that begin with [`OWN_PREFIX`]: those of the
/// handshake itself, of a body, and about the connection (RFC 9110 section 7.6.1).
const OWN_HEADERS: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const OWN_PREFIX: &str = "sec-websocket-";

/// One header line for a request. `Debug` does not show its value, which may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestHeader {
    name: String,
    value: String,
}

impl RequestHeader {
    /// Parses `Name: value`. The name is a token (RFC 9110 section 5.6.2); whitespace around the value is removed.
    ///
    /// # Errors
    /// [`HeaderError::Invalid`] for any other line, among them one with a control character in the value, which could
    /// begin another line. [`HeaderError::Reserved`] for a header that the client writes itself: `Host`, `Upgrade`,
    /// `Connection`, `Sec-WebSocket-*`, and those of a body.
    pub fn parse(line: &str) -> Result<Self, HeaderError> {
        let (name, value) = parse_line(line, is_own)?;
        Ok(Self { name, value })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for RequestHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestHeader({}: ...)", self.name)
    }
}

fn is_own(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with(OWN_PREFIX) || OWN_HEADERS.contains(&name.as_str())
}

/// A key for [`OpeningRequest::new`] that nobody can predict.
pub(crate) fn random_key() -> [u8; 16] {
    rand::random::<u128>().to_ne_bytes()
}

/// A request that opens a WebSocket, and what its answer must fit.
#[derive(Clone)]
pub(crate) struct OpeningRequest {
    bytes: Vec<u8>,
    expected: Expected,
}

/// What the answer to one request must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The `Sec-WebSocket-Accept` that belongs to the request's key.
    pub(super) accept: String,
    /// The subprotocols that it offers.
    pub(super) protocols: Vec<Subprotocol>,
}

impl OpeningRequest {
    /// A request for `url` that offers `protocols`, the favourite first, with more header lines. An `Authorization`
    /// among them replaces the one of the URL. `key` is [`random_key`], another one for each request (RFC 6455 section
    /// 4.1, item 7).
    pub(crate) fn new(url: &WebSocketUrl, protocols: &[Subprotocol], headers: &[RequestHeader], key: [u8; 16]) -> Self {
        let key = STANDARD.encode(key);
        // Each name is to be there once (section 4.1, item 10).
        let mut offered: Vec<Subprotocol> = Vec::new();
        for protocol in protocols {
            if !offered.contains(protocol) {
                offered.push(protocol.clone());
            }
        }
        let mut head = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: {key}\r\n",
            url.request_target(),
            url.host_header(),
        );
        if !offered.is_empty() {
            let names: Vec<_> = offered.iter().map(Subprotocol::as_str).collect();
            head += &format!("Sec-WebSocket-Protocol: {}\r\n", names.join(", "));
        }
        let has_own = headers.iter().any(|h| h.name.eq_ignore_ascii_case("authorization"));
        if let Some(authorization) = url.authorization()
            && !has_own
        {
            head += &format!("Authorization: {authorization}\r\n");
        }
        for RequestHeader { name, value } in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        Self {
            bytes: head.into_bytes(),
            expected: Expected {
                accept: accept_key(&key),
                protocols: offered,
            },
        }
    }

    /// The whole request.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What its answer must say.
    pub(crate) fn expected(&self) -> &Expected {
        &self.expected
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The key of RFC 6455 section 1.3.
    const KEY: [u8; 16] = *b"the sample nonce";

    pub(in super::super) fn subprotocols(names: &[&str]) -> Vec<Subprotocol> {
        names
            .iter()
            .map(|name| Subprotocol::parse(name).expect("a token"))
            .collect()
    }

    pub(in super::super) fn request(url: &str, protocols: &[&str], headers: &[&str]) -> OpeningRequest {
        let headers: Vec<_> = headers
            .iter()
            .map(|line| RequestHeader::parse(line).expect("a header"))
            .collect();
        let url = WebSocketUrl::parse(url).expect("a URL");
        OpeningRequest::new(&url, &subprotocols(protocols), &headers, KEY)
    }

    fn text(request: &OpeningRequest) -> &str {
        std::str::from_utf8(request.bytes()).expect("UTF-8")
    }

    #[test]
    fn a_request_has_what_the_rfc_asks_for() {
        assert_eq!(
            text(&request("wss://Host:1/a?b", &[], &[])),
            "GET /a?b HTTP/1.1\r\nHost: host:1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let request = request(
            "ws://[::1]/",
            &["chat", "v2", "chat"],
            &["User-Agent: game/1", "cookie:  a=b ", "X-Name: ü"],
        );
        let text = text(&request);
        assert!(text.contains("\r\nHost: [::1]\r\n"), "{text}");
        assert!(text.contains("\r\nSec-WebSocket-Protocol: chat, v2\r\n"), "{text}");
        assert!(
            text.ends_with("\r\nUser-Agent: game/1\r\ncookie: a=b\r\nX-Name: ü\r\n\r\n"),
            "{text}"
        );
    }

    #[test]
    fn an_own_authorization_wins_over_that_of_the_url() {
        let with = |headers: &[&str]| {
            let request = request("ws://u:p@a", &[], headers);
            let lines: Vec<_> = text(&request)
                .lines()
                .filter(|line| line.to_ascii_lowercase().starts_with("authorization:"))
                .map(str::to_owned)
                .collect();
            lines
        };
        assert_eq!(with(&[]), ["Authorization: Basic dTpw"]);
        assert_eq!(with(&["authorization: Bearer x"]), ["authorization: Bearer x"]);
    }

    #[test]
    fn no_header_line_can_be_smuggled_in() {
        for line in [
            "",
            "X",
            ": x",
            "X y: z",
            "X : z",
            "X: a\r\nCookie: b",
            "X: a\nb",
            "X: a\0",
            "X\r\n: a",
            "Host: b",
            "upgrade: h2c",
            "Connection: close",
            "Content-Length: 5",
            "Transfer-Encoding: chunked",
            "Expect: 100-continue",
            "TE: trailers",
            "SEC-WEBSOCKET-KEY: x",
            "Sec-WebSocket-Version: 8",
            "Sec-WebSocket-Protocol: a",
            "Sec-WebSocket-Extensions: permessage-deflate",
            "Sec-WebSocket-Whatever: x",
        ] {
            assert!(RequestHeader::parse(line).is_err(), "{line}");
        }
        for line in ["Authorization: a", "Origin: https://a", "User-Agent: a", "Cookie: a=b"] {
            assert!(RequestHeader::parse(line).is_ok(), "{line}");
        }
        let header = RequestHeader::parse("Authorization: Bearer secret").expect("valid");
        assert!(!format!("{header:?}").contains("secret"));
    }
}
