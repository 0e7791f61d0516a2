//! Messages of a client: contents, order, and what is sent before the connection is established; against our server and
//! another's.

mod websocket_client_common;
mod websocket_common;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::thread::spawn;
use std::time::Duration;

use async_sockets_net::error::{PingError, SendError};
use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use async_sockets_net::websocket::messages::Message;
use async_sockets_net::websocket::opening_request::RequestHeader;
use async_sockets_net::websocket::options::{Subprotocol, WebSocketOptions};
use tokio_tungstenite::tungstenite;
use websocket_client_common::{Client, RawServer, Seen, switching_protocols, url};
use websocket_common::{BINARY, Happened, PING, PONG, Server, TEXT, wait_for, wait_until};

/// An echo server of tungstenite. It answers a close frame, and ends with the connection.
fn tungstenite_echo() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let mut socket = tungstenite::accept(stream).expect("a handshake");
        while let Ok(message) = socket.read() {
            if message.is_text() || message.is_binary() {
                socket.send(message).expect("an open connection");
            }
        }
    });
    port
}

/// An echo server of ours.
fn our_echo() -> u16 {
    let mut server = Server::start(WebSocketOptions::default());
    let port = server.port();
    spawn(move || {
        loop {
            match server.next() {
                Happened::Text(id, text) => server.inner.send_text(id, &text).expect("room"),
                Happened::Binary(id, data) => server.inner.send_binary(id, &data).expect("room"),
                Happened::Disconnected(..) => return,
                Happened::Connected(..) => {}
                Happened::Other(other) => panic!("{other:?}"),
            }
        }
    });
    port
}

/// All small sizes, those around the limits of lengths and blocks, and some of all others up to 200,000.
fn sizes() -> BTreeSet<usize> {
    let mut sizes: BTreeSet<usize> = (0..=1100).chain((0..=200_000).step_by(800)).collect();
    for limit in [4096, 8192, 16 * 1024, 64 * 1024, 128 * 1024] {
        sizes.extend(limit - 16..=limit + 16);
    }
    sizes
}

#[test]
fn every_size_comes_back() {
    for port in [our_echo(), tungstenite_echo()] {
        let mut client = Client::connect(port, WebSocketClientOptions::default());
        let text: String = ('!'..='~').cycle().take(200_000).collect();
        for size in sizes() {
            client.inner.send_text(&text[..size]).expect("room");
            client
                .inner
                .send_binary(&text.as_bytes()[text.len() - size..])
                .expect("room");
            assert!(client.text() == text[..size], "{size}");
            assert!(client.binary() == text.as_bytes()[text.len() - size..], "{size}");
        }
        client.close(1000, "");
        assert_eq!(client.disconnected(), (1000, String::new(), true));
    }
}

#[test]
fn texts_keep_every_character() {
    for port in [our_echo(), tungstenite_echo()] {
        let mut client = Client::connect(port, WebSocketClientOptions::default());
        for text in ["", "\0", "a\0b", "\u{FEFF}x", "é€😀\u{10FFFF}\u{FFFF}", "\r\n"] {
            client.inner.send_text(text).expect("room");
            assert_eq!(client.text(), text);
        }
    }
}

#[test]
fn ten_thousand_messages_keep_their_order_both_ways() {
    for port in [our_echo(), tungstenite_echo()] {
        let mut client = Client::connect(port, WebSocketClientOptions::default());
        for n in 0..10_000 {
            let text = format!("{n} {}", "x".repeat(n % 97));
            match n % 2 {
                0 => client.inner.send_text(&text),
                _ => client.inner.send_binary(text.as_bytes()),
            }
            .expect("room");
        }
        for n in 0..10_000 {
            let text = format!("{n} {}", "x".repeat(n % 97));
            match n % 2 {
                0 => assert_eq!(client.text(), text),
                _ => assert_eq!(client.binary(), text.as_bytes()),
            }
        }
        assert_eq!(client.inner.pending_bytes(), 0);
    }
}

#[test]
fn what_is_sent_before_the_connection_waits_in_order() {
    let server = RawServer::start();
    let mut client = Client::start(&server.url(), WebSocketClientOptions::default());
    client.inner.send_text("one").expect("room");
    client.inner.ping(b"two").expect("room");
    client.inner.send_binary(b"three").expect("room");
    client.inner.flush(4);
    client.inner.send_kept(true, b"five");
    // Six bytes of header and mask each.
    assert_eq!(client.inner.pending_bytes(), 4 * 6 + 3 + 3 + 5 + 4);
    let (mut raw, head) = server.asked();
    assert!(client.poll().is_none());
    raw.send(switching_protocols(&head, "").as_bytes());
    client.connected();
    assert_eq!(raw.next_frame(), (TEXT, b"one".to_vec()));
    assert_eq!(raw.next_frame(), (PING, b"two".to_vec()));
    assert_eq!(raw.next_frame(), (BINARY, b"three".to_vec()));
    assert_eq!(raw.next_frame(), (TEXT, b"five".to_vec()));
    assert!(matches!(client.next(), Seen::Flushed(4)));
    raw.frame(PONG, b"two");
    wait_until("latency", || client.inner.latency().is_some());
    wait_until("nothing pending", || client.inner.pending_bytes() == 0);
}

#[test]
fn what_is_sent_to_nobody_is_dropped() {
    let server = RawServer::start();
    let mut client = Client::start(&server.url(), WebSocketClientOptions::default());
    client.inner.send_text("one").expect("room");
    client.inner.flush(1);
    let (raw, _) = server.asked();
    drop(raw);
    client.failed();
    assert_eq!(client.inner.pending_bytes(), 0);
    assert_eq!(client.inner.send_text("two"), Err(SendError::Closed));
    client.inner.flush(2);
    client.inner.send_kept(true, b"three");
    assert_eq!(client.inner.pending_bytes(), 0);
    assert!(client.poll().is_none());
}

#[test]
fn flushes_come_in_order_and_once() {
    let mut server = Server::start(WebSocketOptions::default());
    let mut client = Client::connect(server.port(), WebSocketClientOptions::default());
    server.connected();
    client.inner.flush(0);
    assert!(matches!(client.next(), Seen::Flushed(0)));
    for token in 1..100 {
        client.inner.send_binary(&vec![1; token * 100]).expect("room");
        client.inner.flush(token as u64);
    }
    // One event may stand for several that are done at once.
    let mut flushed = 0;
    while flushed < 99 {
        let seen = client.next();
        let Seen::Flushed(token) = seen else {
            panic!("{seen:?}");
        };
        assert!(token > flushed, "{token} after {flushed}");
        flushed = token;
    }
    for token in 1..100 {
        assert_eq!(server.binary(), vec![1; token * 100]);
    }
    client.inner.send_text("last").expect("room");
    client.inner.flush(u64::MAX);
    client.close(1000, "");
    // Nothing to be flushed after a close.
    client.inner.flush(7);
    assert!(matches!(client.next(), Seen::Flushed(u64::MAX)));
    assert_eq!(client.disconnected(), (1000, String::new(), true));
}

#[test]
fn a_ping_of_the_user_measures_the_latency() {
    for port in [our_echo(), tungstenite_echo()] {
        let client = Client::connect(port, WebSocketClientOptions::default());
        assert_eq!(client.inner.latency(), None);
        assert_eq!(client.inner.ping(&[0; 126]), Err(PingError::TooLong(126)));
        client.inner.ping(&[7; 125]).expect("room");
        let latency = wait_for("latency", || client.inner.latency());
        assert!(latency < Duration::from_secs(5), "{latency:?}");
        wait_until("another latency", || {
            client.inner.ping(b"").expect("room");
            client.inner.latency() != Some(latency)
        });
    }
}

#[test]
fn the_server_sees_the_request_and_the_client_the_answer() {
    let mut options = WebSocketOptions::default();
    options.handshake.protocols = vec![Subprotocol::parse("v2").expect("a name")];
    let mut server = Server::start(options);
    let url = format!("{}game?room=1", url(server.port()));
    let mut client = Client::start(
        &url,
        WebSocketClientOptions {
            protocols: ["v1", "v2"]
                .map(|name| Subprotocol::parse(name).expect("a name"))
                .to_vec(),
            headers: vec![RequestHeader::parse("Authorization: Bearer abc").expect("a header line")],
            ..WebSocketClientOptions::default()
        },
    );
    let established = client.connected();
    assert_eq!((established.protocol.as_str(), established.url), ("v2", url));
    assert_eq!(established.headers.get("upgrade"), Some("websocket"));
    assert_eq!(established.endpoints.peer.port(), server.port());
    assert!(established.tls.is_none());
    let Happened::Connected(_, info) = server.next() else {
        panic!("not connected");
    };
    assert_eq!(info.request.path, "/game");
    assert_eq!(info.request.headers.get("authorization"), Some("Bearer abc"));
}

#[test]
fn large_texts_are_prepared() {
    let (client, mut server) = RawServer::start().join(WebSocketClientOptions {
        prepare_text: Some(|text| Box::new(text.len())),
        ..WebSocketClientOptions::default()
    });
    let big = "x".repeat(200_000);
    server.frame(TEXT, b"small");
    server.frame(TEXT, big.as_bytes());
    let mut lengths = Vec::new();
    wait_until("two messages", || {
        let mut messages = client.inner.take_messages();
        while let Some(message) = messages.next() {
            lengths.push(match message {
                Message::Text(text) => text.len(),
                Message::PreparedText(text, length) => {
                    assert_eq!(length.downcast_ref(), Some(&text.len()));
                    text.len() + 1
                }
                Message::Binary(_) => panic!("a binary message"),
            });
        }
        lengths.len() == 2
    });
    assert_eq!(lengths, [5, 200_001]);
}
