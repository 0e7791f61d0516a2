//! What follows a request head, and which heads are refused because two readers could disagree about that (RFC 9112
//! sections 2.2, 3.2, 6 and 11.2).

use std::net::Ipv6Addr;

use super::head::{RequestHead, Version};
use super::headers::Headers;
use super::response::Refusal;

/// What follows a request head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// A body of this many bytes, then the next request.
    Length(u64),
    /// A body in chunks.
    Chunked,
    /// The request opens a WebSocket, which is decided elsewhere.
    WebSocket,
}

/// Whether a request asks for a WebSocket (RFC 6455 section 4.1), correctly or not.
pub(crate) fn asks_for_websocket(headers: &Headers) -> bool {
    headers.has_token("Upgrade", "websocket")
}

/// Determines what follows a head. `bytes` is the head as received.
///
/// The rules are stricter than RFC 9112 requires: a line that ends with LF alone, a repeated `Content-Length`, one
/// beside a `Transfer-Encoding`, and any transfer coding but `chunked` are refused.
pub(crate) fn framing(head: &RequestHead<'_>, bytes: &[u8]) -> Result<Framing, Refusal> {
    if has_bare_line_end(bytes) {
        return Err(Refusal::bad_request("a line must end with CR LF"));
    }
    if asks_for_websocket(&head.headers) {
        return Ok(Framing::WebSocket);
    }
    if head.method == "CONNECT" {
        return Err(Refusal::new(501, "This server is no proxy.\n"));
    }
    if (head.method, head.target) != ("OPTIONS", "*") {
        head.path_and_query()?;
    }
    let hosts = head.headers.all("Host").count();
    if head.headers.all("Host").any(|host| !is_host(host)) {
        return Err(Refusal::bad_request("the Host is not valid"));
    }
    if hosts > 1 || (hosts == 0 && head.version == Version::Http11) {
        return Err(Refusal::bad_request("there must be one Host header"));
    }
    let mut expectations = head.headers.all("Expect");
    if expectations.any(|value| !value.eq_ignore_ascii_case("100-continue")) {
        return Err(Refusal::new(417, "Only 100-continue can be expected.\n"));
    }
    body(head)
}

fn body(head: &RequestHead<'_>) -> Result<Framing, Refusal> {
    let mut codings = head.headers.all("Transfer-Encoding");
    let mut lengths = head.headers.all("Content-Length");
    match (codings.next(), codings.next(), lengths.next(), lengths.next()) {
        (None, _, None, _) => Ok(Framing::Length(0)),
        (None, _, Some(length), None) => parse_length(length)
            .map(Framing::Length)
            .ok_or_else(|| Refusal::bad_request("the Content-Length is not a number")),
        (None, _, Some(_), Some(_)) => Err(Refusal::bad_request("there are two Content-Length headers")),
        (Some(_), _, Some(_), _) => Err(Refusal::bad_request(
            "there is a Content-Length beside a Transfer-Encoding",
        )),
        (Some(coding), None, None, _) if coding.eq_ignore_ascii_case("chunked") => match head.version {
            Version::Http11 => Ok(Framing::Chunked),
            Version::Http10 => Err(Refusal::bad_request("HTTP/1.0 has no Transfer-Encoding")),
        },
        _ => Err(Refusal::new(501, "The only transfer coding is chunked.\n")),
    }
}

/// Whether a text is a host and perhaps a port (RFC 9110 section 7.2, RFC 3986 section 3.2.2).
fn is_host(text: &str) -> bool {
    let (is_name, port) = if let Some((address, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        (address.parse::<Ipv6Addr>().is_ok(), port)
    } else {
        let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
        let of_name = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&b);
        (!name.is_empty() && name.bytes().all(of_name), port)
    };
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    is_name && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// Only digits: `parse` alone would accept a sign.
fn parse_length(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Whether there is an LF without CR before it, or a CR without LF behind it.
fn has_bare_line_end(bytes: &[u8]) -> bool {
    let lf = memchr::memchr_iter(b'\n', bytes).any(|at| at == 0 || bytes[at - 1] != b'\r');
    lf || memchr::memchr_iter(b'\r', bytes).any(|at| bytes.get(at + 1) != Some(&b'\n'))
}

#[cfg(test)]
mod tests {
    use super::super::head::{HeadLimits, Parsed};
    use super::*;

    fn of(text: &str) -> Result<Framing, u16> {
        let limits = HeadLimits {
            max_head: 4096,
            max_headers: 16,
        };
        match RequestHead::parse(text.as_bytes(), limits) {
            Ok(Parsed::Complete(head, len)) => framing(&head, &text.as_bytes()[..len]).map_err(|r| r.status),
            Ok(Parsed::Partial) => panic!("partial: {text:?}"),
            Err(error) => Err(Refusal::from(error).status),
        }
    }

    fn post(lines: &str) -> Result<Framing, u16> {
        of(&format!("POST /a HTTP/1.1\r\nHost: a\r\n{lines}\r\n"))
    }

    #[test]
    fn a_length_or_chunks() {
        assert_eq!(post(""), Ok(Framing::Length(0)));
        assert_eq!(post("Content-Length: 12\r\n"), Ok(Framing::Length(12)));
        assert_eq!(post("Transfer-Encoding: Chunked\r\n"), Ok(Framing::Chunked));
        assert_eq!(post("Expect: 100-Continue\r\n"), Ok(Framing::Length(0)));
        assert_eq!(of("GET / HTTP/1.0\r\n\r\n"), Ok(Framing::Length(0)));
        assert_eq!(of("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(Framing::Length(0)));
    }

    #[test]
    fn whatever_two_readers_could_take_differently_is_refused() {
        for lines in [
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: 0x1\r\n",
            "Content-Length: \r\n",
            "Content-Length: 18446744073709551616\r\n",
            "Content-Length : 1\r\n",
            "X: a\n",
            "X: a\rY: b\r\n",
            "X: a\r\n folded\r\n",
            "X: a\0b\r\n",
            "X\0: a\r\n",
            "Host: b\r\n",
        ] {
            assert_eq!(post(lines), Err(400), "{lines:?}");
        }
        for lines in [
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: identity\r\n",
            "Transfer-Encoding: x\r\n",
        ] {
            assert_eq!(post(lines), Err(501), "{lines:?}");
        }
        assert_eq!(of("GET / HTTP/1.1\nHost: a\n\n"), Err(400));
        assert_eq!(of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Err(400));
        assert_eq!(of("GET / HTTP/1.1\r\n\r\n"), Err(400));
        assert_eq!(of("GET a:1 HTTP/1.1\r\nHost: a\r\n\r\n"), Err(400));
        assert_eq!(of("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"), Err(501));
        assert_eq!(post("Expect: 200-ok\r\n"), Err(417));
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        let host = |host: &str| of(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        for good in [
            "a",
            "a.b:80",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:80",
            "a:",
            "x%20y",
            "my_pc",
        ] {
            assert_eq!(host(good), Ok(Framing::Length(0)), "{good}");
        }
        for bad in [
            "", " ", ":80", "a b", "a/b", "user@a", "a:b", "a:1:2", "::1", "[::1", "[a]", "[::1]x", "a?b", "é",
        ] {
            assert_eq!(host(bad), Err(400), "{bad}");
        }
    }

    #[test]
    fn an_upgrade_is_told_apart() {
        assert_eq!(post("Upgrade: websocket\r\n"), Ok(Framing::WebSocket));
        assert_eq!(post("Upgrade: h2c\r\n"), Ok(Framing::Length(0)));
    }
}
