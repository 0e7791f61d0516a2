//! A TLS listener delivers only connections whose handshake succeeded, and a peer that fails or stalls affects only
//! itself.

mod common;
mod tls_common;

use std::io::{Read, Write};
use std::net::TcpStream as StdStream;
use std::thread;
use std::time::Duration;

use async_sockets_net::error::{ConnectError, TlsError};
use async_sockets_net::event::{CloseReason, TcpEvent};
use async_sockets_net::limits::MAX_TLS_HANDSHAKES;
use async_sockets_net::options::{ListenOptions, TcpOptions};
use common::{Client, accept, next, read_to_end, std_connect, std_listener, wait_until};
use tls_common::{Authority, listen_with, tls_listen, try_connect, with_tls};

#[test]
fn plain_http_on_a_tls_port_fails_and_harms_nobody() {
    let authority = Authority::new("authority");
    let (listener, port) = tls_listen(authority.issue(&["localhost"]).server());
    let mut plain = std_connect(port);
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("sent");
    let answer = read_to_end(&mut plain);
    // At most an alert (RFC 8446 section 5.1).
    assert!(answer.is_empty() || answer[0] == 21, "{answer:?}");
    wait_until("the failure", || listener.figures().failed_handshakes() == 1);
    assert_eq!(
        listener.figures().last_handshake_error().as_deref(),
        Some("the peer does not speak TLS")
    );
    assert!(try_connect("localhost", port, authority.client()).is_ok());
    accept(&listener);
}

#[test]
fn tls_on_a_plain_port_fails_with_a_reason() {
    let authority = Authority::new("authority");
    let (listener, port) = std_listener();
    let client = Client::start("127.0.0.1", port, &with_tls(authority.client()));
    let (mut peer, _) = listener.accept().expect("a connection");
    peer.read_exact(&mut [0; 5]).expect("a record");
    peer.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").expect("sent");
    match next(client.tcp.mailbox()) {
        TcpEvent::ConnectFailed(error) => assert!(
            matches!(
                *error,
                ConnectError::Tls {
                    source: TlsError::NotTls,
                    ..
                }
            ),
            "{error}"
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_that_stalls_is_not_waited_for_longer_than_the_connect_timeout() {
    let authority = Authority::new("authority");
    let (_listener, port) = std_listener();
    let options = TcpOptions {
        connect_timeout: Some(Duration::from_millis(100)),
        ..with_tls(authority.client())
    };
    let client = Client::start("127.0.0.1", port, &options);
    match next(client.tcp.mailbox()) {
        TcpEvent::ConnectFailed(error) => assert!(matches!(*error, ConnectError::TimedOut { .. }), "{error}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_that_refuses_the_certificate_says_why() {
    let (authority, stranger) = (Authority::new("authority"), Authority::new("stranger"));
    let (listener, port) = tls_listen(authority.issue(&["localhost"]).server());
    assert!(try_connect("localhost", port, stranger.client()).is_err());
    wait_until("the failure", || listener.figures().failed_handshakes() == 1);
    assert_eq!(
        listener.figures().last_handshake_error().as_deref(),
        Some("the peer refused the TLS handshake: unknown ca")
    );
}

#[test]
fn peers_that_stall_hold_up_nobody_for_long() {
    let authority = Authority::new("authority");
    let (listener, port) = listen_with(ListenOptions {
        tls: Some(authority.issue(&["localhost"]).server()),
        tls_timeout: Duration::from_millis(500),
        max_clients: Some(1),
        ..ListenOptions::default()
    });
    // A stalled handshake takes no client slot.
    let stalled = std_connect(port);
    let client = try_connect("localhost", port, authority.client()).expect("a connection");
    let (server, _) = accept(&listener);
    drop((client, server));
    // More than the concurrent handshakes allowed, half of them in the middle of a record.
    let mut crowd: Vec<StdStream> = (0..MAX_TLS_HANDSHAKES + 20).map(|_| std_connect(port)).collect();
    for peer in crowd.iter_mut().step_by(2) {
        let _ = peer.write_all(&[22, 3, 1, 2, 0, 1]);
    }
    let client = try_connect("localhost", port, authority.client()).expect("a connection");
    let (mut server, _) = accept(&listener);
    client.tcp.send(b"here").expect("room");
    assert_eq!(server.recv(4), b"here");
    wait_until("the failures", || {
        listener.figures().failed_handshakes() > MAX_TLS_HANDSHAKES as u64
    });
    drop(stalled);
}

#[test]
fn a_stopped_listener_ends_the_handshakes_under_way() {
    let authority = Authority::new("authority");
    let (listener, port) = tls_listen(authority.issue(&["localhost"]).server());
    let mut stalled = std_connect(port);
    let client = try_connect("localhost", port, authority.client()).expect("a connection");
    let (mut server, _) = accept(&listener);
    drop(listener);
    // FIN or RST, but in any case an end.
    assert!(matches!(stalled.read(&mut [0]), Ok(0) | Err(_)));
    // The established connection is unaffected.
    client.tcp.send(b"still here").expect("room");
    assert_eq!(server.recv(10), b"still here");
}

#[test]
fn clients_over_the_limit_wait_their_turn() {
    let authority = Authority::new("authority");
    let (listener, port) = listen_with(ListenOptions {
        tls: Some(authority.issue(&["localhost"]).server()),
        max_clients: Some(1),
        ..ListenOptions::default()
    });
    let first = try_connect("localhost", port, authority.client()).expect("a connection");
    let (first_server, _) = accept(&listener);
    let second = Client::start("localhost", port, &with_tls(authority.client()));
    second.tcp.send(b"second").expect("room");
    thread::sleep(Duration::from_millis(100));
    assert!(listener.mailbox().is_empty());
    drop((first, first_server));
    let (mut second_server, _) = accept(&listener);
    assert_eq!(second_server.recv(6), b"second");
}

#[test]
fn a_peer_that_is_cut_in_the_handshake_is_counted() {
    let authority = Authority::new("authority");
    let (listener, port) = tls_listen(authority.issue(&["localhost"]).server());
    drop(std_connect(port));
    wait_until("the failure", || listener.figures().failed_handshakes() == 1);
    let mut client = try_connect("localhost", port, authority.client()).expect("a connection");
    let (server, _) = accept(&listener);
    server.tcp.abort();
    assert_eq!(client.closed().0, CloseReason::Error);
}
