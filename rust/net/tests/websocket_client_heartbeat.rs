//! Pings of a client: a silent server is noticed, a busy or paused one is not taken for dead.

mod websocket_client_common;
mod websocket_common;

use std::time::{Duration, Instant};

use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use async_sockets_net::websocket::options::WebSocketOptions;
use websocket_client_common::{Client, RawServer, Seen};
use websocket_common::{BINARY, PING, PONG, Server, TEXT, wait_until};

fn beating(milliseconds: u64) -> WebSocketClientOptions {
    WebSocketClientOptions {
        heartbeat_interval: Some(Duration::from_millis(milliseconds)),
        ..WebSocketClientOptions::default()
    }
}

#[test]
fn a_silent_server_is_1006() {
    let start = Instant::now();
    let (mut client, mut server) = RawServer::start().join(beating(200));
    client.inner.send_text("to nobody").expect("room");
    let (code, reason, clean) = client.disconnected();
    assert_eq!((code, clean), (1006, false));
    assert!(reason.contains("ping"), "{reason}");
    assert!(start.elapsed() >= Duration::from_millis(400), "{:?}", start.elapsed());
    assert_eq!(server.next_frame().0, TEXT);
    assert_eq!(server.next_frame().0, PING);
    server.ends();
}

#[test]
fn a_server_that_does_not_read_either_is_1006() {
    let (mut client, _server) = RawServer::start().join(beating(300));
    while client.inner.send_binary(&[0; 64 * 1024]).is_ok() {}
    let (code, _, clean, unsent) = client.ended();
    assert_eq!((code, clean), (1006, false));
    assert!(unsent > 0);
    assert_eq!(client.inner.pending_bytes(), 0);
}

#[test]
fn a_server_that_answers_stays() {
    let mut server = Server::start(WebSocketOptions::default());
    let mut client = Client::connect(server.port(), beating(500));
    let id = server.connected();
    wait_until("latency", || client.inner.latency().is_some());
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1600) {
        assert!(client.poll().is_none());
        assert!(server.poll().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    server.inner.send_text(id, "still here").expect("room");
    assert_eq!(client.text(), "still here");
}

#[test]
fn any_data_is_a_sign_of_life() {
    let (mut client, mut server) = RawServer::start().join(beating(500));
    for _ in 0..3 {
        assert_eq!(server.next_frame().0, PING);
        server.frame(TEXT, b"busy");
        assert_eq!(client.text(), "busy");
    }
    // Even a part of a frame, or a pong that answers nothing.
    server.send(&[BINARY, 3]);
    assert_eq!(server.next_frame().0, PING);
    server.send(&[1]);
    assert_eq!(server.next_frame().0, PING);
    server.send(&[2, 3]);
    assert_eq!(server.next_frame().0, PING);
    server.frame(PONG, b"something else");
    assert_eq!(client.binary(), [1, 2, 3]);
    assert_eq!(client.inner.latency(), None);
}

#[test]
fn a_client_that_does_not_read_does_not_take_the_server_for_dead() {
    let options = WebSocketClientOptions {
        max_queued: 16 * 1024,
        ..beating(500)
    };
    let (mut client, mut server) = RawServer::start().join(options);
    server.frame(BINARY, &[1; 20_000]);
    server.frame(BINARY, &[2; 20_000]);
    wait_until("a message", || client.inner.queued_events() > 0);
    // The pongs, if any, would be behind the second message, which is not read.
    for _ in 0..4 {
        assert_eq!(server.next_frame().0, PING);
    }
    assert_eq!(client.inner.queued_events(), 1);
    assert_eq!(client.binary(), [1; 20_000]);
    let seen = client.next();
    assert!(matches!(&seen, Seen::Binary(data) if data == &[2; 20_000]), "{seen:?}");
}

#[test]
fn without_an_interval_there_are_no_pings() {
    for interval in [None, Some(Duration::ZERO)] {
        let options = WebSocketClientOptions {
            heartbeat_interval: interval,
            ..WebSocketClientOptions::default()
        };
        let (client, mut server) = RawServer::start().join(options);
        std::thread::sleep(Duration::from_millis(100));
        client.inner.send_text("first").expect("room");
        assert_eq!(server.next_frame(), (TEXT, b"first".to_vec()));
    }
    let never = WebSocketClientOptions {
        heartbeat_interval: Some(Duration::MAX),
        ..WebSocketClientOptions::default()
    };
    let (client, mut server) = RawServer::start().join(never);
    client.inner.send_text("first").expect("room");
    assert_eq!(server.next_frame(), (TEXT, b"first".to_vec()));
}
