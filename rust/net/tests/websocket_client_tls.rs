//! A client over TLS: no layer holds data back, and every end is as without.

mod common;
mod tls_common;
mod websocket_client_common;
mod websocket_common;

use std::time::Duration;

use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use async_sockets_net::websocket::options::WebSocketOptions;
use tls_common::{Authority, tls_listen};
use websocket_client_common::{Client, Seen, server_frame, switching_protocols};
use websocket_common::{CLOSE, Server, TEXT, close_payload, wait_until};

fn both() -> (Client, Server, i64) {
    let authority = Authority::new("authority");
    let mut server = Server::start(WebSocketOptions {
        tls: Some(authority.issue(&["localhost"]).server()),
        ..WebSocketOptions::default()
    });
    let mut client = start(server.port(), &authority);
    assert!(client.connected().tls.is_some());
    let id = server.connected();
    (client, server, id)
}

fn start(port: u16, authority: &Authority) -> Client {
    let options = WebSocketClientOptions {
        tls: Some(authority.client()),
        close_timeout: Some(Duration::from_secs(20)),
        ..WebSocketClientOptions::default()
    };
    Client::start(&format!("wss://localhost:{port}/"), options)
}

#[test]
fn messages_of_many_records_go_both_ways() {
    let (mut client, mut server, id) = both();
    let big: Vec<u8> = (0..3_000_000_u32).map(|n| (n / 7) as u8).collect();
    client.inner.send_binary(&big).expect("room");
    client.inner.flush(1);
    assert!(server.binary() == big, "changed on its way out");
    assert!(matches!(client.next(), Seen::Flushed(1)));
    server.inner.send_binary(id, &big).expect("room");
    server.inner.send_text(id, "and").expect("room");
    assert!(client.binary() == big, "changed on its way in");
    assert_eq!(client.text(), "and");
    wait_until("nothing pending", || client.inner.pending_bytes() == 0);
    client.close(4000, "done");
    assert_eq!(server.disconnected(), (4000, "done".to_owned(), true));
    assert_eq!(client.disconnected(), (4000, "done".to_owned(), true));
}

#[test]
fn what_was_sent_before_a_drop_arrives() {
    let (client, mut server, _) = both();
    let big = vec![7; 3_000_000];
    client.inner.send_text("first").expect("room");
    client.inner.send_binary(&big).expect("room");
    drop(client);
    assert_eq!(server.text(), "first");
    assert!(server.binary() == big);
    assert_eq!(server.disconnected(), (1001, String::new(), true));
}

/// A TLS server served by hand; the head and the first frames come in one record.
#[test]
fn frames_in_the_same_record_as_the_head_count() {
    let authority = Authority::new("authority");
    let (listener, port) = tls_listen(authority.issue(&["localhost"]).server());
    let mut client = start(port, &authority);
    let (mut tls, _) = common::accept(&listener);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(tls.recv(1));
    }
    let head = String::from_utf8(head).expect("an ASCII head");
    let frames = [
        switching_protocols(&head, "").into_bytes(),
        server_frame(TEXT, b"early"),
        server_frame(CLOSE, &close_payload(4000, "done")),
    ];
    tls.tcp.send(&frames.concat()).expect("room");
    client.connected();
    assert_eq!(client.text(), "early");
    assert_eq!(client.disconnected(), (4000, "done".to_owned(), true));
    // Eight bytes of header, mask and code, and the reason.
    assert_eq!(tls.recv_to_end().len(), 8 + 4);
}

#[test]
fn an_end_without_a_close_frame_is_1006() {
    let authority = Authority::new("authority");
    // With close_notify, and without.
    for orderly in [true, false] {
        let (listener, port) = tls_listen(authority.issue(&["localhost"]).server());
        let mut client = start(port, &authority);
        let (mut tls, _) = common::accept(&listener);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(tls.recv(1));
        }
        let head = String::from_utf8(head).expect("an ASCII head");
        tls.tcp.send(switching_protocols(&head, "").as_bytes()).expect("room");
        client.connected();
        if orderly {
            tls.tcp.close();
        } else {
            tls.tcp.abort();
        }
        let (code, reason, clean) = client.disconnected();
        assert_eq!((code, clean), (1006, false), "{reason}");
        assert!(!reason.is_empty());
    }
}

#[test]
fn an_abort_gives_up_a_tls_handshake() {
    let authority = Authority::new("authority");
    let silent = websocket_client_common::RawServer::start();
    for message in [None, Some("lost")] {
        let mut client = start(silent.port(), &authority);
        let mut raw = silent.accept();
        if let Some(message) = message {
            client.inner.send_text(message).expect("room");
        }
        client.inner.abort();
        client.failed();
        raw.ends();
        let client = start(silent.port(), &authority);
        let mut raw = silent.accept();
        drop(client);
        raw.ends();
    }
}
