//! The opening handshake over a socket: any segmentation, proper refusals, and limits on size, time and number.

mod websocket_common;

use std::thread::sleep;
use std::time::{Duration, Instant};

use async_sockets_net::http::headers::ResponseHeader;
use async_sockets_net::websocket::options::{HandshakeOptions, Subprotocol, WebSocketOptions};
use websocket_common::{Happened, Peer, REQUEST, Server, TEXT, frame, wait_until};

fn with(handshake: HandshakeOptions) -> WebSocketOptions {
    WebSocketOptions {
        handshake,
        ..WebSocketOptions::default()
    }
}

/// Sends these bytes and returns the whole response; the server then closes the connection.
#[track_caller]
fn refusal(port: u16, bytes: &[u8]) -> String {
    let mut peer = Peer::connect(port);
    peer.send(bytes);
    let answer = String::from_utf8(peer.rest()).expect("UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("\r\nConnection: close"), "{head}");
    assert!(head.contains(&format!("\r\nContent-Length: {}", body.len())), "{head}");
    head.to_owned()
}

#[test]
fn a_request_byte_by_byte_and_frames_right_behind_it() {
    let mut server = Server::start(WebSocketOptions::default());
    let mut slow = Peer::connect(server.port());
    for byte in format!("{REQUEST}\r\n").bytes() {
        slow.send(&[byte]);
    }
    assert!(
        slow.head()
            .contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")
    );
    assert_eq!(server.connected(), 1);

    let mut eager = Peer::connect(server.port());
    let mut bytes = format!("{REQUEST}\r\n").into_bytes();
    let early = frame(TEXT, b"early");
    bytes.extend(&early[..]);
    bytes.extend(&early[..5]);
    eager.send(&bytes);
    assert_eq!(server.connected(), 2);
    assert_eq!(server.text(), "early");
    eager.send(&early[5..]);
    assert_eq!(server.text(), "early");
}

#[test]
fn what_the_client_asked_for_is_known() {
    let mut server = Server::start(with(HandshakeOptions {
        protocols: ["b", "a"].map(|name| Subprotocol::parse(name).expect("valid")).into(),
        response_headers: vec![ResponseHeader::parse("X-Served-By: me").expect("valid")],
        ..HandshakeOptions::default()
    }));
    let mut peer = Peer::connect(server.port());
    let head = REQUEST.replace("GET / ", "GET /room/1?key=x%20y ");
    peer.send(format!("{head}Sec-WebSocket-Protocol: a, b\r\nX-Name: \tvalue \r\n\r\n").as_bytes());
    let answer = peer.head();
    assert!(answer.contains("\r\nSec-WebSocket-Protocol: b\r\n"), "{answer}");
    assert!(answer.contains("\r\nX-Served-By: me\r\n"), "{answer}");
    let Happened::Connected(id, info) = server.next() else {
        panic!("not connected")
    };
    assert_eq!(
        (info.request.path.as_str(), info.request.query.as_str()),
        ("/room/1", "key=x%20y")
    );
    assert_eq!(info.request.headers.get("x-name"), Some("value"));
    assert_eq!(info.protocol, "b");
    assert_eq!(info.peer, peer.stream.local_addr().expect("an address"));
    assert_eq!(
        server.inner.client_info(id).map(|info| info.protocol.as_str()),
        Some("b")
    );
}

#[test]
fn refusals_are_http_that_the_peer_can_read() {
    let mut server = Server::start(with(HandshakeOptions {
        allowed_origins: vec!["https://good.example".into()],
        paths: vec!["/".into()],
        ..HandshakeOptions::default()
    }));
    let port = server.port();
    let status = |bytes: &str| refusal(port, bytes.as_bytes())[9..12].to_owned();
    assert_eq!(status("not http at all\r\n\r\n"), "400");
    assert_eq!(status("\x16\x03\x01\x02\x00"), "400");
    assert_eq!(status(&format!("{REQUEST}Origin: https://evil.example\r\n\r\n")), "403");
    assert_eq!(
        status(&format!("{}Origin: x\r\n\r\n", REQUEST.replace("GET /", "GET /no"))),
        "404"
    );
    assert_eq!(status(&format!("{}\r\n", REQUEST.replace("GET", "POST"))), "405");
    assert_eq!(status(&format!("{REQUEST}X: {}\r\n\r\n", "x".repeat(9000))), "431");
    assert_eq!(status(&format!("{REQUEST}{}\r\n", "X: x\r\n".repeat(60))), "431");
    let plain = refusal(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(plain.starts_with("HTTP/1.1 426 "), "{plain}");
    assert!(plain.contains("\r\nSec-WebSocket-Version: 13\r\n"), "{plain}");
    assert!(plain.contains("\r\nUpgrade: websocket\r\n"), "{plain}");
    wait_until("all refusals counted", || server.inner.statistics().refused == 8);
    assert!(server.poll().is_none(), "a refusal is no event");
    let _in = Peer::open(port, "Origin: https://GOOD.example\r\n");
    assert_eq!(server.connected(), 1);
}

#[test]
fn a_server_may_take_no_new_clients_for_a_while() {
    let mut server = Server::start(WebSocketOptions::default());
    let (mut first, id) = server.join();
    server.inner.set_refusing(true);
    let answer = refusal(server.port(), format!("{REQUEST}\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(server.poll().is_none(), "a refusal is no event");
    server.inner.send_text(id, "still here").expect("room");
    assert_eq!(first.next_frame(), (TEXT, b"still here".to_vec()));
    server.inner.set_refusing(false);
    server.join();
}

#[test]
fn a_full_server_says_503_and_has_room_again() {
    let mut server = Server::start(WebSocketOptions {
        max_clients: Some(2),
        ..WebSocketOptions::default()
    });
    let (mut first, _) = server.join();
    let (_second, _) = server.join();
    let answer = refusal(server.port(), format!("{REQUEST}\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let figures = server.inner.statistics();
    assert_eq!((figures.full, figures.refused), (1, 1));
    first.close(1000, "");
    assert_eq!(server.disconnected().0, 1000);
    let (_third, id) = server.join();
    assert_eq!(id, 3, "ids are not used twice");
}

#[test]
fn a_slow_request_is_answered_with_408() {
    let server = Server::start(with(HandshakeOptions {
        timeout: Some(Duration::from_millis(200)),
        ..HandshakeOptions::default()
    }));
    let start = Instant::now();
    let answer = refusal(server.port(), b"GET / HTTP/1.1\r\nHost:");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn half_open_handshakes_are_bounded_and_the_next_one_waits() {
    let mut server = Server::start(with(HandshakeOptions {
        max_pending: 2,
        timeout: Some(Duration::from_millis(300)),
        ..HandshakeOptions::default()
    }));
    let _silent = [Peer::connect(server.port()), Peer::connect(server.port())];
    sleep(Duration::from_millis(50));
    // This one waits in the backlog until the silent ones time out.
    let mut peer = Peer::ask(server.port(), "");
    drop(_silent);
    assert!(peer.head().starts_with("HTTP/1.1 101 "));
    assert_eq!(server.connected(), 1);
}
