//! A full listener refuses further connections with a message, if configured to.

mod common;
mod tls_common;

use std::io::Write;

use async_sockets_net::error::StartTlsError;
use async_sockets_net::event::TcpEvent;
use async_sockets_net::options::ListenOptions;
use async_sockets_net::tcp_listener::{ListenerEvent, TcpListener};
use async_sockets_net::tls::{TlsServerConfig, TlsSide, TlsUpgrade};
use bytes::Bytes;
use common::{Client, accept, bind_address, listen_options, next, read_to_end, std_connect};
use tls_common::{Authority, try_connect};

const BUSY: &[u8] = b"Sorry, the server is full.\n";

fn full_listener(farewell: &'static [u8], tls: Option<TlsServerConfig>) -> (TcpListener, u16) {
    let options = ListenOptions {
        farewell: Some(Bytes::from_static(farewell)),
        tls,
        ..listen_options(Some(1))
    };
    let listener = TcpListener::start(bind_address("127.0.0.1", 0), options).expect("a listener");
    let port = listener.local_address().port();
    (listener, port)
}

#[track_caller]
fn assert_refused(listener: &TcpListener, port: u16) {
    match next(listener.mailbox()) {
        ListenerEvent::Refused(peer) => assert_eq!(peer.port(), port),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_connection_too_many_is_told_and_closed() {
    let (listener, port) = full_listener(BUSY, None);
    let _first = std_connect(port);
    let (client, _) = accept(&listener);
    for _ in 0..100 {
        let mut second = std_connect(port);
        // Data sent by the refused client must not turn the farewell into a reset.
        second.write_all(b"hello").expect("an open connection");
        assert_eq!(read_to_end(&mut second), BUSY);
        assert_refused(&listener, second.local_addr().expect("an address").port());
    }
    // A slot that becomes free is taken.
    drop(client);
    loop {
        let third = std_connect(port);
        match next(listener.mailbox()) {
            ListenerEvent::Refused(_) => drop(third),
            ListenerEvent::Accepted(..) => break,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn without_a_message_it_is_only_closed() {
    let (listener, port) = full_listener(b"", None);
    let _first = std_connect(port);
    let _client = accept(&listener);
    let mut second = std_connect(port);
    assert_eq!(read_to_end(&mut second), b"");
    assert_refused(&listener, second.local_addr().expect("an address").port());
}

#[test]
fn with_tls_the_farewell_is_encrypted() {
    let authority = Authority::new("authority");
    let (listener, port) = full_listener(BUSY, Some(authority.issue(&["localhost"]).server()));
    let _first = try_connect("localhost", port, authority.client()).expect("a connection");
    let (_client, _) = accept(&listener);
    let mut second = try_connect("localhost", port, authority.client()).expect("a connection");
    assert_eq!(second.recv_to_end(), BUSY);
    assert!(matches!(next(listener.mailbox()), ListenerEvent::Refused(_)));
}

#[test]
fn tls_does_not_start_twice_on_an_accepted_connection() {
    let authority = Authority::new("authority");
    let identity = authority.issue(&["localhost"]);
    let (listener, port) = full_listener(BUSY, Some(identity.server()));
    let mut client = try_connect("localhost", port, authority.client()).expect("a connection");
    let (mut accepted, _): (Client, _) = accept(&listener);
    let upgrade = TlsUpgrade {
        side: TlsSide::Server(identity.server()),
        timeout: std::time::Duration::from_secs(5),
    };
    let again = accepted.tcp.start_tls(upgrade, || panic!("nothing is taken"));
    assert_eq!(again, Err(StartTlsError::AlreadyTls));
    // The connection is unharmed.
    client.tcp.send(b"ping").expect("room");
    assert_eq!(accepted.recv(4), b"ping");
    accepted.tcp.send(b"pong").expect("room");
    accepted.tcp.close();
    assert_eq!(client.recv(4), b"pong");
    assert!(matches!(client.event(), TcpEvent::PeerClosed));
}
