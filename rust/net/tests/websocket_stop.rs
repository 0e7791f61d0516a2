//! A stopping server says goodbye to its clients in bounded time, and its port is free at once.

mod websocket_common;

use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use async_sockets_net::event::WebSocketEvent;
use async_sockets_net::websocket::options::WebSocketOptions;
use async_sockets_net::websocket_server::ClientError;
use websocket_common::{Happened, Peer, Server, TEXT};

/// A free port outside the range for outgoing connections: otherwise another test's connection could take it between
/// two servers.
fn quiet_port() -> u16 {
    static CALLS: AtomicU16 = AtomicU16::new(0);
    let first = 1000 * CALLS.fetch_add(1, Ordering::Relaxed)
        + 10_000
        + u16::try_from(std::process::id() % 10_000).expect("small");
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (first..first + 1000).find(is_free).expect("a free port")
}

#[track_caller]
fn stopped(server: &mut Server) {
    match server.next() {
        Happened::Other(WebSocketEvent::Stopped) => {}
        other => panic!("not stopped: {other:?}"),
    }
}

#[test]
fn everybody_is_told_1001_and_the_port_is_free() {
    let port = quiet_port();
    let mut server = Server::start_at(port, WebSocketOptions::default());
    let (mut polite, id) = server.join();
    let (mut mute, _) = server.join();
    server.inner.send_text(id, "last words").expect("room");
    let start = Instant::now();
    server.inner.stop();
    assert!(!server.inner.is_listening());
    assert_eq!(polite.next_frame(), (TEXT, b"last words".to_vec()));
    assert_eq!(polite.next_close(), (1001, String::new()));
    polite.close(1001, "");
    assert_eq!(server.disconnected(), (1001, String::new(), true));
    let mut next = Server::start_at(port, WebSocketOptions::default());
    let _ = next.join();
    assert_eq!(mute.next_close().0, 1001);
    // This one does not answer.
    assert_eq!(server.disconnected(), (1001, String::new(), false));
    stopped(&mut server);
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(server.poll().is_none());
    assert_eq!(server.inner.client_count(), 0);
    assert_eq!(server.inner.send_text(id, "x"), Err(ClientError::Unknown(id)));
}

#[test]
fn a_client_that_was_closing_slowly_is_hurried() {
    let mut server = Server::start(WebSocketOptions {
        close_timeout: Some(Duration::from_secs(60)),
        ..WebSocketOptions::default()
    });
    let (_mute, id) = server.join();
    let bye = async_sockets_net::websocket::close_code::CloseFrame::parse(4000, "").expect("valid");
    server.inner.disconnect(id, bye).expect("known");
    let start = Instant::now();
    server.inner.stop();
    assert_eq!(server.disconnected(), (4000, String::new(), false));
    stopped(&mut server);
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn dropping_the_handle_stops_too() {
    let port = quiet_port();
    let mut server = Server::start_at(port, WebSocketOptions::default());
    let (mut peer, _) = server.join();
    drop(server);
    assert_eq!(peer.next_close().0, 1001);
    peer.close(1001, "");
    assert!(peer.rest().is_empty());
    let mut next = Server::start_at(port, WebSocketOptions::default());
    let _ = next.join();
}

#[test]
fn restarts_in_a_row_on_one_port() {
    let port = quiet_port();
    for _ in 0..20 {
        let mut server = Server::start_at(port, WebSocketOptions::default());
        let (_peer, id) = server.join();
        assert_eq!(id, 1, "ids begin anew");
        server.inner.stop();
    }
    let _late = Peer::connect(Server::start_at(port, WebSocketOptions::default()).port());
}
