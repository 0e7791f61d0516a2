//! Pings: a client that answers stays connected, one that does not is detected, and the latency is measured.

mod websocket_common;

use std::time::{Duration, Instant};

use async_sockets_net::websocket::options::WebSocketOptions;
use async_sockets_net::websocket_server::ClientError;
use websocket_common::{PING, PONG, Server, wait_until};

fn beating(interval: Duration) -> Server {
    Server::start(WebSocketOptions {
        heartbeat_interval: Some(interval),
        ..WebSocketOptions::default()
    })
}

#[test]
fn a_dead_peer_is_1006() {
    let mut server = beating(Duration::from_millis(150));
    let (mut peer, _) = server.join();
    let start = Instant::now();
    assert_eq!(peer.next_frame().0, PING);
    let (code, reason, clean) = server.disconnected();
    assert_eq!((code, clean), (1006, false), "{reason}");
    assert!(start.elapsed() < Duration::from_secs(3));
    peer.ends();
}

#[test]
fn a_peer_that_answers_stays_and_has_a_latency() {
    let mut server = beating(Duration::from_millis(40));
    let (mut peer, id) = server.join();
    assert_eq!(server.inner.client_latency(id), None);
    for _ in 0..10 {
        let (first, payload) = peer.next_frame();
        assert_eq!(first, PING);
        peer.frame(PONG, &payload);
    }
    wait_until("latency", || server.inner.client_latency(id).is_some());
    assert!(server.inner.client_latency(id) < Some(Duration::from_secs(1)));
    assert!(server.poll().is_none());
}

#[test]
fn any_data_is_a_sign_of_life() {
    let mut server = beating(Duration::from_millis(40));
    let (mut peer, _) = server.join();
    for _ in 0..8 {
        // A ping arrives, and the client sends other data instead of a pong.
        assert_eq!(peer.next_frame().0, PING);
        peer.frame(websocket_common::TEXT, b"busy");
        assert_eq!(server.text(), "busy");
    }
}

#[test]
fn a_ping_of_the_user_has_its_payload() {
    let mut server = Server::start(WebSocketOptions::default());
    let (mut peer, id) = server.join();
    assert_eq!(server.inner.ping(id, &[0; 126]), Err(ClientError::PingTooLong(126)));
    assert_eq!(server.inner.ping(id + 1, b""), Err(ClientError::Unknown(id + 1)));
    server.inner.ping(id, &[7; 125]).expect("known");
    server.inner.ping(id, b"").expect("known");
    assert_eq!(peer.next_frame(), (PING, vec![7; 125]));
    assert_eq!(peer.next_frame(), (PING, Vec::new()));
    peer.frame(PONG, b"something else");
    peer.frame(PONG, b"");
    wait_until("latency", || server.inner.client_latency(id).is_some());
}
