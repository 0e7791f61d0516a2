//! Bytes travel both ways, complete and in order, whatever the sizes in which they are sent.

mod common;

use std::io::{Read, Write};
use std::thread;

use async_sockets_net::error::SendError;
use async_sockets_net::event::{CloseReason, TcpEvent};
use async_sockets_net::options::{KeepAlive, TcpOptions};
use common::{Client, Random, accept, assert_same, listen, pair, wait_for};

const LEN: usize = 6 * 1024 * 1024;

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
fn a_peer_that_is_not_ours_echoes_every_byte() {
    let (mut client, peer) = pair(&TcpOptions::default());
    let echo = thread::spawn(move || {
        let mut random = Random::new(1);
        let mut buffer = vec![0; 100_000];
        let mut peer = peer;
        loop {
            let size = random.size(buffer.len());
            match peer.read(&mut buffer[..size]).expect("bytes or the end") {
                0 => return,
                n => peer.write_all(&buffer[..n]).expect("a peer that reads"),
            }
        }
    });
    let sent = Random::new(2).bytes(LEN);
    // Sent from another thread: the handle may be used from any thread.
    let received = thread::scope(|scope| {
        let client_ref = &client;
        scope.spawn(|| send_all(client_ref, &sent, &mut Random::new(3)));
        let mut received = Vec::with_capacity(LEN);
        while received.len() < LEN {
            match common::next(client_ref.tcp.mailbox()) {
                TcpEvent::Data(bytes) => {
                    client_ref.tcp.mailbox().release(bytes.len());
                    received.extend_from_slice(&bytes);
                }
                other => panic!("{other:?}"),
            }
        }
        received
    });
    assert_same(&received, &sent);
    assert_eq!(client.tcp.pending_send_bytes(), 0);
    assert_eq!(client.tcp.mailbox().bytes(), 0);
    client.tcp.close();
    assert_eq!(client.closed().0, CloseReason::ByHost);
    echo.join().expect("an echo without errors");
}

#[test]
fn both_ends_are_ours_and_both_send_at_once() {
    let listener = listen("127.0.0.1", 0, None);
    let mut left = Client::connect(listener.local_address().port(), &TcpOptions::default());
    let (mut right, _) = accept(&listener);
    let (from_left, from_right) = (Random::new(4).bytes(LEN), Random::new(5).bytes(LEN));
    let (at_left, at_right) = thread::scope(|scope| {
        let at_left = scope.spawn(|| {
            send_all(&left, &from_left, &mut Random::new(6));
            left.recv(LEN)
        });
        send_all(&right, &from_right, &mut Random::new(7));
        let at_right = right.recv(LEN);
        (at_left.join().expect("no error"), at_right)
    });
    assert_same(&at_left, &from_right);
    assert_same(&at_right, &from_left);
}

#[test]
fn bytes_queued_before_the_connection_stands_are_sent_in_order() {
    let (listener, port) = common::std_listener();
    let client = Client::start("127.0.0.1", port, &TcpOptions::default());
    let sent = Random::new(8).bytes(300_000);
    for piece in sent.chunks(1000) {
        client.tcp.send(piece).expect("room");
    }
    client.tcp.shutdown_send();
    let (mut peer, _) = listener.accept().expect("a connection");
    assert_same(&common::read_to_end(&mut peer), &sent);
}

#[test]
fn options_can_be_set_before_and_during_a_connection() {
    let keep_alive = KeepAlive::default();
    let options = TcpOptions {
        no_delay: false,
        keep_alive: Some(keep_alive),
        ..TcpOptions::default()
    };
    let (mut client, mut peer) = pair(&options);
    client.tcp.set_no_delay(true);
    client.tcp.set_keep_alive(None);
    client.tcp.set_keep_alive(Some(keep_alive));
    client.tcp.send(b"ping").expect("room");
    let mut bytes = [0; 4];
    peer.read_exact(&mut bytes).expect("ping");
    peer.write_all(b"pong").expect("a peer that reads");
    assert_eq!(client.recv(4), b"pong");
}

#[test]
fn a_keep_alive_outside_the_range_of_the_system_is_brought_into_it() {
    for time in [std::time::Duration::ZERO, std::time::Duration::MAX] {
        for count in [0, u32::MAX] {
            let options = TcpOptions {
                keep_alive: Some(KeepAlive {
                    idle: time,
                    interval: time,
                    count,
                }),
                ..TcpOptions::default()
            };
            let (mut client, mut peer) = pair(&options);
            peer.write_all(b"x").expect("a peer that reads");
            assert_eq!(client.recv(1), b"x");
        }
    }
}
