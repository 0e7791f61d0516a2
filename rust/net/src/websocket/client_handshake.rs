//! The answer of a client's opening handshake (RFC 6455 section 4.1) as functions of bytes.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::opening_request::Expected;
use super::reconnect::Failure;
use crate::http::head::HeadLimits;
use crate::http::headers::Headers;

/// What is known of an answer so far.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Response {
    /// Its head is not over yet.
    Partial,
    /// The WebSocket is open.
    Complete {
        /// The subprotocol agreed on; empty if the server chose none of those that were offered.
        protocol: String,
        /// All header lines.
        headers: Headers,
        /// The length of the head. What follows it belongs to the WebSocket connection.
        len: usize,
    },
}

/// Reads the answer to a request. `bytes` is everything that came so far. Informational answers before the one that
/// counts are skipped (RFC 9110 section 15.2).
///
/// # Errors
/// [`HandshakeError`]; the connection is of no use then.
pub(crate) fn parse_response(
    bytes: &[u8],
    limits: HeadLimits,
    expected: &Expected,
) -> Result<Response, HandshakeError> {
    let mut lines = vec![httparse::EMPTY_HEADER; limits.max_headers];
    let mut at = 0;
    loop {
        let mut head = httparse::Response::new(&mut lines);
        let end = match head.parse(&bytes[at..]) {
            Ok(httparse::Status::Complete(len)) if at + len <= limits.max_head => at + len,
            Ok(httparse::Status::Partial) if bytes.len() < limits.max_head => return Ok(Response::Partial),
            Ok(_) => return Err(HandshakeError::TooLong(limits.max_head)),
            Err(httparse::Error::TooManyHeaders) => return Err(HandshakeError::TooManyHeaders(limits.max_headers)),
            Err(error) => return Err(HandshakeError::NotHttp(error.to_string())),
        };
        let headers = || Headers::new(head.headers.iter().map(|line| (line.name, line.value)));
        match head.code.unwrap_or_default() {
            101 if head.version != Some(1) => return Err(HandshakeError::Version),
            101 => {
                let headers = headers();
                let protocol = check(&headers, expected)?;
                return Ok(Response::Complete {
                    protocol,
                    headers,
                    len: end,
                });
            }
            100 | 102..=199 => at = end,
            status => {
                return Err(HandshakeError::Status(Box::new(Refused {
                    status,
                    reason: head.reason.unwrap_or_default().to_owned(),
                    headers: headers(),
                    redirects_followed: None,
                })));
            }
        }
    }
}

/// Checks a 101 response by the list in RFC 6455 section 4.1, and gives its subprotocol.
fn check(headers: &Headers, expected: &Expected) -> Result<String, HandshakeError> {
    let one = |name: &'static str| {
        let mut values = headers.all(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value.map(str::trim)),
            (_, Some(_)) => Err(HandshakeError::Doubled(name)),
        }
    };
    if !one("Upgrade")?.is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
        return Err(HandshakeError::Upgrade);
    }
    if !headers.has_token("Connection", "upgrade") {
        return Err(HandshakeError::Connection);
    }
    if one("Sec-WebSocket-Accept")? != Some(&expected.accept) {
        return Err(HandshakeError::Accept);
    }
    if let Some(extensions) = headers.get("Sec-WebSocket-Extensions") {
        return Err(HandshakeError::Extensions(extensions.to_owned()));
    }
    match one("Sec-WebSocket-Protocol")? {
        None => Ok(String::new()),
        // A list of two is none of those either, as a comma is no part of a name.
        Some(name) if expected.protocols.iter().any(|own| own.as_str() == name) => Ok(name.to_owned()),
        Some(name) => Err(HandshakeError::Protocol(name.to_owned())),
    }
}

/// An answer with another status than 101.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The status, 100 to 999.
    pub status: u16,
    /// The words beside it; may be empty.
    pub reason: String,
    /// All header lines, `WWW-Authenticate` and `Retry-After` among them.
    pub headers: Headers,
    /// [`super::client_options::WebSocketClientOptions::max_redirects`], if this redirect is not followed because as
    /// many were.
    pub redirects_followed: Option<usize>,
}

impl Refused {
    /// Where the server says that the WebSocket is, for a redirect: status 301, 302, 303, 307 or 308 (RFC 9110 sections
    /// 10.2.2 and 15.4). It may be a path alone.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        let is_redirect = matches!(self.status, 301 | 302 | 303 | 307 | 308);
        self.headers.get("Location").filter(|_| is_redirect)
    }

    /// How long the server asks to wait (RFC 9110 section 10.2.3), if it says so in seconds; a date is left out.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get("Retry-After")?.trim();
        let is_number = !seconds.is_empty() && seconds.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| Duration::from_secs(seconds.parse().unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.status.fmt(f)?;
        if !self.reason.is_empty() {
            write!(f, " {}", self.reason)?;
        }
        if let Some(location) = self.location() {
            write!(f, "; it redirects to '{location}'")?;
        }
        match self.redirects_followed {
            Some(0) => f.write_str(", but max_redirects is 0"),
            Some(most) => write!(f, ", but {most} redirects were followed, which is max_redirects"),
            None => Ok(()),
        }
    }
}

/// Why the answer to an opening handshake was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// The head of the answer is longer than [`super::client_options::WebSocketClientOptions::max_head`].
    #[error("the server's answer has a head of more than {0} bytes")]
    TooLong(usize),
    /// The answer has more header lines than [`super::client_options::WebSocketClientOptions::max_headers`].
    #[error("the server's answer has more than {0} header lines")]
    TooManyHeaders(usize),
    /// The answer is not HTTP/1.
    #[error("the server does not speak HTTP/1.1 ({0})")]
    NotHttp(String),
    /// The answer is HTTP/1.0, which has no upgrade.
    #[error("the server speaks HTTP/1.0, and a WebSocket is opened with HTTP/1.1")]
    Version,
    /// The answer has another status than 101.
    #[error("the server answered {0}")]
    Status(Box<Refused>),
    /// `Upgrade` is missing, or is not `websocket`.
    #[error("the server's answer has no 'Upgrade: websocket'")]
    Upgrade,
    /// `Connection` is missing, or is not `Upgrade`.
    #[error("the server's answer has no 'Connection: Upgrade'")]
    Connection,
    /// `Sec-WebSocket-Accept` is missing, or does not belong to the request: this is no WebSocket server, or the answer
    /// is another request's, from a cache.
    #[error("the Sec-WebSocket-Accept of the server's answer is missing, or does not belong to this request")]
    Accept,
    /// A header line that must be there once is there twice.
    #[error("the server's answer has more than one {0}")]
    Doubled(&'static str),
    /// The server uses extensions, and none was offered.
    #[error("the server uses an extension that was not offered: '{0}'")]
    Extensions(String),
    /// The server chose a subprotocol that was not offered, or several.
    #[error("the server chose a subprotocol that was not offered: '{0}'")]
    Protocol(String),
}

impl From<&HandshakeError> for Failure {
    fn from(error: &HandshakeError) -> Self {
        match error {
            HandshakeError::Status(refused) => Self::Status {
                status: refused.status,
                retry_after: refused.retry_after(),
            },
            _ => Self::Lasting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::handshake::{check as check_request, websocket_request};
    use super::super::opening_request::tests::{request, subprotocols};
    use super::super::options::HandshakeOptions;
    use super::super::response::switching_protocols;
    use super::*;
    use crate::http::head::{Parsed, RequestHead};

    const LIMITS: HeadLimits = HeadLimits {
        max_head: 8 * 1024,
        max_headers: 64,
    };

    const STATUS: &str = "HTTP/1.1 101 Switching Protocols";
    const LINES: [&str; 3] = [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ];

    fn parse(text: &str) -> Result<Response, HandshakeError> {
        let request = request("ws://a", &["chat", "v2.chat"], &[]);
        parse_response(text.as_bytes(), LIMITS, request.expected())
    }

    fn head(status: &str, lines: &[&str]) -> String {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        format!("{status}\r\n{lines}\r\n")
    }

    /// The usual lines and these.
    fn and(more: &[&str]) -> String {
        head(STATUS, &[&LINES, more].concat())
    }

    /// The usual lines, with `new` in the place of the one that has the same name.
    fn with(new: &str) -> String {
        let name = new.split(':').next().unwrap_or_default();
        let lines = LINES.map(|line| if line.starts_with(name) { new } else { line });
        head(STATUS, &lines)
    }

    fn without(name: &str) -> String {
        let lines: Vec<_> = LINES.into_iter().filter(|line| !line.starts_with(name)).collect();
        head(STATUS, &lines)
    }

    fn protocol(text: &str) -> String {
        match parse(text) {
            Ok(Response::Complete { protocol, len, .. }) if len == text.len() => protocol,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    fn refused(text: &str) -> Refused {
        match parse(text) {
            Err(HandshakeError::Status(refused)) => *refused,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn our_server_takes_the_request_and_the_client_its_answer() {
        let request = request("ws://a/b?c", &["x", "chat"], &["Origin: https://a"]);
        let options = HandshakeOptions {
            protocols: subprotocols(&["chat"]),
            allowed_origins: vec!["https://a".to_owned()],
            ..HandshakeOptions::default()
        };
        let Ok(Parsed::Complete(head, len)) = RequestHead::parse(request.bytes(), options.head_limits()) else {
            panic!("not complete");
        };
        assert_eq!(len, request.bytes().len());
        let seen = websocket_request(head).expect("a WebSocket request");
        let chosen = check_request(&seen, &options).expect("allowed");
        let answer = switching_protocols(&seen.key, &chosen, &[]);
        let response = parse_response(&answer, LIMITS, request.expected());
        assert!(
            matches!(&response, Ok(Response::Complete { protocol, .. }) if protocol == "chat"),
            "{response:?}"
        );
    }

    #[test]
    fn an_answer_is_partial_until_its_last_byte() {
        let text = and(&["Sec-WebSocket-Protocol: chat", "X: y"]);
        for end in 0..text.len() {
            assert_eq!(parse(&text[..end]), Ok(Response::Partial), "{end}");
        }
        let Ok(Response::Complete { protocol, headers, len }) = parse(&format!("{text}frames")) else {
            panic!("not complete");
        };
        assert_eq!((protocol.as_str(), len), ("chat", text.len()));
        assert_eq!((headers.len(), headers.get("x")), (5, Some("y")));
    }

    #[test]
    fn what_is_allowed_is_taken() {
        assert_eq!(protocol(&and(&[])), "");
        assert_eq!(protocol(&and(&["sec-websocket-protocol:v2.chat"])), "v2.chat");
        assert_eq!(protocol(&with("Upgrade: WebSocket")), "");
        assert_eq!(protocol(&with("Connection: keep-alive, uPGRADE")), "");
        assert_eq!(protocol(&and(&["Connection: keep-alive"])), "");
        assert_eq!(protocol(&head("HTTP/1.1 101", &LINES)), "");
        assert_eq!(protocol(&head("HTTP/1.1 101 Something Else", &LINES)), "");
        // The head of a 101 has no body, whatever it says (RFC 9112 section 6.3).
        assert_eq!(protocol(&and(&["Content-Length: 0"])), "");
    }

    #[test]
    fn informational_answers_are_skipped() {
        let early = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
        assert_eq!(parse(early), Ok(Response::Partial));
        assert_eq!(
            protocol(&format!("HTTP/1.1 100 Continue\r\n\r\n{early}{}", and(&[]))),
            ""
        );
        assert_eq!(refused(&format!("{early}HTTP/1.1 404 Not Found\r\n\r\n")).status, 404);
        assert_eq!(parse(&early.repeat(250)), Err(HandshakeError::TooLong(8 * 1024)));
    }

    #[test]
    fn bad_answers_are_refused() {
        use HandshakeError::{Accept, Connection, Doubled, Upgrade, Version};
        let protocol = |name: &str| HandshakeError::Protocol(name.to_owned());
        let extensions = |value: &str| HandshakeError::Extensions(value.to_owned());
        for (text, error) in [
            (head("HTTP/1.0 101 Switching Protocols", &LINES), Version),
            (without("Upgrade"), Upgrade),
            (with("Upgrade: h2c"), Upgrade),
            (with("Upgrade: websocket, h2c"), Upgrade),
            (with("Upgrade: websocketx"), Upgrade),
            (with("Upgrade:"), Upgrade),
            (and(&["Upgrade: websocket"]), Doubled("Upgrade")),
            (without("Connection"), Connection),
            (with("Connection: close"), Connection),
            (with("Connection: keep-alive"), Connection),
            (with("Connection: upgraded"), Connection),
            (with("Connection:"), Connection),
            (without("Sec-WebSocket-Accept"), Accept),
            (with("Sec-WebSocket-Accept:"), Accept),
            (with("Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ=="), Accept),
            (with("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo"), Accept),
            (with("Sec-WebSocket-Accept: S3PPLMBITXAQ9KYGZZHZRBK+XOO="), Accept),
            (with("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=, x"), Accept),
            (and(&[LINES[2]]), Doubled("Sec-WebSocket-Accept")),
            (and(&["Sec-WebSocket-Accept: x"]), Doubled("Sec-WebSocket-Accept")),
            (and(&["Sec-WebSocket-Protocol: other"]), protocol("other")),
            (and(&["Sec-WebSocket-Protocol: Chat"]), protocol("Chat")),
            (
                and(&["Sec-WebSocket-Protocol: chat, v2.chat"]),
                protocol("chat, v2.chat"),
            ),
            (and(&["Sec-WebSocket-Protocol: chat,"]), protocol("chat,")),
            (and(&["Sec-WebSocket-Protocol:"]), protocol("")),
            (
                and(&["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"]),
                Doubled("Sec-WebSocket-Protocol"),
            ),
            (
                and(&["Sec-WebSocket-Extensions: permessage-deflate"]),
                extensions("permessage-deflate"),
            ),
            (and(&["Sec-WebSocket-Extensions:"]), extensions("")),
            (and(&["X: y"; 62]), HandshakeError::TooManyHeaders(64)),
            (
                and(&[&format!("X: {}", "y".repeat(8 * 1024))]),
                HandshakeError::TooLong(8 * 1024),
            ),
            (
                format!("{STATUS}\r\nX: {}", "y".repeat(8 * 1024)),
                HandshakeError::TooLong(8 * 1024),
            ),
        ] {
            assert_eq!(parse(&text), Err(error), "{text}");
        }
    }

    #[test]
    fn what_is_not_http_is_found_at_once() {
        for text in [
            "SSH-2.0-OpenSSH_9.6\r\n",
            "220 mail ESMTP\r\n",
            "HTTP/2 101\r\n",
            "HTTP/3.0 101 x\r\n",
            "HTTP/1.1 1O1 x\r\n",
            "HTTP/1.1 10 x\r\n",
            "HTTP/1.1\r\n",
            "http/1.1 101 x\r\n",
            "GET / HTTP/1.1\r\n",
            "\x16\x03\x01\x02",
            "\0",
            "HTTP/1.1 101 x\r\nX y: z\r\n",
            "HTTP/1.1 101 x\r\nX : z\r\n",
            "HTTP/1.1 101 x\r\n: z\r\n",
            "HTTP/1.1 101 x\r\nX: a\0\r\n",
            "HTTP/1.1 101 x\r\nX: a\r\n b\r\n\r\n",
        ] {
            assert!(
                matches!(parse(text), Err(HandshakeError::NotHttp(_))),
                "{text:?}: {:?}",
                parse(text)
            );
        }
    }

    #[test]
    fn limits_can_be_set() {
        let request = request("ws://a", &[], &[]);
        let text = and(&[]);
        let parse = |max_head, max_headers| {
            let limits = HeadLimits { max_head, max_headers };
            parse_response(text.as_bytes(), limits, request.expected()).map(|_| ())
        };
        assert_eq!(parse(text.len(), 3), Ok(()));
        assert_eq!(parse(text.len() - 1, 3), Err(HandshakeError::TooLong(text.len() - 1)));
        assert_eq!(parse(text.len(), 2), Err(HandshakeError::TooManyHeaders(2)));
    }

    #[test]
    fn another_status_keeps_what_the_server_said() {
        let refused = refused(&head(
            "HTTP/1.0 401 Go Away",
            &["WWW-Authenticate: Basic", "Location: /x", "Upgrade: websocket"],
        ));
        assert_eq!((refused.status, refused.reason.as_str()), (401, "Go Away"));
        assert_eq!(refused.headers.get("www-authenticate"), Some("Basic"));
        assert_eq!(refused.location(), None);
        assert_eq!(refused.to_string(), "401 Go Away");
        for status in [200, 204, 301, 400, 403, 404, 426, 500, 999] {
            let text = head(&format!("HTTP/1.1 {status} x"), &LINES);
            assert_eq!(self::refused(&text).status, status);
        }
    }

    #[test]
    fn a_redirection_says_where_to() {
        let refused = refused(&head("HTTP/1.1 301", &["Location: wss://b/c"]));
        assert_eq!(refused.location(), Some("wss://b/c"));
        assert!(refused.to_string().contains("'wss://b/c'"), "{refused}");
    }

    #[test]
    fn a_refusal_says_whether_to_try_again() {
        let failure = |status: &str, lines: &[&str]| Failure::from(&parse(&head(status, lines)).expect_err("refused"));
        let after = |value: &str| failure("HTTP/1.1 503 x", &[&format!("Retry-After: {value}")]);
        let of_503 = |seconds: Option<u64>| Failure::Status {
            status: 503,
            retry_after: seconds.map(Duration::from_secs),
        };
        assert_eq!(failure("HTTP/1.1 503 x", &[]), of_503(None));
        assert_eq!(after("120"), of_503(Some(120)));
        assert_eq!(after("99999999999999999999999"), of_503(Some(u64::MAX)));
        for value in ["", "-1", "+1", "1.5", "Fri, 31 Dec 1999 23:59:59 GMT"] {
            assert_eq!(after(value), of_503(None), "{value}");
        }
        assert!(!failure("HTTP/1.1 404 x", &[]).may_pass());
        assert_eq!(failure(STATUS, &[]), Failure::Lasting);
    }
}
