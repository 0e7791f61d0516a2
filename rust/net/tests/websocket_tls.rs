//! The WebSocket server over TLS: no layer holds data back, and plain or silent peers affect only themselves.

mod common;
mod tls_common;
mod websocket_common;

use std::time::{Duration, Instant};

use async_sockets_net::event::WebSocketEvent;
use async_sockets_net::websocket::options::{HandshakeOptions, WebSocketOptions};
use tls_common::{Authority, try_connect};
use websocket_common::{BINARY, CLOSE, Happened, Peer, REQUEST, Server, TEXT, close_payload, frame, wait_until};

fn secure(authority: &Authority) -> Server {
    Server::start(WebSocketOptions {
        tls: Some(authority.issue(&["localhost"]).server()),
        handshake: HandshakeOptions {
            timeout: Some(Duration::from_secs(20)),
            ..HandshakeOptions::default()
        },
        ..WebSocketOptions::default()
    })
}

fn join(server: &mut Server, authority: &Authority) -> (common::Client, i64) {
    let mut client = try_connect("localhost", server.port(), authority.client()).expect("a connection");
    client.tcp.send(format!("{REQUEST}\r\n").as_bytes()).expect("room");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(client.recv(1));
    }
    (client, server.connected())
}

#[test]
fn messages_of_many_records_go_both_ways() {
    let authority = Authority::new("authority");
    let mut server = secure(&authority);
    let (mut client, id) = join(&mut server, &authority);
    let data: Vec<u8> = (0..3_000_000_u32).map(|n| (n / 7) as u8).collect();
    client.tcp.send(&frame(BINARY, &data)).expect("room");
    assert!(server.binary() == data, "changed on its way in");
    // More than the system's buffers hold, in many frames, before the client reads the first.
    for _ in 0..4 {
        server.inner.send_binary(id, &data).expect("room");
        server.inner.send_text(id, "and").expect("room");
    }
    for _ in 0..4 {
        assert_eq!(client.recv(10)[..2], [BINARY, 127]);
        assert!(client.recv(data.len()) == data, "changed on its way out");
        assert_eq!(client.recv(5), b"\x81\x03and");
    }
    wait_until("settled bytes", || server.inner.client_pending_bytes(id) == Some(0));
    client.tcp.send(&frame(CLOSE, &close_payload(4000, ""))).expect("room");
    assert_eq!(server.disconnected(), (4000, String::new(), true));
    assert_eq!(client.recv_to_end(), [CLOSE, 2, 0x0F, 0xA0]);
}

#[test]
fn who_speaks_no_tls_is_counted_and_others_come_in() {
    let authority = Authority::new("authority");
    let mut server = secure(&authority);
    let _plain = Peer::ask(server.port(), "");
    wait_until("refusal", || server.inner.statistics().refused == 1);
    let (client, _) = join(&mut server, &authority);
    client.tcp.send(&frame(TEXT, b"hello")).expect("room");
    assert_eq!(server.text(), "hello");
}

#[test]
fn a_stop_does_not_wait_for_a_silent_peer() {
    let mut server = secure(&Authority::new("authority"));
    let _silent = Peer::connect(server.port());
    std::thread::sleep(Duration::from_millis(50));
    let start = Instant::now();
    server.inner.stop();
    assert!(matches!(server.next(), Happened::Other(WebSocketEvent::Stopped)));
    assert!(start.elapsed() < Duration::from_secs(5));
}
