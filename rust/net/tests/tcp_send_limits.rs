//! How much may be pending to be sent, and the report that everything was sent.

mod common;

use std::io::Read;

use async_sockets_net::error::SendError;
use async_sockets_net::event::TcpEvent;
use async_sockets_net::options::TcpOptions;
use common::{Random, assert_same, pair, read_to_end, settled, wait_until};

const LIMIT: usize = 1_000_000;

fn options() -> TcpOptions {
    TcpOptions {
        max_pending_send: LIMIT,
        ..TcpOptions::default()
    }
}

#[test]
fn a_peer_that_never_reads_makes_send_fail_and_nothing_of_it_is_queued() {
    let (mut client, mut peer) = pair(&options());
    let mut random = Random::new(1);
    let mut sent = Vec::new();
    // Until the system accepts no more and the queue is full.
    loop {
        let piece = random.bytes(100_000);
        match client.tcp.send(&piece) {
            Ok(()) => sent.extend_from_slice(&piece),
            Err(error) => {
                assert_eq!(error, SendError::Full);
                let pending = settled(|| client.tcp.pending_send_bytes());
                assert!(pending <= LIMIT);
                if pending + piece.len() > LIMIT {
                    break;
                }
            }
        }
        assert!(sent.len() < 256 * LIMIT, "no limit");
    }
    let pending = client.tcp.pending_send_bytes();
    assert_eq!(client.tcp.send(&[0; LIMIT]), Err(SendError::Full));
    assert_eq!(client.tcp.pending_send_bytes(), pending);
    // Exactly up to the limit, and not one byte more.
    let fill = random.bytes(LIMIT - pending);
    assert_eq!(client.tcp.send(&fill), Ok(()));
    sent.extend_from_slice(&fill);
    assert_eq!(client.tcp.send(&[0]), Err(SendError::Full));
    assert_eq!(client.tcp.send(&[]), Ok(()));
    assert_eq!(client.tcp.pending_send_bytes(), LIMIT);

    client.tcp.close();
    assert_same(&read_to_end(&mut peer), &sent);
    drop(peer);
    client.closed();
    assert_eq!(client.tcp.pending_send_bytes(), 0);
}

#[test]
fn a_block_over_the_limit_is_refused_unless_someone_waits_for_it() {
    let (client, mut peer) = pair(&options());
    let block = Random::new(2).bytes(20 * LIMIT);
    assert_eq!(client.tcp.send(&block), Err(SendError::Full));
    assert_eq!(client.tcp.pending_send_bytes(), 0);
    assert_eq!(client.tcp.send_awaited(&block), Ok(()));
    // Now the queue is not empty.
    assert_eq!(client.tcp.send_awaited(&block), Err(SendError::Full));
    client.tcp.shutdown_send();
    assert_same(&read_to_end(&mut peer), &block);
}

#[test]
fn flush_tokens_come_in_order_and_not_before_their_bytes_are_out() {
    let (mut client, mut peer) = pair(&TcpOptions::default());
    client.tcp.flush(0);
    assert!(matches!(client.event(), TcpEvent::Flushed(0)));
    let block = vec![7; 12 * 1024 * 1024];
    client.tcp.send(&block).expect("room");
    for token in 1..=100 {
        client.tcp.flush(token);
        client.tcp.send(&[7]).expect("room");
    }
    client.tcp.flush(101);
    settled(|| client.tcp.pending_send_bytes());
    assert!(client.tcp.mailbox().next().is_none(), "a token before its bytes");
    let reading = std::thread::spawn(move || {
        let mut all = vec![0; block.len() + 100];
        peer.read_exact(&mut all).expect("all bytes");
        assert!(all.iter().all(|&byte| byte == 7));
        peer
    });
    for token in 1..=101 {
        match client.event() {
            TcpEvent::Flushed(got) => assert_eq!(got, token),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(client.tcp.pending_send_bytes(), 0);
    drop(reading.join().expect("all bytes"));
}

#[test]
fn a_lower_limit_counts_at_once() {
    let (client, _peer) = pair(&options());
    client.tcp.set_max_pending_send(10);
    assert_eq!(client.tcp.send(&[0; 11]), Err(SendError::Full));
    assert_eq!(client.tcp.send(&[0; 10]), Ok(()));
    wait_until("an empty queue", || client.tcp.pending_send_bytes() == 0);
}

#[test]
fn the_limit_counts_for_a_connection_that_does_not_stand_yet() {
    let (listener, port) = common::std_listener();
    let client = common::Client::start("127.0.0.1", port, &options());
    let mut queued = 0;
    // Usually faster than the connection is established; either way nothing is lost.
    for _ in 0..10 {
        if client.tcp.send(&[1; LIMIT / 4]).is_ok() {
            queued += LIMIT / 4;
        }
    }
    client.connected();
    client.tcp.shutdown_send();
    let (mut peer, _) = listener.accept().expect("a connection");
    assert_eq!(read_to_end(&mut peer).len(), queued);
}
