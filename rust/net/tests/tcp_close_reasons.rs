//! How a connection ends, what is reported about it, and what happens to the bytes.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::thread;
use std::time::Duration;

use async_sockets_net::error::SendError;
use async_sockets_net::event::{CloseReason, TcpEvent};
use async_sockets_net::limits::LINGER_TIMEOUT;
use async_sockets_net::options::TcpOptions;
use common::{Client, Random, accept, assert_same, listen, pair, read_to_end, reset, wait_until};

#[test]
fn a_peers_reset_is_an_error() {
    let (mut client, peer) = pair(&TcpOptions::default());
    reset(peer);
    let (reason, error) = client.closed();
    assert_eq!(reason, CloseReason::Error);
    assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::ConnectionReset));
}

#[test]
fn after_the_end_nothing_is_taken_and_nothing_pends() {
    let options = TcpOptions {
        max_pending_send: 64 * 1024 * 1024,
        ..TcpOptions::default()
    };
    let (mut client, peer) = pair(&options);
    client.tcp.send(&vec![0; options.max_pending_send]).expect("room");
    client.tcp.flush(1);
    reset(peer);
    assert_eq!(client.closed().0, CloseReason::Error);
    assert_eq!(client.tcp.pending_send_bytes(), 0);
    assert_eq!(client.tcp.send(b"late"), Err(SendError::Closed));
    client.tcp.flush(2);
    client.tcp.close();
    client.tcp.abort();
    assert_eq!(client.tcp.pending_send_bytes(), 0);
    assert!(client.tcp.mailbox().next().is_none(), "something after the last event");
}

#[test]
#[cfg(target_os = "linux")] // Other systems may discard bytes that arrived before a reset.
fn what_came_before_a_reset_is_delivered_and_no_good_end_is_claimed() {
    let options = TcpOptions {
        max_buffered: 1000,
        ..TcpOptions::default()
    };
    let (mut client, mut peer) = pair(&options);
    let sent = Random::new(1).bytes(100_000);
    peer.write_all(&sent).expect("a peer that reads");
    wait_until("the first bytes", || client.tcp.mailbox().bytes() > 0);
    client.tcp.send(&vec![0; 16 * 1024 * 1024]).expect("room");
    reset(peer);
    match client.event() {
        TcpEvent::Closed(CloseReason::Error, Some(_)) => {}
        other => panic!("{other:?}"),
    }
    assert_same(&client.received(), &sent);
}

#[test]
fn a_reset_is_told_to_a_sender_that_never_takes_what_it_receives() {
    let options = TcpOptions {
        max_buffered: 1000,
        ..TcpOptions::default()
    };
    let (client, mut peer) = pair(&options);
    peer.write_all(&[0; 500_000]).expect("a peer that reads");
    wait_until("a full mailbox", || client.tcp.mailbox().bytes() >= 1000);
    client.tcp.send(&vec![0; 16 * 1024 * 1024]).expect("room");
    client.tcp.flush(1);
    reset(peer);
    // The events are taken, but their bytes are not released.
    loop {
        match common::next(client.tcp.mailbox()) {
            TcpEvent::Data(_) => {}
            TcpEvent::Closed(CloseReason::Error, Some(_)) => break,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn abort_sends_reset_and_drops_what_waits() {
    let (mut client, mut peer) = pair(&TcpOptions::default());
    client.tcp.send(&vec![0; 16 * 1024 * 1024]).expect("room");
    client.tcp.abort();
    assert_eq!(client.tcp.send(b"late"), Err(SendError::Closed));
    assert!(matches!(client.closed(), (CloseReason::ByHost, None)));
    assert_eq!(client.tcp.pending_send_bytes(), 0);
    let error = peer.read_to_end(&mut Vec::new()).expect_err("no good end");
    assert!(
        matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted),
        "{error}"
    );
}

#[test]
fn abort_overtakes_a_close_that_cannot_finish() {
    let (mut client, mut peer) = pair(&TcpOptions::default());
    client.tcp.send(&vec![0; 16 * 1024 * 1024]).expect("room");
    client.tcp.close();
    wait_until("a full system buffer", || {
        let pending = client.tcp.pending_send_bytes();
        pending > 0 && pending < 16 * 1024 * 1024
    });
    client.tcp.abort();
    assert!(matches!(client.closed(), (CloseReason::ByHost, None)));
    assert!(peer.read_to_end(&mut Vec::new()).is_err());
}

/// Reads about 4 MB per second.
fn read_slowly(peer: &mut impl Read) -> Vec<u8> {
    let mut out = Vec::new();
    let mut block = vec![0; 40_000];
    loop {
        match peer.read(&mut block).expect("bytes or a good end") {
            0 => return out,
            n => out.extend_from_slice(&block[..n]),
        }
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn close_sends_everything_to_a_slow_reader() {
    let (mut client, mut peer) = pair(&TcpOptions::default());
    let sent = Random::new(2).bytes(8 * 1024 * 1024);
    client.tcp.send(&sent).expect("room");
    client.tcp.close();
    assert_same(&read_slowly(&mut peer), &sent);
    drop(peer);
    assert!(matches!(client.closed(), (CloseReason::ByHost, None)));
}

#[test]
fn no_reset_destroys_what_was_sent_though_the_peer_goes_on_sending() {
    let (mut client, peer) = pair(&TcpOptions::default());
    let sent = Random::new(3).bytes(100_000);
    client.tcp.send(&sent).expect("room");
    client.tcp.close();
    assert!(matches!(client.closed(), (CloseReason::ByHost, None)));
    let mut writer = peer.try_clone().expect("a second handle");
    let mut reader = peer;
    let writing = thread::spawn(move || {
        // Ends when the reader, which has received everything by then, closes the socket.
        while writer.write_all(&[0; 1000]).is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
    });
    // The peer is slower than the time that a silent peer is given.
    thread::sleep(LINGER_TIMEOUT + Duration::from_millis(1500));
    assert_same(&read_to_end(&mut reader), &sent);
    reader.shutdown(std::net::Shutdown::Both).expect("an open socket");
    writing.join().expect("no panic");
}

#[test]
fn close_sends_everything_to_a_peer_that_sends_before_it_reads() {
    let (client, mut peer) = pair(&TcpOptions::default());
    let sent = Random::new(4).bytes(8 * 1024 * 1024);
    client.tcp.send(&sent).expect("room");
    client.tcp.close();
    // More than the buffers of both ends hold: this only completes because the closing side reads and discards.
    peer.write_all(&vec![0; 64 * 1024 * 1024]).expect("a peer that reads");
    assert_same(&read_to_end(&mut peer), &sent);
}

#[test]
fn dropping_the_handle_sends_everything() {
    let (client, mut peer) = pair(&TcpOptions::default());
    let sent = Random::new(5).bytes(8 * 1024 * 1024);
    client.tcp.send(&sent).expect("room");
    drop(client);
    assert_same(&read_to_end(&mut peer), &sent);
}

#[test]
fn dropping_the_handle_of_an_idle_connection_ends_it() {
    let (client, mut peer) = pair(&TcpOptions::default());
    drop(client);
    assert_eq!(read_to_end(&mut peer), b"");
}

#[test]
fn close_twice_ends_once() {
    let (mut client, peer) = pair(&TcpOptions::default());
    client.tcp.close();
    client.tcp.close();
    assert!(matches!(client.closed(), (CloseReason::ByHost, None)));
    drop(peer);
    thread::sleep(Duration::from_millis(50));
    assert!(client.tcp.mailbox().next().is_none());
}

#[test]
fn both_ends_close_at_once() {
    let listener = listen("127.0.0.1", 0, None);
    for _ in 0..50 {
        let mut left = Client::connect(listener.local_address().port(), &TcpOptions::default());
        let (mut right, _) = accept(&listener);
        left.tcp.send(b"left").expect("room");
        right.tcp.send(b"right").expect("room");
        left.tcp.close();
        right.tcp.close();
        assert!(matches!(left.closed(), (CloseReason::ByHost, None)));
        assert!(matches!(right.closed(), (CloseReason::ByHost, None)));
    }
}

#[test]
fn a_peer_that_never_reads_is_cut_and_that_is_no_good_end() {
    let (mut client, mut peer) = pair(&TcpOptions::default());
    client.tcp.send(&vec![0; 16 * 1024 * 1024]).expect("room");
    client.tcp.close();
    let (reason, error) = client.closed();
    assert_eq!(reason, CloseReason::TimedOut);
    assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::TimedOut));
    assert_eq!(client.tcp.pending_send_bytes(), 0);
    assert!(peer.read_to_end(&mut Vec::new()).is_err());
}
