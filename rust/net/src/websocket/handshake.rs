//! The opening handshake (RFC 6455 section 4.2.1) as functions of bytes.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::options::HandshakeOptions;
use super::request::{Headers, Request};
use super::response::Refusal;

/// Bytes in a decoded `Sec-WebSocket-Key`.
const KEY_LEN: usize = 16;

/// Base64 whose last character may carry bits that no byte needs. RFC 4648 section 3.5 leaves that to the decoder, and
/// the key in RFC 6455 section 4.1 has such bits.
const KEY_ENCODING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// What is known of a request so far.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// The head is not over yet.
    Partial,
    /// It is; what follows so many bytes belongs to the WebSocket connection.
    Complete(Request, usize),
}

/// Reads a request head. `bytes` is everything that came so far; the limits of `options` are kept.
pub(crate) fn parse(bytes: &[u8], options: &HandshakeOptions) -> Result<Head, Refusal> {
    let mut lines = vec![httparse::EMPTY_HEADER; options.max_headers];
    let mut head = httparse::Request::new(&mut lines);
    let len = match head.parse(bytes) {
        Ok(httparse::Status::Complete(len)) if len <= options.max_head => len,
        Ok(httparse::Status::Partial) if bytes.len() < options.max_head => return Ok(Head::Partial),
        Ok(_) => return Err(Refusal::new(431, "The request head is too long.\n")),
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::new(431, "Too many header lines.\n")),
        Err(error) => return Err(bad(&format!("not HTTP/1.1 ({error})"))),
    };
    if head.method != Some("GET") {
        return Err(Refusal::new(405, "A WebSocket is opened with GET.\n"));
    }
    if head.version != Some(1) {
        return Err(bad("a WebSocket is opened with HTTP/1.1"));
    }
    let (path, query) = target(head.path.unwrap_or_default())?;
    let headers = Headers::new(head.headers.iter().map(|line| (line.name, line.value)));
    let key = key(&headers)?;
    Ok(Head::Complete(
        Request {
            path,
            query,
            headers,
            key,
        },
        len,
    ))
}

/// Applies the server's own rules to a valid request. Gives the subprotocol, empty if none.
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
    // Two origins would let one of them slip past.
    let mut origins = request.headers.all("Origin");
    let (origin, another) = (origins.next().unwrap_or_default(), origins.next());
    allowed.is_empty() || (another.is_none() && allowed.iter().any(|a| a == "*" || a.eq_ignore_ascii_case(origin)))
}

/// Splits a request target, in origin form or absolute form (RFC 9112 section 3.2), into path and query.
fn target(target: &str) -> Result<(String, String), Refusal> {
    let path_and_query = match target.split_once("://") {
        Some((scheme, rest))
            if ["http", "https", "ws", "wss"]
                .iter()
                .any(|s| s.eq_ignore_ascii_case(scheme)) =>
        {
            match rest.find(['/', '?']) {
                Some(at) => &rest[at..],
                None => "",
            }
        }
        _ if target.starts_with('/') => target,
        _ => return Err(bad("the target is no path")),
    };
    if path_and_query.contains('#') {
        return Err(bad("the target has a fragment"));
    }
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let path = if path.is_empty() { "/" } else { path };
    Ok((path.to_owned(), query.to_owned()))
}

/// Looks for all that makes a request one for a WebSocket, and gives its key.
fn key(headers: &Headers) -> Result<String, Refusal> {
    if headers.all("Host").count() != 1 {
        return Err(bad("there must be one Host header"));
    }
    // A body would be taken for frames.
    let has_body = headers.get("Transfer-Encoding").is_some() || headers.all("Content-Length").any(|len| len != "0");
    if has_body {
        return Err(bad("the request has a body"));
    }
    if !has_token(headers, "Upgrade", "websocket") || !has_token(headers, "Connection", "upgrade") {
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
        _ => Err(bad("there must be one Sec-WebSocket-Key of 16 bytes in base64")),
    }
}

/// Whether a list of tokens, on one line or several, has this one.
fn has_token(headers: &Headers, name: &str, token: &str) -> bool {
    headers
        .all(name)
        .flat_map(|line| line.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}

fn bad(why: &str) -> Refusal {
    Refusal::new(400, format!("Bad request: {why}.\n"))
}

#[cfg(test)]
mod tests {
    use super::super::options::Subprotocol;
    use super::*;

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

    fn parse_text(text: &str) -> Result<Head, Refusal> {
        parse(text.as_bytes(), &HandshakeOptions::default())
    }

    fn status(text: &str) -> u16 {
        parse_text(text).map_or_else(|refusal| refusal.status, |_| 0)
    }

    fn request(first: &str, more: &[&str]) -> Request {
        match parse_text(&head(first, &[&LINES, more].concat())) {
            Ok(Head::Complete(request, _)) => request,
            other => panic!("{other:?}"),
        }
    }

    /// The usual lines, with `new` in the place of the one that has the same name.
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
            assert_eq!(parse_text(&text[..end]), Ok(Head::Partial), "{end}");
        }
        let Ok(Head::Complete(request, len)) = parse_text(&format!("{text}frames")) else {
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
        assert_eq!(status(&head("GET / HTTP/1.0", &LINES)), 400);
        assert_eq!(status(&head("GET / HTTP/2.0", &LINES)), 400);
        assert_eq!(status(&head("GET a HTTP/1.1", &LINES)), 400);
        assert_eq!(status(&head("GET /#a HTTP/1.1", &LINES)), 400);
        assert_eq!(status("\x16\x03\x01\x02"), 400);
        assert_eq!(status(&head("GET / HTTP/1.1", &["Host : a"])), 400);
    }

    #[test]
    fn an_absolute_target_has_its_path() {
        let request = |first| {
            let request = request(first, &[]);
            (request.path, request.query)
        };
        assert_eq!(request("GET http://a:1/b?c HTTP/1.1"), ("/b".into(), "c".into()));
        assert_eq!(request("GET ws://a HTTP/1.1"), ("/".into(), String::new()));
        assert_eq!(request("GET ws://a?b HTTP/1.1"), ("/".into(), "b".into()));
    }

    #[test]
    fn a_head_has_its_limits() {
        let long = format!("X: {}", "x".repeat(8 * 1024));
        assert_eq!(status(&head("GET / HTTP/1.1", &[&LINES[..], &[&long]].concat())), 431);
        assert_eq!(status(&format!("GET /{}", "x".repeat(8 * 1024))), 431);
        assert_eq!(
            status(&head("GET / HTTP/1.1", &[&LINES[..], &["X: x"; 60]].concat())),
            431
        );
        assert_eq!(
            status(&head("GET / HTTP/1.1", &[&LINES[..], &["X: x"; 59]].concat())),
            0
        );
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
