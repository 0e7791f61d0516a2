//! Redirects: followed only if asked for, never from wss to ws, and without credentials for another host.

mod common;
mod tls_common;
mod websocket_client_common;
mod websocket_common;

use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use async_sockets_net::websocket::connect_error::WebSocketConnectError;
use async_sockets_net::websocket::opening_request::RequestHeader;
use async_sockets_net::websocket::options::WebSocketOptions;
use async_sockets_net::websocket::reconnect::Failure;
use tls_common::{Authority, tls_listen};
use websocket_client_common::{Client, RawServer, header, switching_protocols};
use websocket_common::{Server, TEXT};

const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

fn options(max_redirects: usize) -> WebSocketClientOptions {
    let lines = ["Authorization: Bearer secret", "Cookie: a=b", "X-Game: chess"];
    WebSocketClientOptions {
        max_redirects,
        headers: lines
            .iter()
            .map(|line| RequestHeader::parse(line).expect("a header line"))
            .collect(),
        ..WebSocketClientOptions::default()
    }
}

fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

fn request_target(head: &str) -> &str {
    head.split(' ').nth(1).expect("a request line")
}

/// Asserts that a failure is a refusal with this status and `Location`.
#[track_caller]
fn assert_told(error: &WebSocketConnectError, status: u16, location: &str) {
    let (got, headers) = error.response().expect("a response");
    assert_eq!((got, headers.get("Location")), (status, Some(location)));
    assert!(error.to_string().contains(location), "{error}");
    assert!(!Failure::from(error).may_pass());
}

#[test]
fn by_default_a_redirect_is_a_failure() {
    for status in REDIRECTS {
        let server = RawServer::start();
        let mut client = Client::start(&server.url(), options(0));
        let (mut raw, _) = server.asked();
        raw.send(redirect(status, "/other").as_bytes());
        let error = client.failed();
        assert_told(&error, status, "/other");
        assert!(error.to_string().ends_with(", but max_redirects is 0"), "{error}");
        assert!(!server.has_more());
    }
}

#[test]
fn a_redirect_is_followed() {
    for status in REDIRECTS {
        let server = RawServer::start();
        let mut client = Client::start(&server.url(), options(1));
        client.inner.send_text("for the last").expect("room");
        let (mut raw, _) = server.asked();
        raw.send(redirect(status, "/other?x=y").as_bytes());
        let (mut raw, head) = server.asked();
        assert_eq!(request_target(&head), "/other?x=y");
        raw.send(switching_protocols(&head, "").as_bytes());
        assert_eq!(client.connected().url, format!("{}other?x=y", server.url()));
        assert_eq!(raw.next_frame(), (TEXT, b"for the last".to_vec()));
    }
}

#[test]
fn other_statuses_are_not_followed() {
    for status in [300, 304, 305, 306, 201, 404, 503] {
        let server = RawServer::start();
        let mut client = Client::start(&server.url(), options(5));
        let (mut raw, _) = server.asked();
        raw.send(redirect(status, "/other").as_bytes());
        assert_eq!(client.failed().response().map(|(status, _)| status), Some(status));
        assert!(!server.has_more());
    }
}

/// A location is a reference that is resolved against the URL (RFC 9110 section 10.2.2, RFC 3986 section 5).
#[test]
fn a_location_may_be_relative() {
    let server = RawServer::start();
    let port = server.port();
    for (location, wanted) in [
        ("/c", "/c"),
        ("/c?d=e", "/c?d=e"),
        ("/c?next=ws://elsewhere/", "/c?next=ws://elsewhere/"),
        ("/c#part", "/c"),
        ("c", "/a/c"),
        ("c/d", "/a/c/d"),
        ("./c", "/a/c"),
        ("../c", "/c"),
        ("../../../c", "/c"),
        ("?d=e", "/a/b?d=e"),
        (&format!("//127.0.0.1:{port}/c"), "/c"),
        (&format!("ws://127.0.0.1:{port}/c"), "/c"),
        (&format!("WS://127.0.0.1:{port}"), "/"),
        (&format!("http://127.0.0.1:{port}/c?d"), "/c?d"),
    ] {
        let mut client = Client::start(&format!("ws://127.0.0.1:{port}/a/b?q=r"), options(1));
        let (mut raw, head) = server.asked();
        assert_eq!(request_target(&head), "/a/b?q=r");
        raw.send(redirect(302, location).as_bytes());
        let mut next = None;
        let failed = websocket_common::wait_for("outcome", || {
            next = server.try_asked();
            next.is_some().then_some(None).or_else(|| client.poll().map(Some))
        });
        assert!(failed.is_none(), "{location}: {failed:?}");
        let (mut raw, head) = next.expect("a request");
        assert_eq!(request_target(&head), wanted, "{location}");
        raw.send(switching_protocols(&head, "").as_bytes());
        client.connected();
    }
}

#[test]
fn a_location_that_leads_nowhere_is_told() {
    for location in ["ftp://a/b", "mailto:a@b", "ws://", "http://a b/", "", "ws://a:99999/"] {
        let server = RawServer::start();
        let mut client = Client::start(&server.url(), options(5));
        let (mut raw, _) = server.asked();
        raw.send(redirect(301, location).as_bytes());
        let error = client.failed();
        assert_eq!(
            error.response().map(|(status, _)| status),
            Some(301),
            "{location}: {error}"
        );
    }
    let server = RawServer::start();
    let mut client = Client::start(&server.url(), options(5));
    let (mut raw, _) = server.asked();
    raw.send(b"HTTP/1.1 301 x\r\n\r\n");
    assert_eq!(client.failed().to_string(), "the server answered 301 x");
}

#[test]
fn a_loop_ends() {
    let server = RawServer::start();
    let mut client = Client::start(&server.url(), options(3));
    for _ in 0..4 {
        let (mut raw, _) = server.asked();
        raw.send(redirect(302, "/").as_bytes());
    }
    let error = client.failed();
    assert_told(&error, 302, "/");
    let words = ", but 3 redirects were followed, which is max_redirects";
    assert!(error.to_string().ends_with(words), "{error}");
    assert!(!server.has_more());
}

#[test]
fn credentials_are_only_for_the_first_host() {
    let (first, second) = (RawServer::start(), RawServer::start());
    let url = format!("ws://user:password@127.0.0.1:{}/", first.port());
    // From the URL, or from the options.
    let without = WebSocketClientOptions {
        headers: vec![RequestHeader::parse("X-Game: chess").expect("a header line")],
        ..options(5)
    };
    for (options, wanted) in [(without, "Basic dXNlcjpwYXNzd29yZA=="), (options(5), "Bearer secret")] {
        let has_cookie = options.headers.len() > 1;
        let mut client = Client::start(&url, options);
        let assert_full = |head: &str| {
            assert_eq!(header(head, "Authorization"), Some(wanted));
            assert_eq!(header(head, "Cookie").is_some(), has_cookie);
            assert_eq!(header(head, "X-Game"), Some("chess"));
        };
        let (mut raw, head) = first.asked();
        assert_full(&head);
        raw.send(redirect(307, "/same").as_bytes());
        let (mut raw, head) = first.asked();
        assert_full(&head);
        // Another port, then another name, are other hosts. What the location names as user information is ignored.
        raw.send(redirect(307, &format!("ws://a:b@127.0.0.1:{}/", second.port())).as_bytes());
        let (mut raw, head) = second.asked();
        for name in ["Authorization", "Cookie"] {
            assert_eq!(header(&head, name), None, "{head}");
        }
        assert_eq!(header(&head, "X-Game"), Some("chess"));
        raw.send(redirect(307, &format!("ws://localhost:{}/", first.port())).as_bytes());
        let (mut raw, head) = first.asked();
        for name in ["Authorization", "Cookie"] {
            assert_eq!(header(&head, name), None, "{head}");
        }
        assert_eq!(
            header(&head, "Host"),
            Some(format!("localhost:{}", first.port()).as_str())
        );
        raw.send(switching_protocols(&head, "").as_bytes());
        assert_eq!(client.connected().url, format!("ws://localhost:{}/", first.port()));
    }
}

#[test]
fn from_ws_to_wss_and_never_back() {
    let authority = Authority::new("authority");
    let identity = authority.issue(&["localhost"]);
    let with_tls = || WebSocketClientOptions {
        tls: Some(authority.client()),
        ..options(5)
    };

    let mut secure = Server::start(WebSocketOptions {
        tls: Some(identity.server()),
        ..WebSocketOptions::default()
    });
    let plain = RawServer::start();
    for scheme in ["wss", "https"] {
        let mut client = Client::start(&plain.url(), with_tls());
        let (mut raw, _) = plain.asked();
        raw.send(redirect(308, &format!("{scheme}://localhost:{}/", secure.port())).as_bytes());
        assert!(client.connected().tls.is_some());
        secure.connected();
        client.close(1000, "");
        secure.disconnected();
    }

    let (listener, port) = tls_listen(identity.server());
    for location in [plain.url(), plain.url().replace("ws:", "http:")] {
        let mut client = Client::start(&format!("wss://localhost:{port}/"), with_tls());
        let (mut tls, _) = common::accept(&listener);
        tls.recv(1);
        tls.tcp.send(redirect(301, &location).as_bytes()).expect("room");
        assert_told(&client.failed(), 301, &location);
        assert!(!plain.has_more());
    }
}

#[test]
fn the_time_limit_holds_for_all_redirects_together() {
    let server = RawServer::start();
    let limit = std::time::Duration::from_millis(300);
    let mut client = Client::start(
        &server.url(),
        WebSocketClientOptions {
            handshake_timeout: Some(limit),
            ..options(20)
        },
    );
    let (mut raw, _) = server.asked();
    raw.send(redirect(302, "/").as_bytes());
    let (mut raw, _) = server.asked();
    let error = client.failed();
    assert!(error.to_string().contains("within 0.3 s"), "{error}");
    raw.ends();
}
