//! The ready list names every socket with queued events exactly once, and no idle one. This test has a file of its own
//! because the list belongs to the process.

mod common;

use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, Instant};

use async_sockets_net::event::TcpEvent;
use async_sockets_net::mailbox::{ReadyList, mailbox};
use async_sockets_net::options::TcpOptions;
use common::{LIMIT, pair};

#[test]
fn sockets_are_listed_when_something_comes_and_no_wake_up_is_lost() {
    idle_sockets_are_not_listed();
    every_event_is_found_by_the_list_alone();
    a_mailbox_filled_while_it_is_drained_is_listed_again();
}

fn idle_sockets_are_not_listed() {
    let pairs: Vec<_> = (0..20).map(|_| pair(&TcpOptions::default())).collect();
    // Removes what connecting has listed.
    while let Some(_id) = ReadyList::global().pop_until(Instant::now() + Duration::from_millis(100)) {}
    for (client, _) in &pairs {
        client.tcp.mailbox().unlist();
        assert!(client.tcp.mailbox().is_empty());
    }
    let (client, peer) = &pairs[7];
    let mut peer = peer;
    peer.write_all(b"x").expect("a peer that reads");
    assert_eq!(
        ReadyList::global().pop_until(Instant::now() + LIMIT),
        Some(client.tcp.id())
    );
    // Listed once until it is unlisted, regardless of what else arrives.
    peer.write_all(b"y").expect("a peer that reads");
    client.tcp.flush(1);
    common::wait_until("two more events", || client.tcp.mailbox().len() >= 2);
    assert_eq!(ReadyList::global().pop(), None);
    client.tcp.mailbox().unlist();
    while client.tcp.mailbox().next().is_some() {}
}

/// Sockets receive their bytes at random times; the main thread looks only at sockets that the list names.
fn every_event_is_found_by_the_list_alone() {
    const ROUNDS: usize = 2000;
    let (clients, peers): (Vec<_>, Vec<_>) = (0..8).map(|_| pair(&TcpOptions::default())).unzip();
    while ReadyList::global().pop().is_some() {}
    let mut received = HashMap::new();
    for client in &clients {
        client.tcp.mailbox().unlist();
        assert!(client.tcp.mailbox().is_empty());
        received.insert(client.tcp.id(), 0);
    }
    std::thread::scope(|scope| {
        for mut peer in peers {
            scope.spawn(move || {
                for i in 0..ROUNDS {
                    peer.write_all(&[i as u8]).expect("a peer that reads");
                    if i % 7 == 0 {
                        std::thread::yield_now();
                    }
                }
            });
        }
        let mut closed = 0;
        while closed < clients.len() {
            let id = ReadyList::global()
                .pop_until(Instant::now() + LIMIT)
                .expect("an event that the list names");
            let client = clients
                .iter()
                .find(|client| client.tcp.id() == id)
                .expect("one of ours");
            let mailbox = client.tcp.mailbox();
            mailbox.unlist();
            while let Some(event) = mailbox.next() {
                match event {
                    TcpEvent::Data(bytes) => {
                        mailbox.release(bytes.len());
                        *received.entry(id).or_default() += bytes.len();
                    }
                    TcpEvent::PeerClosed => closed += 1,
                    other => panic!("{other:?}"),
                }
            }
        }
    });
    assert!(received.values().all(|&bytes| bytes == ROUNDS), "{received:?}");
}

fn a_mailbox_filled_while_it_is_drained_is_listed_again() {
    const EVENTS: u32 = 200_000;
    while ReadyList::global().pop().is_some() {}
    let (sender, mailbox) = mailbox::<u32>(usize::MAX, usize::MAX);
    std::thread::scope(|scope| {
        scope.spawn(|| (0..EVENTS).for_each(|i| sender.send(i, 1)));
        let mut want = 0;
        while want < EVENTS {
            let listed = ReadyList::global().pop_until(Instant::now() + LIMIT);
            assert_eq!(listed, Some(mailbox.id()), "a lost wake-up at {want}");
            mailbox.unlist();
            while let Some(event) = mailbox.next() {
                assert_eq!(event, want);
                want += 1;
                mailbox.release(1);
            }
        }
    });
    assert_eq!((mailbox.len(), mailbox.bytes()), (0, 0));
}
