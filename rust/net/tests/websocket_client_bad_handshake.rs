//! A server whose answer to the opening handshake is not a valid one: the client says what is wrong, and sends nothing.

mod websocket_client_common;
mod websocket_common;

use std::io::Write;
use std::time::Duration;

use async_sockets_net::websocket::client_handshake::HandshakeError;
use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use async_sockets_net::websocket::connect_error::WebSocketConnectError;
use async_sockets_net::websocket::options::Subprotocol;
use async_sockets_net::websocket::reconnect::Failure;
use websocket_client_common::{
    Client, RawServer, Seen, accept_of, header, server_frame as frame, switching_protocols as good,
};
use websocket_common::{BINARY, CLOSE, PING, PONG, TEXT, close_payload, wait_for};

fn options() -> WebSocketClientOptions {
    WebSocketClientOptions {
        protocols: vec![Subprotocol::parse("chat").expect("a name")],
        max_head: 4096,
        max_headers: 20,
        ..WebSocketClientOptions::default()
    }
}

/// Asserts that an answer, made for the request, fails for good, with a message that contains `words`.
#[track_caller]
fn refused(words: &str, answer: impl FnOnce(&str) -> String) -> WebSocketConnectError {
    refused_bytes(words, |head| answer(head).into_bytes())
}

#[track_caller]
fn refused_bytes(words: &str, answer: impl FnOnce(&str) -> Vec<u8>) -> WebSocketConnectError {
    let server = RawServer::start();
    let mut client = Client::start(&server.url(), options());
    let (mut raw, head) = server.asked();
    raw.send(&answer(&head));
    let error = client.failed();
    assert!(error.to_string().contains(words), "'{error}' instead of '{words}'");
    assert!(matches!(error, WebSocketConnectError::Handshake(_)), "{error:?}");
    assert!(!Failure::from(&error).may_pass(), "{error}");
    raw.ends();
    assert!(client.poll().is_none());
    assert!(client.inner.send_text("late").is_err());
    error
}

/// Asserts that an answer opens the connection.
#[track_caller]
fn taken(answer: impl FnOnce(&str) -> String) {
    let server = RawServer::start();
    let mut client = Client::start(&server.url(), options());
    let (mut raw, head) = server.asked();
    raw.send(answer(&head).as_bytes());
    client.connected();
    raw.frame(TEXT, b"hello");
    assert_eq!(client.text(), "hello");
}

#[test]
fn the_accept_key_belongs_to_the_request() {
    let words = "Sec-WebSocket-Accept";
    refused(words, |head| {
        good(head, "").replace(&accept_of(head), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    });
    refused(words, |head| {
        good(head, "").replace(&accept_of(head), &accept_of(head).to_lowercase())
    });
    refused(words, |head| good(head, "").replace(&accept_of(head), ""));
    // The key itself, sent back.
    refused(words, |head| {
        good(head, "").replace(&accept_of(head), header(head, "Sec-WebSocket-Key").expect("a key"))
    });
    refused(words, |head| good(head, "").replace("Sec-WebSocket-Accept", "X-Accept"));
}

#[test]
fn lines_that_are_missing_or_wrong() {
    refused("no 'Upgrade: websocket'", |head| {
        good(head, "").replace("Upgrade: websocket\r\n", "")
    });
    refused("no 'Upgrade: websocket'", |head| {
        good(head, "").replace("websocket\r\n", "h2c\r\n")
    });
    refused("no 'Connection: Upgrade'", |head| {
        good(head, "").replace("Connection: Upgrade\r\n", "")
    });
    refused("no 'Connection: Upgrade'", |head| {
        good(head, "").replace("Connection: Upgrade", "Connection: close")
    });
}

#[test]
fn lines_that_are_there_twice() {
    refused("more than one Upgrade", |head| good(head, "Upgrade: websocket\r\n"));
    refused("more than one Sec-WebSocket-Accept", |head| {
        good(head, &format!("Sec-WebSocket-Accept: {}\r\n", accept_of(head)))
    });
    refused("more than one Sec-WebSocket-Protocol", |head| {
        good(head, "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n")
    });
}

#[test]
fn what_was_not_offered() {
    refused("subprotocol that was not offered: 'other'", |head| {
        good(head, "Sec-WebSocket-Protocol: other\r\n")
    });
    refused("subprotocol that was not offered: 'chat, other'", |head| {
        good(head, "Sec-WebSocket-Protocol: chat, other\r\n")
    });
    refused("extension that was not offered: 'permessage-deflate'", |head| {
        good(head, "Sec-WebSocket-Extensions: permessage-deflate\r\n")
    });
}

#[test]
fn what_is_not_http() {
    refused("HTTP/1.0", |head| good(head, "").replace("HTTP/1.1", "HTTP/1.0"));
    refused("does not speak HTTP/1.1", |head| {
        good(head, "").replace("HTTP/1.1", "HTTP/2.0")
    });
    let words = "does not speak HTTP/1.1";
    refused(words, |_| "SSH-2.0-OpenSSH_9.6\r\n".to_owned());
    refused(words, |_| "220 mail ESMTP\r\n".to_owned());
    refused(words, |head| good(head, "X y: z\r\n"));
    refused(words, |head| good(head, "X: a\0b\r\n"));
    // A TLS record: an alert, as a TLS server answers a request without TLS.
    refused_bytes(words, |_| vec![0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]);
    refused_bytes(words, |_| vec![0x16, 0x03, 0x03, 0x00, 0x7A]);
    refused_bytes(words, |_| (0..=255).collect());
    refused_bytes(words, |_| frame(TEXT, b"no head at all"));
}

#[test]
fn a_status_with_a_body_is_a_refusal() {
    let body = "<html>welcome</html>";
    let error = refused("the server answered 200 OK", |_| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nX: y\r\n\r\n{body}",
            body.len()
        )
    });
    let (status, headers) = error.response().expect("a response");
    assert_eq!((status, headers.get("x")), (200, Some("y")));
}

#[test]
fn a_head_has_its_limits() {
    refused("more than 4096 bytes", |head| {
        good(head, &format!("X: {}\r\n", "y".repeat(4096)))
    });
    refused("more than 20 header lines", |head| good(head, &"X: y\r\n".repeat(18)));
    // The limit itself.
    taken(|head| good(head, &"X: y\r\n".repeat(17)));
    taken(|head| {
        let rest = 4096 - good(head, "X: \r\n").len();
        let answer = good(head, &format!("X: {}\r\n", "y".repeat(rest)));
        assert_eq!(answer.len(), 4096);
        answer
    });
}

#[test]
fn a_head_that_never_ends() {
    // Fast: the limit ends it.
    for (start, more) in [
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("HTTP/1.1 101 x\r\n", "X: y\r\n"),
        ("HTTP/1.1 101 x\r\nX: ", "y"),
    ] {
        let server = RawServer::start();
        let mut client = Client::start(&server.url(), options());
        let (mut raw, _) = server.asked();
        raw.send(start.as_bytes());
        let error = wait_for("failure", || {
            let _ = raw.stream.write(more.as_bytes());
            client.poll()
        });
        assert!(
            matches!(error, Seen::ConnectFailed(WebSocketConnectError::Handshake(_))),
            "{error:?}"
        );
    }
    // Slowly: the time limit does.
    let server = RawServer::start();
    let slow = WebSocketClientOptions {
        handshake_timeout: Some(Duration::from_millis(400)),
        ..options()
    };
    let mut client = Client::start(&server.url(), slow);
    let (mut raw, _) = server.asked();
    raw.send(b"HTTP/1.1 101 Switching Protocols\r\nX: ");
    raw.stream.set_nonblocking(true).expect("a socket");
    let seen = wait_for("failure", || {
        let _ = raw.stream.write(b"y");
        std::thread::sleep(Duration::from_millis(20));
        client.poll()
    });
    let Seen::ConnectFailed(error) = seen else {
        panic!("{seen:?}");
    };
    assert!(error.to_string().contains("within 0.4 s"), "{error}");
    assert!(Failure::from(&error).may_pass());
}

#[test]
fn a_valid_answer_may_look_different() {
    taken(|head| good(head, "").replace("Upgrade: websocket", "uPGRADE:  WebSocket "));
    taken(|head| good(head, "").replace("Connection: Upgrade", "Connection: keep-alive, upgrade"));
    taken(|head| good(head, "Connection: keep-alive\r\n"));
    taken(|head| good(head, "").replace("Switching Protocols", ""));
    taken(|head| format!("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{}", good(head, "")));
    // A recipient may take a single LF for the end of a line (RFC 9112 section 2.2).
    taken(|head| good(head, "").replace("\r\n", "\n"));
}

#[test]
fn an_answer_may_come_in_pieces() {
    let server = RawServer::start();
    let mut client = Client::start(&server.url(), options());
    let (mut raw, head) = server.asked();
    let bytes = [
        good(&head, "Sec-WebSocket-Protocol: chat\r\n").into_bytes(),
        frame(TEXT, b"hi"),
    ]
    .concat();
    for byte in bytes {
        raw.send(&[byte]);
    }
    assert_eq!(client.connected().protocol, "chat");
    assert_eq!(client.text(), "hi");
}

#[test]
fn frames_in_the_same_segment_as_the_head_count() {
    let server = RawServer::start();
    let mut client = Client::start(&server.url(), WebSocketClientOptions::default());
    let (mut raw, head) = server.asked();
    let big = vec![3; 5000];
    let frames = [
        frame(TEXT, b"one"),
        frame(PING, b"two"),
        frame(BINARY, &big),
        frame(TEXT, b"four"),
        frame(CLOSE, &close_payload(4000, "five")),
    ];
    raw.send(&[good(&head, "").into_bytes(), frames.concat()].concat());
    client.connected();
    assert_eq!(client.text(), "one");
    assert!(client.binary() == big);
    assert_eq!(client.text(), "four");
    assert_eq!(client.disconnected(), (4000, "five".to_owned(), true));
    let mut answer = raw.next_frame();
    if answer.0 == PONG {
        answer = raw.next_frame();
    }
    assert_eq!(answer, (CLOSE, close_payload(4000, "five")));
}

#[test]
fn a_violation_in_the_same_segment_as_the_head_is_answered() {
    let server = RawServer::start();
    let mut client = Client::start(&server.url(), options());
    let (mut raw, head) = server.asked();
    raw.send(&[good(&head, "").into_bytes(), frame(0x83, b"x")].concat());
    client.connected();
    assert_eq!(client.disconnected().0, 1002);
    assert_eq!(raw.next_close().0, 1002);
    assert!(raw.rest().is_empty());
}

#[test]
fn each_request_has_a_key_of_its_own() {
    let server = RawServer::start();
    let mut keys: Vec<String> = Vec::new();
    for _ in 0..20 {
        let _client = Client::start(&server.url(), options());
        let (_raw, head) = server.asked();
        let key = header(&head, "Sec-WebSocket-Key").expect("a key").to_owned();
        assert_eq!(key.len(), 24);
        assert!(!keys.contains(&key));
        keys.push(key);
    }
    assert!(matches!(
        refused("x", |_| "HTTP/1.1 400 x\r\n\r\n".to_owned()),
        WebSocketConnectError::Handshake(HandshakeError::Status(_))
    ));
}
