//! A TLS connection behaves like any other: every byte arrives, each side may finish sending on its own, and a
//! truncated stream is reported as an error.

mod common;
mod tls_common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener as StdListener, TcpStream as StdStream};
use std::sync::Arc;
use std::thread;

use async_sockets_net::error::SendError;
use async_sockets_net::event::{CloseReason, TcpEvent, TlsVersion};
use async_sockets_net::options::TcpOptions;
use async_sockets_net::tls::{TlsClientConfig, TlsTrust};
use common::{Client, Random, accept, assert_same, std_listener, wait_for};
use tls_common::{Authority, Identity, insecure, tls_listen, tls_pair, try_connect, with_tls};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned, crypto};

/// A foreign TLS server that can misbehave.
type Peer = StreamOwned<ServerConnection, StdStream>;

fn peer_accept(listener: &StdListener, identity: &Identity) -> Peer {
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a good identity");
    let (stream, _) = listener.accept().expect("a connection");
    stream.set_read_timeout(Some(common::LIMIT)).expect("a read timeout");
    let session = ServerConnection::new(Arc::new(config)).expect("a session");
    StreamOwned::new(session, stream)
}

/// One of our connections and its foreign peer, after exchanging a byte each way.
fn foreign_pair() -> (Client, Peer) {
    let authority = Authority::new("authority");
    let (listener, port) = std_listener();
    let identity = authority.issue(&["localhost"]);
    let accepting = thread::spawn(move || {
        let mut peer = peer_accept(&listener, &identity);
        peer.write_all(b"!").expect("sent");
        peer.flush().expect("sent");
        peer.read_exact(&mut [0]).expect("received");
        peer
    });
    let mut client = try_connect("localhost", port, authority.client()).expect("a connection");
    client.tcp.send(b"?").expect("room");
    client.recv(1);
    (client, accepting.join().expect("a peer"))
}

/// Sends in pieces of random size; waits while the queue is full.
fn send_all(client: &Client, bytes: &[u8], random: &mut Random) {
    let mut left = bytes;
    while !left.is_empty() {
        let (piece, rest) = left.split_at(random.size(100_000).min(left.len()));
        wait_for("room to send", || match client.tcp.send(piece) {
            Ok(()) => Some(()),
            Err(SendError::Full) => None,
            Err(error) => panic!("{error}"),
        });
        left = rest;
    }
}

#[test]
fn both_sides_see_what_was_agreed_on() {
    let authority = Authority::new("authority");
    let (listener, port) = tls_listen(authority.issue(&["localhost"]).server_with(&["game/2", "game/1"]));
    let config = TlsClientConfig::new(TlsTrust::Chain(&authority.pem()), None, &["chat", "game/1"]);
    let client = try_connect("localhost", port, config.expect("a good configuration")).expect("a connection");
    let (server, _) = accept(&listener);
    let ours = client.tcp.tls_info().expect("TLS");
    assert_eq!(ours.version, TlsVersion::Tls13);
    assert_eq!(ours.alpn.as_deref(), Some("game/1"));
    assert_eq!(ours.peer_subject.as_deref(), Some("CN=a server"));
    assert!(ours.cipher_suite.starts_with("TLS13_"), "{}", ours.cipher_suite);
    let theirs = server.tcp.tls_info().expect("TLS");
    assert_eq!(theirs.version, TlsVersion::Tls13);
    assert_eq!(theirs.alpn.as_deref(), Some("game/1"));
    assert_eq!(theirs.sni.as_deref(), Some("localhost"));
    assert_eq!(theirs.peer_subject, None);
}

#[test]
fn an_address_is_no_name_to_ask_for() {
    let authority = Authority::new("authority");
    let (listener, port) = tls_listen(authority.issue(&["127.0.0.1"]).server());
    let _client = try_connect("127.0.0.1", port, authority.client()).expect("a connection");
    assert_eq!(accept(&listener).0.tcp.tls_info().expect("TLS").sni, None);
}

#[test]
fn ten_megabytes_come_back_as_they_were() {
    const LEN: usize = 10 * 1024 * 1024;
    let (mut client, mut server) = tls_pair();
    let sent = Random::new(2).bytes(LEN);
    let received = thread::scope(|scope| {
        let sender = &client;
        scope.spawn(|| send_all(sender, &sent, &mut Random::new(3)));
        scope.spawn(move || {
            let mut left = LEN;
            while left > 0 {
                let piece = Random::new(left as u64).size(65536).min(left);
                let bytes = server.recv(piece);
                send_all(&server, &bytes, &mut Random::new(4));
                left -= piece;
            }
            server.tcp.close();
            server
        });
        // The sending thread only borrows the handle, so events are read through the mailbox.
        let mut received = Vec::with_capacity(LEN);
        while received.len() < LEN {
            match common::next(sender.tcp.mailbox()) {
                TcpEvent::Data(bytes) => {
                    sender.tcp.mailbox().release(bytes.len());
                    received.extend_from_slice(&bytes);
                }
                other => panic!("{other:?} after {} bytes", received.len()),
            }
        }
        received
    });
    assert_same(&received, &sent);
    assert!(matches!(client.event(), TcpEvent::PeerClosed));
}

#[test]
fn each_side_may_finish_by_itself() {
    let (mut client, mut server) = tls_pair();
    client.tcp.send(b"all that I have").expect("room");
    client.tcp.shutdown_send();
    assert_eq!(server.recv_to_end(), b"all that I have");
    let answer = Random::new(5).bytes(1_000_000);
    server.tcp.send(&answer).expect("room");
    server.tcp.close();
    assert_same(&client.recv(answer.len()), &answer);
    assert!(matches!(client.event(), TcpEvent::PeerClosed));
    assert_eq!(server.closed().0, CloseReason::ByHost);
    client.tcp.close();
    assert_eq!(client.closed().0, CloseReason::ByHost);
}

#[test]
fn the_server_may_finish_first() {
    let (mut client, mut server) = tls_pair();
    server.tcp.send(b"welcome").expect("room");
    server.tcp.shutdown_send();
    assert_eq!(client.recv_to_end(), b"welcome");
    client.tcp.send(b"and goodbye").expect("room");
    client.tcp.close();
    assert_eq!(server.recv_to_end(), b"and goodbye");
}

#[test]
fn a_close_says_close_notify() {
    let (client, mut peer) = foreign_pair();
    client.tcp.send(b"last").expect("room");
    client.tcp.close();
    let mut rest = Vec::new();
    // Fails if the stream ends without close_notify.
    peer.read_to_end(&mut rest).expect("a good end");
    assert_eq!(rest, b"last");
}

#[test]
fn an_end_with_close_notify_is_the_peers() {
    let (mut client, mut peer) = foreign_pair();
    peer.write_all(b"last").expect("sent");
    peer.conn.send_close_notify();
    peer.flush().expect("sent");
    peer.sock.shutdown(Shutdown::Write).expect("a FIN");
    assert_eq!(client.recv_to_end(), b"last");
}

#[test]
fn an_end_without_close_notify_is_an_error() {
    let (mut client, mut peer) = foreign_pair();
    peer.write_all(b"last").expect("sent");
    peer.flush().expect("sent");
    peer.sock.shutdown(Shutdown::Write).expect("a FIN");
    let (reason, error) = client.closed();
    assert_eq!(client.received(), b"last");
    assert_eq!(reason, CloseReason::Error);
    assert_eq!(error.expect("an error").kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn a_flush_is_answered_when_the_bytes_are_out() {
    let (mut client, mut server) = tls_pair();
    let bytes = Random::new(6).bytes(300_000);
    client.tcp.send(&bytes).expect("room");
    client.tcp.flush(7);
    assert_same(&server.recv(bytes.len()), &bytes);
    assert!(matches!(client.event(), TcpEvent::Flushed(7)));
    assert_eq!(client.tcp.pending_send_bytes(), 0);
}

#[test]
fn bytes_sent_before_the_handshake_go_out_after_it() {
    let authority = Authority::new("authority");
    let (listener, port) = tls_listen(authority.issue(&["localhost"]).server());
    let client = Client::start("localhost", port, &with_tls(authority.client()));
    client.tcp.send(b"early").expect("room");
    let (mut server, _) = accept(&listener);
    assert_eq!(server.recv(5), b"early");
    client.connected();
}

#[test]
fn two_hundred_handshakes_at_once_succeed() {
    let authority = Authority::new("authority");
    let (listener, port) = tls_listen(authority.issue(&["localhost"]).server());
    let config = authority.client();
    let start = || Client::start("127.0.0.1", port, &with_tls(insecure()));
    let clients: Vec<Client> = (0..200)
        .map(|n| {
            if n % 2 == 0 {
                start()
            } else {
                Client::start("localhost", port, &with_tls(config.clone()))
            }
        })
        .collect();
    let mut servers: Vec<Client> = clients.iter().map(|_| accept(&listener).0).collect();
    for client in &clients {
        client.connected();
        client.tcp.send(b"here").expect("room");
    }
    for server in &mut servers {
        assert_eq!(server.recv(4), b"here");
    }
    assert_eq!(listener.figures().failed_handshakes(), 0);
}

#[test]
fn a_plain_connection_has_no_tls() {
    let (client, _peer) = common::pair(&TcpOptions::default());
    assert_eq!(client.tcp.tls_info(), None);
}
