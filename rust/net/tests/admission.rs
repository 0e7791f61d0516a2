//! Admission by address: blocked ranges, a handshake rate, and a number of clients. Both kinds of servers apply the
//! same rules.

#![cfg(target_os = "linux")] // 127.0.0.0/8 is loopback as a whole only there.

mod common;
mod tls_common;
mod websocket_common;

use std::io::ErrorKind;

use async_sockets_net::admission::{AdmissionRules, BlockedAddresses};
use async_sockets_net::options::ListenOptions;
use async_sockets_net::tcp_listener::TcpListener;
use async_sockets_net::websocket::options::WebSocketOptions;
use tls_common::{Authority, listen_with, try_connect};
use websocket_common::{Peer, REQUEST, Server, wait_until};

const ONE: [u8; 4] = [127, 0, 0, 1];
const TWO: [u8; 4] = [127, 0, 0, 2];

fn serve(admission: AdmissionRules) -> Server {
    Server::start(WebSocketOptions {
        admission,
        ..WebSocketOptions::default()
    })
}

fn listen(admission: AdmissionRules) -> (TcpListener, u16) {
    listen_with(ListenOptions {
        admission,
        ..ListenOptions::default()
    })
}

fn blocking(entries: &[&str]) -> AdmissionRules {
    AdmissionRules {
        blocked: BlockedAddresses::parse(entries).expect("good entries"),
        ..AdmissionRules::default()
    }
}

/// Connects a client, sends its request, and returns it with the status code of the response.
fn status(address: [u8; 4], port: u16) -> (Peer, String) {
    let mut peer = Peer::connect_from(address, port);
    peer.send(format!("{REQUEST}\r\n").as_bytes());
    let status = peer.head()[9..12].to_owned();
    (peer, status)
}

/// Whether the connection is closed without an answer although nothing was sent.
#[track_caller]
fn closed_unread(mut peer: Peer) {
    let mut byte = [0];
    match std::io::Read::read(&mut peer.stream, &mut byte) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn blocked_addresses_are_closed_before_anything_is_read() {
    let mut server = serve(blocking(&["127.0.0.2", "10.0.0.0/8"]));
    let port = server.port();
    closed_unread(Peer::connect_from(TWO, port));
    let (_peer, answer) = status(ONE, port);
    assert_eq!(answer, "101");
    server.connected();
    // The property can be changed while the server runs, and applies to new connections.
    server.inner.set_admission(blocking(&["127.0.0.0/31"]));
    closed_unread(Peer::connect_from(ONE, port));
    let (_peer, answer) = status(TWO, port);
    assert_eq!(answer, "101");
    let figures = server.inner.statistics();
    assert_eq!(
        (figures.turned_away.blocked, figures.refused, figures.clients),
        (2, 2, 2)
    );
}

#[test]
fn a_listener_blocks_too() {
    let (listener, port) = listen(blocking(&["127.0.0.2"]));
    closed_unread(Peer::connect_from(TWO, port));
    let _peer = Peer::connect_from(ONE, port);
    common::accept(&listener);
    listener.set_admission(blocking(&["127.0.0.1"]));
    closed_unread(Peer::connect_from(ONE, port));
    let _peer = Peer::connect_from(TWO, port);
    common::accept(&listener);
    assert_eq!(listener.figures().turned_away().blocked, 2);
}

#[test]
fn an_address_has_its_rate() {
    let rules = AdmissionRules {
        max_handshakes_per_second: Some(3),
        ..AdmissionRules::default()
    };
    let (server, (listener, listener_port)) = (serve(rules.clone()), listen(rules));
    for port in [server.port(), listener_port] {
        let peers: Vec<_> = (0..20).map(|_| Peer::connect_from(TWO, port)).collect();
        // 10 of the 20 are enough, in case these connects take the machine a second or more.
        let turned_away = || {
            server
                .inner
                .statistics()
                .turned_away
                .too_fast
                .min(listener.figures().turned_away().too_fast)
        };
        if port == listener_port {
            wait_until("the too many", || turned_away() >= 10);
        } else {
            wait_until("the too many", || server.inner.statistics().turned_away.too_fast >= 10);
        }
        let _other = Peer::connect_from(ONE, port);
        drop(peers);
    }
    assert_eq!(status(ONE, server.port()).1, "101", "another address has its own");
    // Tokens are replenished.
    wait_until("a free token", || {
        let mut peer = Peer::connect_from(TWO, server.port());
        let _ = std::io::Write::write_all(&mut peer.stream, format!("{REQUEST}\r\n").as_bytes());
        let mut start = [0; 12];
        std::io::Read::read_exact(&mut peer.stream, &mut start).is_ok() && start.ends_with(b"101")
    });
}

#[test]
fn an_address_has_its_number_of_clients() {
    let mut server = serve(AdmissionRules {
        max_clients_per_address: Some(2),
        ..AdmissionRules::default()
    });
    let port = server.port();
    let (first, answer) = status(TWO, port);
    assert_eq!(answer, "101");
    assert_eq!(status(TWO, port).1, "101");
    server.connected();
    server.connected();
    // Refused without having sent a request; the other client has left.
    wait_until("the second one's end", || server.inner.statistics().clients == 1);
    let (_third, answer) = status(TWO, port);
    assert_eq!(answer, "101");
    let mut over = Peer::connect_from(TWO, port);
    assert!(String::from_utf8_lossy(&over.rest()).starts_with("HTTP/1.1 429 "));
    assert_eq!(status(ONE, port).1, "101", "another address has its own");
    drop(first);
    wait_until("a free place", || status(TWO, port).1 == "101");
}

#[test]
fn those_who_come_in_one_moment_are_counted_too() {
    let server = serve(AdmissionRules {
        max_clients_per_address: Some(3),
        ..AdmissionRules::default()
    });
    let mut peers: Vec<_> = (0..20).map(|_| Peer::connect_from(TWO, server.port())).collect();
    for peer in &mut peers {
        peer.send(format!("{REQUEST}\r\n").as_bytes());
    }
    let answers: Vec<_> = peers.iter_mut().map(|peer| peer.head()[9..12].to_owned()).collect();
    assert_eq!(
        answers.iter().filter(|answer| *answer == "101").count(),
        3,
        "{answers:?}"
    );
    assert_eq!(
        answers.iter().filter(|answer| *answer == "429").count(),
        17,
        "{answers:?}"
    );
    assert_eq!(server.inner.statistics().turned_away.crowded, 17);
}

#[test]
fn a_listener_counts_clients_until_their_end() {
    let (listener, port) = listen(AdmissionRules {
        max_clients_per_address: Some(2),
        ..AdmissionRules::default()
    });
    let first = Peer::connect_from(TWO, port);
    let _second = Peer::connect_from(TWO, port);
    let mut clients = [common::accept(&listener).0, common::accept(&listener).0];
    closed_unread(Peer::connect_from(TWO, port));
    let _other = Peer::connect_from(ONE, port);
    common::accept(&listener);
    clients[0].tcp.close();
    drop(first);
    clients[0].closed();
    wait_until("a free place", || {
        let before = listener.figures().turned_away().crowded;
        let peer = Peer::connect_from(TWO, port);
        wait_until("an answer", || {
            listener.figures().turned_away().crowded > before || !listener.mailbox().is_empty()
        });
        drop(peer);
        !listener.mailbox().is_empty()
    });
}

#[test]
fn a_tls_listener_counts_who_has_shaken_hands() {
    let authority = Authority::new("authority");
    let (listener, port) = listen_with(ListenOptions {
        tls: Some(authority.issue(&["localhost"]).server()),
        admission: AdmissionRules {
            max_clients_per_address: Some(1),
            ..AdmissionRules::default()
        },
        ..ListenOptions::default()
    });
    // Silent connections do not count.
    let _silent: Vec<_> = (0..5).map(|_| Peer::connect(port)).collect();
    let _first = try_connect("localhost", port, authority.client()).expect("a connection");
    let _accepted = common::accept(&listener);
    assert!(try_connect("localhost", port, authority.client()).is_err());
    assert_eq!(listener.figures().turned_away().crowded, 1);
}
