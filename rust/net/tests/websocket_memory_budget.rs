//! All clients of a server together hold no more memory than allowed, and those that hold the most are disconnected.

mod websocket_common;

use std::io::Write;
use std::time::Duration;

use async_sockets_net::websocket::options::WebSocketOptions;
use async_sockets_net::websocket::relay::{RelayTo, Relayed};
use async_sockets_net::websocket_server::Audience;
use socket2::SockRef;
use websocket_common::{BINARY, Happened, Peer, Server, TEXT, frame, header, wait_until};

const MIB: usize = 1024 * 1024;

fn server(max_total: usize) -> Server {
    Server::start(WebSocketOptions {
        max_total,
        close_timeout: Some(Duration::from_millis(500)),
        ..WebSocketOptions::default()
    })
}

/// Begins a message of 16 MiB and sends this many bytes of it.
fn begin(peer: &mut Peer, bytes: usize) {
    peer.send(&header(BINARY, 16 * MIB as u64));
    peer.send(&vec![0; bytes]);
}

#[test]
fn those_who_hold_most_of_unfinished_messages_go_and_the_others_stay() {
    let mut server = server(8 * MIB);
    let (mut small, small_id) = server.join();
    let (mut other, other_id) = server.join();
    let text = vec![b'x'; 100_000];
    let message = frame(TEXT, &text);
    small.send(&message[..60_000]);
    let mut large: Vec<_> = (0..6).map(|_| server.join()).collect();
    for (peer, _) in &mut large {
        // The server may already have disconnected it, and stops reading at some point.
        peer.send(&header(BINARY, 16 * MIB as u64));
        let _ = peer.stream.write_all(&vec![0; 3 * MIB]);
        assert!(server.inner.statistics().memory <= 9 * MIB);
    }
    let ended: Vec<_> = large.iter().map(|(_, id)| *id).collect();
    match server.next() {
        Happened::Disconnected(id, how) => {
            assert!(ended.contains(&id));
            assert_eq!(how.code.get(), 1013);
            assert!(!how.reason.is_empty());
        }
        other => panic!("{other:?}"),
    }
    small.send(&message[60_000..]);
    other.frame(TEXT, b"me too");
    let mut heard = Vec::new();
    while heard.len() < 2 {
        match server.next() {
            Happened::Text(id, text) => heard.push((id, text.len())),
            Happened::Disconnected(id, _) => assert!(ended.contains(&id)),
            other => panic!("{other:?}"),
        }
    }
    heard.sort_unstable();
    assert_eq!(heard, [(small_id, 100_000), (other_id, 6)]);
    drop(large);
    wait_until("all memory back", || {
        server.poll();
        server.inner.statistics().memory == 0
    });
}

#[test]
fn a_header_reserves_nothing() {
    let mut server = server(MIB);
    let mut peers: Vec<_> = (0..100).map(|_| server.join().0).collect();
    for peer in &mut peers {
        begin(peer, 1);
    }
    wait_until("a byte of each", || server.inner.statistics().memory >= 100 * 1000);
    assert!(server.inner.statistics().memory <= 100 * 2048);
    assert!(server.poll().is_none());
}

#[test]
fn messages_that_have_come_are_told_before_the_end() {
    let mut server = server(MIB);
    let (mut peer, id) = server.join();
    peer.frame(TEXT, b"before");
    begin(&mut peer, MIB + MIB / 2);
    assert!(matches!(server.next(), Happened::Text(from, text) if from == id && text == "before"));
    assert_eq!(peer.next_close().0, 1013);
    peer.close(1013, "");
    assert_eq!(server.disconnected().0, 1013);
}

#[test]
fn clients_that_read_nothing_go_and_the_others_stay() {
    let mut server = server(4 * MIB);
    let (mut reader, reader_id) = server.join();
    let mut silent: Vec<_> = (0..4).map(|_| server.join()).collect();
    let mut ended = Vec::new();
    wait_until("the first to go", || {
        for (_, id) in &silent {
            let _ = server.inner.send_binary(*id, &[0; 64 * 1024]);
        }
        assert!(server.inner.statistics().memory <= 5 * MIB);
        server.inner.send_text(reader_id, "fine").expect("room");
        assert_eq!(reader.next_frame(), (TEXT, b"fine".to_vec()));
        match server.poll() {
            Some(Happened::Disconnected(id, how)) => ended.push((id, how.code.get())),
            None => {}
            Some(other) => panic!("{other:?}"),
        }
        !ended.is_empty()
    });
    assert!(
        ended.iter().all(|(id, code)| *id != reader_id && *code == 1013),
        "{ended:?}"
    );
    silent.clear();
    wait_until("all memory back", || {
        server.poll();
        server.inner.statistics().memory == 0
    });
    reader.frame(TEXT, b"still here");
    loop {
        match server.next() {
            Happened::Disconnected(id, _) => assert_ne!(id, reader_id),
            Happened::Text(id, text) => {
                assert_eq!((id, text.as_str()), (reader_id, "still here"));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_broadcast_counts_once() {
    let mut server = server(64 * MIB);
    let peers: Vec<_> = (0..10)
        .map(|_| {
            let (peer, id) = server.join();
            SockRef::from(&peer.stream)
                .set_recv_buffer_size(64 * 1024)
                .expect("a socket");
            (peer, id)
        })
        .collect();
    let pending = |server: &Server| -> usize {
        peers
            .iter()
            .filter_map(|(_, id)| server.inner.client_pending_bytes(*id))
            .sum()
    };
    for _ in 0..12 {
        assert_eq!(
            server.inner.broadcast_binary(&vec![0; MIB], Audience::All, &[]).queued,
            10
        );
        assert!(server.poll().is_none());
    }
    wait_until("what the system takes", || {
        let before = pending(&server);
        std::thread::sleep(Duration::from_millis(50));
        pending(&server) == before
    });
    let memory = server.inner.statistics().memory;
    assert!(memory <= 13 * MIB, "{memory}");
    assert!(pending(&server) > 2 * memory, "{memory}");
    drop(peers);
    wait_until("all memory back", || {
        server.poll();
        server.inner.statistics().memory == 0
    });
}

#[test]
fn a_main_thread_that_takes_nothing_ends_nobody() {
    let mut server = server(2 * MIB);
    let mut peers: Vec<_> = (0..8).map(|_| server.join()).collect();
    let message = frame(BINARY, &vec![7; 200_000]);
    let threads: Vec<_> = peers
        .drain(..)
        .map(|(mut peer, _)| {
            let message = message.clone();
            std::thread::spawn(move || {
                for _ in 0..20 {
                    peer.send(&message);
                }
                peer
            })
        })
        .collect();
    // Everything that may be queued is queued, and then the server stops reading.
    let mut last = 0;
    wait_until("rest", || {
        std::thread::sleep(Duration::from_millis(100));
        let now = server.inner.statistics().memory;
        now > 0 && std::mem::replace(&mut last, now) == now
    });
    assert!(last <= 3 * MIB, "{last}");
    for _ in 0..8 * 20 {
        assert_eq!(server.binary().len(), 200_000);
    }
    for thread in threads {
        thread.join().expect("no failure");
    }
}

/// A relayed message to all, which is too small to be worth sharing: what waits for several is there several times.
#[test]
fn small_messages_for_all_count_for_each_of_them() {
    const MESSAGES: u64 = 100_000;
    let mut server = Server::start(WebSocketOptions {
        relay: Some(|_| {
            Some(Relayed {
                to: RelayTo::AllBut(0),
                body_at: 0,
                is_for_main: false,
            })
        }),
        ..WebSocketOptions::default()
    });
    let mut join = |label| {
        let (peer, id) = server.join();
        SockRef::from(&peer.stream)
            .set_recv_buffer_size(2048)
            .expect("a socket");
        server.inner.join_relay(id, label, b"").expect("a client");
        wait_until("begin", || server.inner.begin_relay(id));
        (peer, id)
    };
    let (mut sender, _) = join(1);
    let deaf: Vec<_> = (2..10).map(&mut join).collect();
    // More than the system's buffers hold, so that what follows waits here.
    for (_, id) in &deaf {
        for _ in 0..128 {
            server.inner.send_binary(*id, &[0; 64 * 1024]).expect("room");
        }
    }
    let messages = frame(BINARY, b"x").repeat(1000);
    for _ in 0..MESSAGES / 1000 {
        sender.send(&messages);
    }
    wait_until("messages", || server.inner.statistics().relayed == MESSAGES);
    let pending = |(_, id): &(Peer, _)| server.inner.client_pending_bytes(*id).expect("a client");
    let pending: usize = deaf.iter().map(pending).sum();
    let memory = server.inner.statistics().memory;
    assert!(memory >= pending, "{memory} of {pending} bytes count");
    drop(deaf);
    wait_until("all memory back", || {
        server.poll();
        server.inner.statistics().memory == 0
    });
}
