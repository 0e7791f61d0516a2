//! TCP slows a peer that never stops sending, and every queue stays within its limit.

mod common;

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use async_sockets_net::event::TcpEvent;
use async_sockets_net::limits::MAX_QUEUED_EVENTS;
use async_sockets_net::options::TcpOptions;
use common::{Random, assert_same, next, pair, settled, wait_until};

/// The most by which one read exceeds the limit, in bytes.
const ONE_READ: usize = 64 * 1024;

/// Far more than the buffers of both ends hold.
const FLOOD: usize = 64 * 1024 * 1024;

#[test]
fn a_flood_stops_at_the_limit_and_goes_on_where_it_stopped() {
    let options = TcpOptions {
        max_buffered: 200_000,
        ..TcpOptions::default()
    };
    let (mut client, mut peer) = pair(&options);
    let written = AtomicUsize::new(0);
    let sent = Random::new(1).bytes(FLOOD);
    thread::scope(|scope| {
        scope.spawn(|| {
            for piece in sent.chunks(50_000) {
                peer.write_all(piece).expect("a peer that reads");
                written.fetch_add(piece.len(), Ordering::Relaxed);
            }
        });
        wait_until("a full mailbox", || {
            client.tcp.mailbox().bytes() >= options.max_buffered
        });
        settled(|| written.load(Ordering::Relaxed));
        assert!(written.load(Ordering::Relaxed) < FLOOD, "the peer was not slowed");
        assert!(client.tcp.mailbox().bytes() < options.max_buffered + ONE_READ);

        // Taking events does not make room; releasing their bytes does.
        let mut blocks = Vec::new();
        while let Some(event) = client.tcp.mailbox().next() {
            match event {
                TcpEvent::Data(bytes) => blocks.push(bytes),
                other => panic!("{other:?}"),
            }
        }
        settled(|| client.tcp.mailbox().bytes());
        assert!(client.tcp.mailbox().is_empty());
        let held: usize = blocks.iter().map(|block| block.len()).sum();
        assert_eq!(client.tcp.mailbox().bytes(), held);
        client.tcp.mailbox().release(held);

        let rest = client.recv(FLOOD - held);
        assert_same(&blocks.concat(), &sent[..held]);
        assert_same(&rest, &sent[held..]);
    });
    assert_eq!(client.tcp.mailbox().bytes(), 0);
}

#[test]
fn a_higher_limit_makes_room_for_one_huge_receive() {
    let (client, mut peer) = pair(&TcpOptions::default());
    let sent = Random::new(2).bytes(50 * 1024 * 1024);
    let mailbox = client.tcp.mailbox();
    thread::scope(|scope| {
        scope.spawn(|| peer.write_all(&sent).expect("a peer that reads"));
        wait_until("a full mailbox", || mailbox.bytes() >= 1024 * 1024);
        mailbox.set_max_bytes(sent.len());
        // Nothing is released until everything has arrived.
        let mut received = Vec::with_capacity(sent.len());
        while received.len() < sent.len() {
            match next(mailbox) {
                TcpEvent::Data(bytes) => received.extend_from_slice(&bytes),
                other => panic!("{other:?}"),
            }
        }
        assert_same(&received, &sent);
        assert_eq!(mailbox.bytes(), sent.len());
        mailbox.set_max_bytes(1024 * 1024);
        mailbox.release(sent.len());
    });
    peer.write_all(b"more").expect("a peer that reads");
    match next(mailbox) {
        TcpEvent::Data(bytes) => assert_eq!(&bytes[..], b"more"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn many_small_blocks_stop_at_the_limit_of_events() {
    let (mut client, mut peer) = pair(&TcpOptions::default());
    let count = 3 * MAX_QUEUED_EVENTS;
    thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0..count {
                peer.write_all(&[i as u8]).expect("a peer that reads");
                if i % 16 == 0 {
                    thread::yield_now();
                }
            }
        });
        settled(|| client.tcp.mailbox().len());
        assert!(client.tcp.mailbox().len() <= MAX_QUEUED_EVENTS);
        let want: Vec<u8> = (0..count).map(|i| i as u8).collect();
        assert_same(&client.recv(count), &want);
    });
}

#[test]
fn one_flood_does_not_starve_another_connection() {
    let (flooded, mut flooding) = pair(&TcpOptions::default());
    let (mut client, mut peer) = pair(&TcpOptions::default());
    thread::scope(|scope| {
        scope.spawn(|| {
            let block = vec![0; 1024 * 1024];
            while flooding.write_all(&block).is_ok() {}
        });
        // Taken at once, so that reading never pauses.
        scope.spawn(|| {
            loop {
                match next(flooded.tcp.mailbox()) {
                    TcpEvent::Data(bytes) => flooded.tcp.mailbox().release(bytes.len()),
                    _ => return,
                }
            }
        });
        for i in 0..200u32 {
            peer.write_all(&i.to_le_bytes()).expect("a peer that reads");
            assert_eq!(client.recv(4), i.to_le_bytes());
        }
        flooded.tcp.abort();
    });
}
