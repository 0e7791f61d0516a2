//! An established connection is upgraded to TLS on either side: bytes sent before are plain, bytes sent afterwards are
//! encrypted.

mod common;
mod tls_common;

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use async_sockets_net::error::{CertificateProblem, StartTlsError, TlsError};
use async_sockets_net::event::{CloseReason, TcpEvent};
use async_sockets_net::limits::TLS_HANDSHAKE_TIMEOUT;
use async_sockets_net::options::{ListenOptions, TcpOptions};
use async_sockets_net::tcp_client::TcpClient;
use async_sockets_net::tls::{TlsClientConfig, TlsServerConfig, TlsSide, TlsUpgrade};
use bytes::Bytes;
use common::{Client, accept, fin, listen, pair, std_connect};
use tls_common::{Authority, insecure, listen_with};

fn as_client(config: TlsClientConfig, host: &str) -> TlsUpgrade {
    TlsUpgrade {
        side: TlsSide::Client {
            config,
            host: host.to_owned(),
        },
        timeout: TLS_HANDSHAKE_TIMEOUT,
    }
}

fn as_server(config: TlsServerConfig) -> TlsUpgrade {
    TlsUpgrade {
        side: TlsSide::Server(config),
        timeout: TLS_HANDSHAKE_TIMEOUT,
    }
}

/// Starts TLS. Bytes that were received but not read yet are the beginning of the peer's TLS stream.
#[track_caller]
fn start(client: &mut Client, upgrade: TlsUpgrade) {
    let Client { tcp, buffer } = client;
    let unread = || {
        while let Some(event) = tcp.mailbox().next() {
            match event {
                TcpEvent::Data(bytes) => {
                    tcp.mailbox().release(bytes.len());
                    buffer.push(bytes);
                }
                other => panic!("{other:?}"),
            }
        }
        let mut out = vec![0; buffer.len()];
        buffer.copy_to(0, &mut out);
        buffer.clear();
        out.into()
    };
    tcp.start_tls(upgrade, unread).expect("open");
}

/// Both ends of a plain connection.
fn plain_pair() -> (Client, Client) {
    let listener = listen("127.0.0.1", 0, None);
    let client = Client::connect(listener.local_address().port(), &TcpOptions::default());
    let (server, _) = accept(&listener);
    (client, server)
}

#[track_caller]
fn ready(client: &mut Client) {
    match client.event() {
        TcpEvent::TlsReady(info) => assert_eq!(client.tcp.tls_info(), Some(&*info)),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn failed(client: &mut Client) -> TlsError {
    match client.event() {
        TcpEvent::TlsFailed(error) => *error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plain_talk_becomes_a_secret_one() {
    let authority = Authority::new("authority");
    let (mut client, mut server) = plain_pair();
    client.tcp.send(b"STARTTLS\n").expect("room");
    assert_eq!(server.recv(9), b"STARTTLS\n");
    server.tcp.send(b"go on\n").expect("room");
    start(&mut server, as_server(authority.issue(&["game.example"]).server()));
    // Sent before the handshake is complete, but delivered only after it.
    server.tcp.send(b"secret answer").expect("room");
    assert_eq!(client.recv(6), b"go on\n");
    start(&mut client, as_client(authority.client(), "game.example"));
    client.tcp.send(b"secret question").expect("room");
    ready(&mut client);
    ready(&mut server);
    assert_eq!(client.recv(13), b"secret answer");
    assert_eq!(server.recv(15), b"secret question");
    assert_eq!(server.tcp.tls_info().expect("TLS").sni.as_deref(), Some("game.example"));
    client.tcp.close();
    assert_eq!(server.recv_to_end(), b"");
    assert_eq!(client.closed().0, CloseReason::ByHost);
}

#[test]
fn what_is_sent_and_closed_in_one_go_is_still_secret() {
    let authority = Authority::new("authority");
    let (mut client, mut server) = plain_pair();
    client.tcp.send(b"plain").expect("room");
    start(&mut client, as_client(authority.client(), "localhost"));
    client.tcp.send(b"secret").expect("room");
    client.tcp.close();
    assert_eq!(server.recv(5), b"plain");
    start(&mut server, as_server(authority.issue(&["localhost"]).server()));
    ready(&mut server);
    assert_eq!(server.recv_to_end(), b"secret");
    ready(&mut client);
    assert_eq!(client.closed().0, CloseReason::ByHost);
}

#[test]
fn nothing_secret_goes_out_in_plain() {
    let (mut client, mut peer) = pair(&TcpOptions::default());
    client.tcp.send(b"plain").expect("room");
    start(&mut client, as_client(insecure(), "localhost"));
    client.tcp.send(b"secret secret secret").expect("room");
    let mut plain = [0; 5];
    peer.read_exact(&mut plain).expect("the plain part");
    assert_eq!(&plain, b"plain");
    // A ClientHello (RFC 8446 section 5.1), and then nothing until it is answered.
    let mut head = [0; 5];
    peer.read_exact(&mut head).expect("a record");
    assert_eq!((head[0], head[1]), (22, 3));
    let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    peer.read_exact(&mut hello).expect("a whole record");
    assert!(!hello.windows(6).any(|bytes| bytes == b"secret"));
    peer.set_read_timeout(Some(Duration::from_millis(100)))
        .expect("a read timeout");
    assert!(peer.read(&mut [0]).is_err());
}

#[test]
fn a_certificate_that_is_not_trusted_ends_the_connection() {
    let (authority, stranger) = (Authority::new("authority"), Authority::new("stranger"));
    let (mut client, mut server) = plain_pair();
    start(&mut server, as_server(stranger.issue(&["localhost"]).server()));
    start(&mut client, as_client(authority.client(), "localhost"));
    let error = failed(&mut client);
    assert!(matches!(
        error,
        TlsError::Certificate(CertificateProblem::UnknownIssuer)
    ));
    assert_eq!(client.closed().0, CloseReason::Error);
    let error = failed(&mut server);
    assert!(
        matches!(&error, TlsError::Refused(why) if why == "unknown ca"),
        "{error}"
    );
    assert_eq!(server.closed().0, CloseReason::Error);
}

#[test]
fn a_peer_that_goes_on_in_plain_is_told_apart() {
    let (mut client, mut peer) = pair(&TcpOptions::default());
    start(&mut client, as_client(insecure(), "localhost"));
    peer.read_exact(&mut [0; 5]).expect("a record");
    peer.write_all(b"500 what was that?\r\n").expect("sent");
    assert!(matches!(failed(&mut client), TlsError::NotTls));
    assert_eq!(client.closed().0, CloseReason::Error);
}

#[test]
fn a_handshake_does_not_protect_whoever_holds_most_memory() {
    let (listener, port) = listen_with(ListenOptions {
        max_total: 1024 * 1024,
        ..ListenOptions::default()
    });
    let mut silent = std_connect(port);
    let (mut server, _) = accept(&listener);
    start(&mut server, as_client(insecure(), "localhost"));
    silent.read_exact(&mut [0; 5]).expect("the handshake's beginning");
    // It may be gone before these bytes are queued.
    let _ = server.tcp.send(&[0; 2 * 1024 * 1024]);
    let (reason, error) = server.closed();
    assert_eq!(reason, CloseReason::Error);
    assert_eq!(error.expect("words").kind(), ErrorKind::OutOfMemory);
}

#[test]
fn a_peer_that_leaves_or_stalls_ends_the_handshake() {
    let (mut client, peer) = pair(&TcpOptions::default());
    start(&mut client, as_client(insecure(), "localhost"));
    fin(&peer);
    assert!(matches!(failed(&mut client), TlsError::Io(_)));
    assert_eq!(client.closed().0, CloseReason::Error);

    let (mut client, _peer) = pair(&TcpOptions::default());
    let upgrade = TlsUpgrade {
        timeout: Duration::from_millis(50),
        ..as_client(insecure(), "localhost")
    };
    start(&mut client, upgrade);
    assert!(matches!(failed(&mut client), TlsError::TimedOut(_)));
    assert_eq!(client.closed().0, CloseReason::TimedOut);
}

#[test]
fn a_close_ends_a_handshake_that_stalls() {
    for end in [TcpClient::close, TcpClient::abort] {
        let (mut client, mut peer) = pair(&TcpOptions::default());
        start(&mut client, as_client(insecure(), "localhost"));
        peer.read_exact(&mut [0; 5]).expect("a record");
        end(&client.tcp);
        assert_eq!(client.closed().0, CloseReason::ByHost);
    }
}

#[test]
fn tls_starts_once_and_not_after_a_half_close() {
    let (mut client, _peer) = pair(&TcpOptions::default());
    start(&mut client, as_client(insecure(), "localhost"));
    let again = client.tcp.start_tls(as_client(insecure(), "localhost"), Bytes::new);
    assert_eq!(again, Err(StartTlsError::AlreadyTls));

    let (client, _peer) = pair(&TcpOptions::default());
    client.tcp.shutdown_send();
    let late = client.tcp.start_tls(as_client(insecure(), "localhost"), Bytes::new);
    assert_eq!(late, Err(StartTlsError::Closed));

    let (client, _far_end) = TcpClient::external(&TcpOptions::default());
    let external = client.start_tls(as_client(insecure(), "localhost"), Bytes::new);
    assert_eq!(external, Err(StartTlsError::External));
}
