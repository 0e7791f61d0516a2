//! With the manual handshake the main thread decides who comes in.

mod websocket_common;

use std::time::Duration;

use async_sockets_net::event::WebSocketEvent;
use async_sockets_net::websocket::ClientId;
use async_sockets_net::websocket::options::{HandshakeOptions, WebSocketOptions};
use async_sockets_net::websocket::request::HandshakeRequest;
use async_sockets_net::websocket_server::DecisionError;
use websocket_common::{Happened, Peer, Server, TEXT, frame};

fn manual(timeout: Duration) -> Server {
    Server::start(WebSocketOptions {
        handshake: HandshakeOptions {
            manual: true,
            timeout: Some(timeout),
            ..HandshakeOptions::default()
        },
        ..WebSocketOptions::default()
    })
}

#[track_caller]
fn asked(server: &mut Server) -> (ClientId, HandshakeRequest) {
    match server.next() {
        Happened::Other(WebSocketEvent::HandshakeRequested(id, request)) => (id, *request),
        other => panic!("nobody asked: {other:?}"),
    }
}

#[track_caller]
fn expired(server: &mut Server) -> ClientId {
    match server.next() {
        Happened::Other(WebSocketEvent::HandshakeExpired(id)) => id,
        other => panic!("not expired: {other:?}"),
    }
}

#[test]
fn accepted_with_a_subprotocol_that_was_offered() {
    let mut server = manual(Duration::from_secs(10));
    let mut peer = Peer::ask(server.port(), "Sec-WebSocket-Protocol: a, b\r\n");
    // It may wait while it sends on.
    peer.send(&frame(TEXT, b"hello"));
    let (id, request) = asked(&mut server);
    assert_eq!(request.request.protocols(), ["a", "b"]);
    assert_eq!(request.peer, peer.stream.local_addr().expect("an address"));
    for bad in ["c", "a\r\nX: y", "a, b"] {
        assert_eq!(
            server.inner.accept_handshake(id, bad),
            Err(DecisionError::Protocol(bad.into()))
        );
    }
    assert_eq!(server.inner.accept_handshake(id, "b"), Ok(()));
    assert_eq!(server.inner.accept_handshake(id, "b"), Err(DecisionError::Unknown(id)));
    assert!(peer.head().contains("\r\nSec-WebSocket-Protocol: b\r\n"));
    assert_eq!(server.connected(), id);
    assert_eq!(server.text(), "hello");
}

#[test]
fn rejected_with_status_and_text() {
    let mut server = manual(Duration::from_secs(10));
    let mut peer = Peer::ask(server.port(), "");
    let (id, _) = asked(&mut server);
    for bad in [-1, 0, 101, 200, 399, 600, 65_936] {
        assert_eq!(
            server.inner.reject_handshake(id, bad, ""),
            Err(DecisionError::Status(bad))
        );
    }
    assert_eq!(server.inner.reject_handshake(id, 401, "who are you?"), Ok(()));
    let answer = String::from_utf8(peer.rest()).expect("UTF-8");
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nwho are you?"), "{answer}");
    let mut next = Peer::ask(server.port(), "");
    let (next_id, _) = asked(&mut server);
    assert!(next_id > id, "the id is used up");
    assert_eq!(server.inner.accept_handshake(next_id, ""), Ok(()));
    next.head();
    assert_eq!(server.connected(), next_id);
}

#[test]
fn without_an_answer_it_expires() {
    let mut server = manual(Duration::from_millis(200));
    let mut peer = Peer::ask(server.port(), "");
    let (id, _) = asked(&mut server);
    assert!(String::from_utf8_lossy(&peer.rest()).starts_with("HTTP/1.1 503 "));
    assert_eq!(expired(&mut server), id);
    assert_eq!(server.inner.accept_handshake(id, ""), Err(DecisionError::Unknown(id)));
}

#[test]
fn a_client_that_leaves_meanwhile_expires_at_once() {
    let mut server = manual(Duration::from_secs(60));
    let peer = Peer::ask(server.port(), "");
    let (id, _) = asked(&mut server);
    drop(peer);
    assert_eq!(expired(&mut server), id);
}

#[test]
fn a_stop_refuses_who_waits() {
    let mut server = manual(Duration::from_secs(60));
    let mut peer = Peer::ask(server.port(), "");
    let (id, _) = asked(&mut server);
    server.inner.stop();
    assert!(String::from_utf8_lossy(&peer.rest()).starts_with("HTTP/1.1 503 "));
    assert_eq!(expired(&mut server), id);
    assert!(matches!(server.next(), Happened::Other(WebSocketEvent::Stopped)));
}
