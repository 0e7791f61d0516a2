//! The queues are bounded: the oldest received datagram is dropped and counted, and a full send queue is reported.

mod udp_common;

use std::time::Instant;

use async_sockets_net::error::{DatagramError, SendError};
use async_sockets_net::limits::DATAGRAM_OVERHEAD;
use async_sockets_net::mailbox::ReadyList;
use async_sockets_net::options::UdpOptions;
use udp_common::{LIMIT, bind, bind_with, port, std_socket, to, wait_for};

#[test]
fn the_oldest_datagrams_are_dropped_and_counted() {
    let ours = bind_with(
        "127.0.0.1",
        &UdpOptions {
            max_datagrams: 10,
            ..UdpOptions::default()
        },
    );
    let peer = std_socket();
    for n in 0..100_u8 {
        peer.send_to(&[n], ours.local_address()).expect("sent");
    }
    wait_for("90 dropped", || (ours.dropped_datagrams() == 90).then_some(()));
    let kept: Vec<u8> = std::iter::from_fn(|| ours.next_datagram()).map(|d| d.data[0]).collect();
    assert_eq!(kept, (90..100).collect::<Vec<_>>());
}

#[test]
fn ten_thousand_datagrams_are_received_or_counted() {
    const COUNT: u32 = 10_000;
    let (from, ours) = (bind("127.0.0.1"), bind("127.0.0.1"));
    ours.set_queue_limits(4000, usize::MAX);
    for n in 0..COUNT {
        from.send_to(&n.to_le_bytes(), to("127.0.0.1", port(&ours)))
            .expect("room");
        // A sender that never pauses overruns the system's own buffer, whose drops are not counted.
        if n % 64 == 0 {
            let seen = || ours.available_datagrams() as u64 + ours.dropped_datagrams();
            wait_for("the datagrams so far", || (seen() > u64::from(n)).then_some(()));
        }
    }
    let seen = || ours.available_datagrams() as u64 + ours.dropped_datagrams();
    wait_for("all datagrams", || (seen() == u64::from(COUNT)).then_some(()));
    assert_eq!(ours.dropped_datagrams(), 6000);
    let mut next = 6000_u32;
    while let Some(datagram) = ours.next_datagram() {
        assert_eq!(datagram.data[..], next.to_le_bytes());
        next += 1;
    }
    assert_eq!((next, ours.available_bytes()), (COUNT, 0));
}

#[test]
fn a_full_send_queue_takes_nothing() {
    let ours = bind_with(
        "127.0.0.1",
        &UdpOptions {
            max_pending_send: 1000,
            ..UdpOptions::default()
        },
    );
    // Exactly the limit fits; one byte more is refused and nothing of it is queued.
    let too_much = vec![0; 1001 - DATAGRAM_OVERHEAD];
    let full = Err(DatagramError::Queue(SendError::Full));
    assert_eq!(ours.send_to(&too_much, to("127.0.0.1", 9)), full);
    assert_eq!(ours.pending_send_bytes(), 0);
    assert_eq!(ours.send_to(&too_much[1..], to("127.0.0.1", 9)), Ok(()));
    wait_for("an empty queue", || (ours.pending_send_bytes() == 0).then_some(()));
    assert_eq!(ours.send_to(&too_much[1..], to("127.0.0.1", 9)), Ok(()));
}

#[test]
fn a_datagram_puts_the_socket_on_the_ready_list() {
    let (ours, peer) = (bind("127.0.0.1"), std_socket());
    for _ in 0..2 {
        peer.send_to(b"wake up", ours.local_address()).expect("sent");
        let deadline = Instant::now() + LIMIT;
        loop {
            // Sockets of other tests in this file appear in the same list.
            let id = ReadyList::global().pop_until(deadline).expect("a socket in time");
            if id == ours.id() {
                break;
            }
        }
        ours.mailbox().unlist();
        assert!(ours.next_datagram().is_some());
    }
}
