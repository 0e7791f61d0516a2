//! The rules of the opening handshake (RFC 6455 section 4.2), without sockets.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::options::HandshakeOptions;
use super::request::Request;
use crate::http::head::{RequestHead, Version};
use crate::http::headers::Headers;
use crate::http::response::Refusal;

/// Length of a decoded `Sec-WebSocket-Key`, in bytes.
const KEY_LEN: usize = 16;

/// Base64 in which the unused bits of the last character need not be zero: RFC 4648 section 3.5 leaves that to the
/// decoder, and in the example of RFC 6455 section 4.1 they are not.
const KEY_ENCODING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Makes a request to open a WebSocket of a head (RFC 6455 section 4.2.1), or refuses it.
pub(crate) fn websocket_request(head: RequestHead<'_>) -> Result<Request, Refusal> {
    // Before the target: for other methods it may have other forms.
    if head.method != "GET" {
        return Err(Refusal::new(405, "A WebSocket is opened with GET.\n"));
    }
    if head.version != Version::Http11 {
        return Err(Refusal::bad_request("a WebSocket is opened with HTTP/1.1"));
    }
    let (path, query) = head.path_and_query()?;
    let key = key(&head.headers)?;
    Ok(Request {
        path: path.to_owned(),
        query: query.to_owned(),
        headers: head.headers,
        key,
    })
}

/// Applies the server's own rules to a valid request. Returns the subprotocol; empty if there is none in common.
pub(crate) fn check(request: &Request, options: &HandshakeOptions) -> Result<String, Refusal> {
    if !options.paths.is_empty() && !options.paths.contains(&request.path) {
        return Err(Refusal::new(404, "There is no WebSocket here.\n"));
    }
    if !is_origin_allowed(request, &options.allowed_origins) {
        return Err(Refusal::new(403, "This origin may not connect.\n"));
    }
    let offered = request.protocols();
    let chosen = options.protocols.iter().find(|own| offered.contains(&own.as_str()));
    Ok(chosen.map_or_else(String::new, |own| own.as_str().to_owned()))
}

fn is_origin_allowed(request: &Request, allowed: &[String]) -> bool {
    // Of two origins, one would not be checked.
    let mut origins = request.headers.all("Origin");
    let (origin, another) = (origins.next().unwrap_or_default(), origins.next());
    allowed.is_empty() || (another.is_none() && allowed.iter().any(|a| a == "*" || a.eq_ignore_ascii_case(origin)))
}

/// Checks the headers, and returns the key.
fn key(headers: &Headers) -> Result<String, Refusal> {
    if headers.all("Host").count() != 1 {
        return Err(Refusal::bad_request("there must be one Host header"));
    }
    // A body would be parsed as frames.
    let has_body = headers.get("Transfer-Encoding").is_some() || headers.all("Content-Length").any(|len| len != "0");
    if has_body {
        return Err(Refusal::bad_request("the request has a body"));
    }
    if !headers.has_token("Upgrade", "websocket") || !headers.has_token("Connection", "upgrade") {
        return Err(Refusal::new(426, "This is a WebSocket server.\n"));
    }
    if !headers.all("Sec-WebSocket-Version").eq(["13"]) {
        return Err(Refusal::new(
            426,
            "This server speaks version 13 of the WebSocket protocol.\n",
        ));
    }
    let mut keys = headers.all("Sec-WebSocket-Key");
    match (keys.next(), keys.next()) {
        (Some(key), None) if KEY_ENCODING.decode(key).is_ok_and(|bytes| bytes.len() == KEY_LEN) => Ok(key.to_owned()),
        _ => Err(Refusal::bad_request(
            "there must be one Sec-WebSocket-Key of 16 bytes in base64",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::Subprotocol;
    use super::*;
    use crate::http::head::Parsed;

    const LINES: [&str; 5] = [
        "Host: a",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];

    fn head(first: &str, lines: &[&str]) -> String {
        format!("{first}\r\n{}\r\n\r\n", lines.join("\r\n"))
    }

    fn parse(text: &str) -> Result<Parsed<Request>, Refusal> {
        Ok(
            match RequestHead::parse(text.as_bytes(), HandshakeOptions::default().head_limits())? {
                Parsed::Partial => Parsed::Partial,
                Parsed::Complete(head, len) => Parsed::Complete(websocket_request(head)?, len),
            },
        )
    }

    fn status(text: &str) -> u16 {
        parse(text).map_or_else(|refusal| refusal.status, |_| 0)
    }

    fn request(first: &str, more: &[&str]) -> Request {
        match parse(&head(first, &[&LINES, more].concat())) {
            Ok(Parsed::Complete(request, _)) => request,
            other => panic!("{other:?}"),
        }
    }

    /// The status of the usual lines with `new` in place of the line of the same name; 0 if accepted.
    fn with(new: &str) -> u16 {
        let name = new.split(':').next().unwrap_or_default();
        let mut lines: Vec<_> = LINES.into_iter().filter(|line| !line.starts_with(name)).collect();
        lines.push(new);
        status(&head("GET / HTTP/1.1", &lines))
    }

    fn without(name: &str) -> u16 {
        let lines: Vec<_> = LINES.into_iter().filter(|line| !line.starts_with(name)).collect();
        status(&head("GET / HTTP/1.1", &lines))
    }

    #[test]
    fn a_head_is_partial_until_its_last_byte() {
        let text = head("GET /a/b?c=d&e HTTP/1.1", &LINES);
        for end in 0..text.len() {
            assert_eq!(parse(&text[..end]), Ok(Parsed::Partial), "{end}");
        }
        let Ok(Parsed::Complete(request, len)) = parse(&format!("{text}frames")) else {
            panic!("not complete");
        };
        assert_eq!(len, text.len());
        assert_eq!((request.path.as_str(), request.query.as_str()), ("/a/b", "c=d&e"));
        assert_eq!(request.headers.len(), 5);
        assert_eq!(request.headers.get("hOST"), Some("a"));
    }

    #[test]
    fn tokens_are_found_in_any_case_and_in_lists() {
        assert_eq!(with("Upgrade: h2c, WebSocket"), 0);
        assert_eq!(with("Connection: keep-alive, uPGRADE"), 0);
        assert_eq!(with("Upgrade: websocketx"), 426);
        assert_eq!(with("Connection: close"), 426);
    }

    #[test]
    fn a_key_may_have_bits_that_no_byte_needs() {
        // The example of RFC 6455 section 4.1.
        assert_eq!(with("Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC=="), 0);
        assert_eq!(with("Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA=="), 0);
        assert_eq!(with("Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PE==="), 400);
        assert_eq!(with("Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC"), 400);
    }

    #[test]
    fn what_is_missing_or_wrong_has_its_status() {
        assert_eq!(without("Host"), 400);
        assert_eq!(without("Upgrade"), 426);
        assert_eq!(without("Connection"), 426);
        assert_eq!(without("Sec-WebSocket-Version"), 426);
        assert_eq!(without("Sec-WebSocket-Key"), 400);
        assert_eq!(with("Sec-WebSocket-Version: 8"), 426);
        for key in [
            "",
            "x",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25j",
            "dGhlIHNhbXBsZSBub25jZWQ=",
        ] {
            assert_eq!(with(&format!("Sec-WebSocket-Key: {key}")), 400, "{key}");
        }
        assert_eq!(with("Content-Length: 5"), 400);
        assert_eq!(with("Transfer-Encoding: chunked"), 400);
        assert_eq!(
            status(&head("GET / HTTP/1.1", &[&LINES[..], &LINES[4..]].concat())),
            400
        );
        assert_eq!(
            status(&head("GET / HTTP/1.1", &[&LINES[..], &LINES[..1]].concat())),
            400
        );
        assert_eq!(status(&head("POST / HTTP/1.1", &LINES)), 405);
        assert_eq!(status(&head("OPTIONS * HTTP/1.1", &LINES)), 405);
        assert_eq!(status(&head("POST * HTTP/1.0", &LINES)), 405);
        assert_eq!(status(&head("GET / HTTP/1.0", &LINES)), 400);
        assert_eq!(status(&head("GET / HTTP/2.0", &LINES)), 400);
        assert_eq!(status(&head("GET a HTTP/1.1", &LINES)), 400);
        assert_eq!(status(&head("GET /#a HTTP/1.1", &LINES)), 400);
        assert_eq!(status("\x16\x03\x01\x02"), 400);
        assert_eq!(status(&head("GET / HTTP/1.1", &["Host : a"])), 400);
    }

    #[test]
    fn the_servers_order_chooses_the_subprotocol() {
        let request = request(
            "GET / HTTP/1.1",
            &["Sec-WebSocket-Protocol: a, b", "Sec-WebSocket-Protocol: c"],
        );
        assert_eq!(request.protocols(), ["a", "b", "c"]);
        let choose = |names: &[&str]| {
            let protocols = names
                .iter()
                .map(|name| Subprotocol::parse(name).expect("valid"))
                .collect();
            let options = HandshakeOptions {
                protocols,
                ..HandshakeOptions::default()
            };
            check(&request, &options).expect("allowed")
        };
        assert_eq!(choose(&["c", "a"]), "c");
        assert_eq!(choose(&["x"]), "");
        assert_eq!(choose(&[]), "");
    }

    #[test]
    fn paths_and_origins_can_be_limited() {
        let options = HandshakeOptions {
            allowed_origins: vec!["https://A.example".into()],
            paths: vec!["/chat".into()],
            ..HandshakeOptions::default()
        };
        let status = |first, lines: &[&str]| check(&request(first, lines), &options).map_or_else(|r| r.status, |_| 0);
        assert_eq!(status("GET /chat?x HTTP/1.1", &["Origin: https://a.example"]), 0);
        assert_eq!(status("GET /chat HTTP/1.1", &["Origin: https://a.example.evil"]), 403);
        assert_eq!(
            status("GET /chat HTTP/1.1", &["Origin: https://a.example", "Origin: x"]),
            403
        );
        assert_eq!(status("GET /chat HTTP/1.1", &[]), 403);
        assert_eq!(status("GET /chat/ HTTP/1.1", &["Origin: https://a.example"]), 404);
    }

    #[test]
    fn an_empty_origin_stands_for_none_and_a_star_for_all() {
        for (allowed, without, with) in [("", true, false), ("*", true, true)] {
            let allowed = [allowed.to_owned()];
            assert_eq!(is_origin_allowed(&request("GET / HTTP/1.1", &[]), &allowed), without);
            assert_eq!(
                is_origin_allowed(&request("GET / HTTP/1.1", &["Origin: x"]), &allowed),
                with
            );
        }
    }
}
