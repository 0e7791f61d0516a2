//! Manual handshakes: the main thread decides which clients are admitted.

mod common;
mod websocket_common;

use std::time::Duration;

use async_sockets_net::event::WebSocketEvent;
use async_sockets_net::http::headers::ResponseHeader;
use async_sockets_net::websocket::ClientId;
use async_sockets_net::websocket::options::{HandshakeOptions, WebSocketOptions};
use async_sockets_net::websocket::request::{HandshakeFailure, HandshakeRequest};
use async_sockets_net::websocket_server::DecisionError;
use websocket_common::{Happened, Peer, Server, TEXT, frame, wait_until};

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
fn failed(server: &mut Server) -> (ClientId, HandshakeFailure) {
    match server.next() {
        Happened::Other(WebSocketEvent::HandshakeFailed(id, why)) => (id, why),
        other => panic!("not failed: {other:?}"),
    }
}

#[test]
fn accepted_with_a_subprotocol_that_was_offered() {
    let mut server = manual(Duration::from_secs(10));
    let mut peer = Peer::ask(server.port(), "Sec-WebSocket-Protocol: a, b\r\n");
    // It may be pending while the client already sends.
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
            server.inner.reject_handshake(id, bad, "", Vec::new()),
            Err(DecisionError::Status(bad))
        );
    }
    let headers = vec![ResponseHeader::parse("WWW-Authenticate: Bearer realm=\"game\"").expect("valid")];
    assert_eq!(server.inner.reject_handshake(id, 401, "who are you?", headers), Ok(()));
    let answer = String::from_utf8(peer.rest()).expect("UTF-8");
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
    assert!(
        answer.contains("\r\nWWW-Authenticate: Bearer realm=\"game\"\r\n"),
        "{answer}"
    );
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
    assert_eq!(failed(&mut server), (id, HandshakeFailure::Expired));
    assert_eq!(server.inner.accept_handshake(id, ""), Err(DecisionError::Unknown(id)));
}

#[test]
fn a_client_that_leaves_meanwhile_expires_at_once() {
    let mut server = manual(Duration::from_secs(60));
    let peer = Peer::ask(server.port(), "");
    let (id, _) = asked(&mut server);
    drop(peer);
    assert_eq!(failed(&mut server), (id, HandshakeFailure::Left));
}

#[test]
fn an_accepted_client_is_refused_if_nobody_is_taken_meanwhile() {
    let mut server = manual(Duration::from_secs(60));
    let mut peer = Peer::ask(server.port(), "");
    let (id, _) = asked(&mut server);
    server.inner.set_refusing(true);
    assert_eq!(server.inner.accept_handshake(id, ""), Ok(()));
    assert_eq!(failed(&mut server), (id, HandshakeFailure::Refusing));
    assert!(String::from_utf8_lossy(&peer.rest()).starts_with("HTTP/1.1 503 "));
}

#[test]
fn a_stop_refuses_who_waits() {
    let mut server = manual(Duration::from_secs(60));
    let mut peer = Peer::ask(server.port(), "");
    let (id, _) = asked(&mut server);
    server.inner.stop();
    assert!(String::from_utf8_lossy(&peer.rest()).starts_with("HTTP/1.1 503 "));
    assert_eq!(failed(&mut server), (id, HandshakeFailure::Stopping));
    assert!(matches!(server.next(), Happened::Other(WebSocketEvent::Stopped)));
}

#[test]
fn who_is_accepted_and_finds_the_server_full_has_failed() {
    let mut server = Server::start(WebSocketOptions {
        max_clients: Some(1),
        handshake: HandshakeOptions {
            manual: true,
            ..HandshakeOptions::default()
        },
        ..WebSocketOptions::default()
    });
    let mut peers = [Peer::ask(server.port(), ""), Peer::ask(server.port(), "")];
    let (first, _) = asked(&mut server);
    let (second, _) = asked(&mut server);
    assert_eq!(server.inner.accept_handshake(first, ""), Ok(()));
    assert_eq!(server.connected(), first);
    assert_eq!(server.inner.accept_handshake(second, ""), Ok(()));
    assert_eq!(failed(&mut server), (second, HandshakeFailure::Full));
    assert_eq!(server.inner.statistics().full, 1);
    let answers = peers.each_mut().map(Peer::head);
    assert!(
        answers.iter().any(|answer| answer.starts_with("HTTP/1.1 101 ")),
        "{answers:?}"
    );
    assert!(
        answers.iter().any(|answer| answer.starts_with("HTTP/1.1 503 ")),
        "{answers:?}"
    );
}

#[test]
fn who_is_accepted_and_has_left_has_failed_or_is_disconnected() {
    let mut server = manual(Duration::from_secs(60));
    for _ in 0..50 {
        let peer = Peer::ask(server.port(), "");
        let (id, _) = asked(&mut server);
        common::reset(peer.stream);
        // The server may or may not have noticed the reset.
        let _ = server.inner.accept_handshake(id, "");
        match server.next() {
            Happened::Other(WebSocketEvent::HandshakeFailed(other, why)) => {
                assert_eq!(other, id);
                assert!(
                    matches!(why, HandshakeFailure::Left | HandshakeFailure::Unsent),
                    "{why}"
                );
            }
            Happened::Connected(other, _) => {
                assert_eq!(other, id);
                assert!(matches!(server.next(), Happened::Disconnected(other, _) if other == id));
            }
            other => panic!("{other:?}"),
        }
        assert!(server.poll().is_none(), "told twice");
    }
}

#[test]
fn who_is_rejected_is_not_told_of_again() {
    let mut server = manual(Duration::from_secs(60));
    for _ in 0..50 {
        let peer = Peer::ask(server.port(), "");
        let (id, _) = asked(&mut server);
        common::reset(peer.stream);
        let before = server.inner.statistics().refused;
        if server.inner.reject_handshake(id, 403, "", Vec::new()).is_ok() {
            wait_until("the refusal", || server.inner.statistics().refused > before);
            assert!(server.poll().is_none(), "a rejected one has failed");
        } else {
            assert_eq!(failed(&mut server), (id, HandshakeFailure::Left));
        }
    }
}

#[test]
fn the_end_of_the_runtime_fails_who_waits() {
    // Runs in a process of its own, because the runtime is shared.
    const CHILD: &str = "ASYNC_SOCKETS_TEST_RUNTIME_END";
    if std::env::var_os(CHILD).is_none() {
        let output = std::process::Command::new(std::env::current_exe().expect("a path"))
            .args(["--exact", "the_end_of_the_runtime_fails_who_waits", "--nocapture"])
            .env(CHILD, "1")
            .output()
            .expect("a child process");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let mut server = manual(Duration::from_secs(60));
    let _peer = Peer::ask(server.port(), "");
    let (id, _) = asked(&mut server);
    async_sockets_net::runtime::stop(Duration::ZERO);
    assert_eq!(failed(&mut server), (id, HandshakeFailure::Stopping));
    assert!(matches!(server.next(), Happened::Other(WebSocketEvent::Stopped)));
}

#[test]
fn requests_that_wait_leave_room_for_other_addresses() {
    let mut server = Server::start(WebSocketOptions {
        handshake: HandshakeOptions {
            manual: true,
            timeout: Some(Duration::from_secs(60)),
            max_pending: 8,
            ..HandshakeOptions::default()
        },
        ..WebSocketOptions::default()
    });
    let port = server.port();
    let _greedy: Vec<_> = (0..20)
        .map(|n| {
            let mut peer = Peer::ask(port, "");
            if n < 4 {
                asked(&mut server);
            } else {
                assert!(peer.head().starts_with("HTTP/1.1 503 "));
            }
            peer
        })
        .collect();
    // Silent connections take no slots of the pending ones, and vice versa.
    let _silent: Vec<_> = (0..20).map(|_| Peer::connect(port)).collect();
    let mut other = Peer::connect_from([127, 0, 0, 2], port);
    other.send(format!("{}\r\n", websocket_common::REQUEST).as_bytes());
    let (id, request) = asked(&mut server);
    assert_eq!(request.peer.ip().to_string(), "127.0.0.2");
    assert_eq!(server.inner.accept_handshake(id, ""), Ok(()));
    assert_eq!(server.connected(), id);
}
