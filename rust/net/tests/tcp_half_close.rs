//! Each direction of a connection ends independently.

mod common;

use std::io::Write;

use async_sockets_net::error::SendError;
use async_sockets_net::event::{CloseReason, TcpEvent};
use async_sockets_net::options::TcpOptions;
use common::{Random, assert_same, fin, pair, read_to_end, reset, settled};

#[test]
fn after_shutdown_send_the_peer_sees_the_end_and_receiving_goes_on() {
    let (mut client, mut peer) = pair(&TcpOptions::default());
    let request = Random::new(1).bytes(500_000);
    client.tcp.send(&request).expect("room");
    client.tcp.shutdown_send();
    assert_eq!(client.tcp.send(b"late"), Err(SendError::Closed));
    assert_same(&read_to_end(&mut peer), &request);

    let answer = Random::new(2).bytes(500_000);
    peer.write_all(&answer).expect("a peer that reads");
    assert_same(&client.recv(answer.len()), &answer);
    fin(&peer);
    assert!(matches!(client.event(), TcpEvent::PeerClosed));
    client.tcp.close();
    assert_eq!(client.closed().0, CloseReason::ByHost);
}

#[test]
fn after_the_peers_fin_sending_goes_on() {
    let (mut client, mut peer) = pair(&TcpOptions::default());
    let request = Random::new(3).bytes(500_000);
    peer.write_all(&request).expect("a peer that reads");
    fin(&peer);
    // The bytes arrive before the end.
    assert_same(&client.recv_to_end(), &request);

    let answer = Random::new(4).bytes(500_000);
    client.tcp.send(&answer).expect("room");
    client.tcp.flush(1);
    client.tcp.close();
    assert_same(&read_to_end(&mut peer), &answer);
    assert!(matches!(client.event(), TcpEvent::Flushed(1)));
    assert_eq!(client.closed().0, CloseReason::ByHost);
}

#[test]
fn shutdown_send_twice_and_then_close_is_no_error() {
    let (mut client, mut peer) = pair(&TcpOptions::default());
    client.tcp.shutdown_send();
    client.tcp.shutdown_send();
    assert_eq!(read_to_end(&mut peer), b"");
    client.tcp.close();
    assert!(matches!(client.closed(), (CloseReason::ByHost, None)));
}

#[test]
fn the_end_waits_behind_bytes_that_have_no_room() {
    let options = TcpOptions {
        max_buffered: 10_000,
        ..TcpOptions::default()
    };
    let (mut client, mut peer) = pair(&options);
    let sent = Random::new(5).bytes(5_000_000);
    let bytes = sent.clone();
    // The peer closes as soon as it has written, long before everything is read.
    let writer = std::thread::spawn(move || peer.write_all(&bytes).expect("a peer that reads"));
    assert_same(&client.recv_to_end(), &sent);
    writer.join().expect("no error");
}

#[test]
fn a_reset_after_the_peers_fin_is_noticed_without_a_write() {
    let (mut client, peer) = pair(&TcpOptions::default());
    fin(&peer);
    assert_eq!(client.recv_to_end(), b"");
    assert!(settled(|| client.tcp.mailbox().next().is_none()), "it stays half open");
    reset(peer);
    let (reason, error) = client.closed();
    assert_eq!(reason, CloseReason::Error);
    assert_eq!(error.expect("an error").kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn a_reset_that_follows_the_fin_at_once_is_noticed() {
    for _ in 0..50 {
        let (mut client, peer) = pair(&TcpOptions::default());
        fin(&peer);
        reset(peer);
        // The reset may arrive before the FIN has been read.
        assert_eq!(client.closed().0, CloseReason::Error);
    }
}

#[test]
fn both_directions_ended_is_no_failure() {
    let (mut client, mut peer) = pair(&TcpOptions::default());
    fin(&peer);
    assert_eq!(client.recv_to_end(), b"");
    client.tcp.shutdown_send();
    assert_eq!(read_to_end(&mut peer), b"");
    drop(peer);
    assert!(settled(|| client.tcp.mailbox().next().is_none()));
    client.tcp.close();
    assert!(matches!(client.closed(), (CloseReason::ByHost, None)));
}

#[test]
fn watching_a_half_open_connection_costs_nothing_and_sending_goes_on() {
    let (mut client, mut peer) = pair(&TcpOptions::default());
    fin(&peer);
    assert_eq!(client.recv_to_end(), b"");
    let bytes = Random::new(6).bytes(20_000_000);
    for block in bytes.chunks(1_000_000) {
        client.tcp.send(block).expect("room");
        let mut got = vec![0; block.len()];
        std::io::Read::read_exact(&mut peer, &mut got).expect("a good peer");
        assert_same(&got, block);
    }
    client.tcp.shutdown_send();
    assert_eq!(read_to_end(&mut peer), b"");
}
