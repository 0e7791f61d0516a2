//! A server that does not read, and a main thread that does not take messages, hold up only this connection, in bounded
//! memory.

mod websocket_client_common;
mod websocket_common;

use std::io::Write;
use std::thread::spawn;
use std::time::Duration;

use async_sockets_net::error::{PingError, SendError};
use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use async_sockets_net::websocket::outgoing::Unread;
use websocket_client_common::{Client, RawServer, Seen, server_frame, switching_protocols};
use websocket_common::{BINARY, TEXT, close_payload, wait_for, wait_until};

const KIB: usize = 1024;

fn options() -> WebSocketClientOptions {
    WebSocketClientOptions {
        max_pending: 64 * KIB,
        max_queued: 64 * KIB,
        unread: Some(Unread::new(64 * KIB)),
        ..WebSocketClientOptions::default()
    }
}

/// Sends until the queue stays full. Returns how many messages were taken.
fn fill(client: &Client, payload: &[u8]) -> usize {
    let (mut taken, mut full) = (0, 0);
    while full < 20 {
        match client.inner.send_binary(payload) {
            Ok(()) => (taken, full) = (taken + 1, 0),
            Err(SendError::Full) => {
                full += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(SendError::Closed) => panic!("closed"),
        }
    }
    taken
}

#[test]
fn a_full_queue_refuses_and_recovers() {
    let (mut client, mut server) = RawServer::start().join(options());
    let payload = [1; 16 * KIB];
    let taken = fill(&client, &payload);
    let pending = client.inner.pending_bytes();
    assert!((1..=64 * KIB).contains(&pending), "{pending}");
    assert_eq!(client.inner.ping(&[0; 125]).is_ok(), pending + 131 <= 64 * KIB);
    // What was accepted elsewhere before is queued all the same.
    client.inner.send_kept(true, b"kept");
    client.inner.flush(1);
    assert!(client.poll().is_none());
    let mut got = 0;
    loop {
        match server.next_frame() {
            (BINARY, data) => {
                assert!(data == payload);
                got += 1;
            }
            (TEXT, data) => break assert_eq!(data, b"kept"),
            _ => {}
        }
    }
    assert_eq!(got, taken);
    assert!(matches!(client.next(), Seen::Flushed(1)));
    wait_until("nothing pending", || client.inner.pending_bytes() == 0);
    client.inner.send_text("back").expect("room");
    assert_eq!(server.next_frame(), (TEXT, b"back".to_vec()));
}

#[test]
fn the_limit_counts_whole_frames_and_can_be_changed() {
    let server = RawServer::start();
    let mut client = Client::start(&server.url(), options());
    // The header has 8 bytes, mask included.
    assert_eq!(client.inner.send_binary(&[0; 64 * KIB - 7]), Err(SendError::Full));
    assert_eq!(client.inner.pending_bytes(), 0);
    client.inner.send_binary(&[0; 64 * KIB - 8]).expect("room");
    assert_eq!(client.inner.pending_bytes(), 64 * KIB);
    assert_eq!(client.inner.send_text(""), Err(SendError::Full));
    assert_eq!(client.inner.ping(b""), Err(PingError::Queue(SendError::Full)));
    client.inner.set_max_pending(64 * KIB + 6);
    client.inner.send_text("").expect("room");
    client.inner.set_max_pending(1);
    assert_eq!(client.inner.send_text(""), Err(SendError::Full));
    let (mut raw, head) = server.asked();
    raw.send(switching_protocols(&head, "").as_bytes());
    client.connected();
    assert_eq!(raw.next_frame().1.len(), 64 * KIB - 8);
    assert_eq!(raw.next_frame(), (TEXT, Vec::new()));
    client.inner.set_max_pending(usize::MAX);
    wait_until("nothing pending", || client.inner.pending_bytes() == 0);
    client.inner.send_text("x").expect("room");
    assert_eq!(raw.next_frame(), (TEXT, b"x".to_vec()));
}

#[test]
fn what_a_server_did_not_take_is_told() {
    let payload = [1; 16 * KIB];
    let short = WebSocketClientOptions {
        close_timeout: Some(Duration::from_millis(200)),
        ..options()
    };
    let server = RawServer::start();
    // This side closes, and the server does not read.
    let (mut client, _raw) = server.join(short.clone());
    fill(&client, &payload);
    let pending = client.inner.pending_bytes();
    client.close(4000, "");
    assert_eq!(client.ended(), (4000, String::new(), false, pending));

    // The server resets the connection.
    let (mut client, raw) = server.join(short.clone());
    fill(&client, &payload);
    let pending = client.inner.pending_bytes();
    raw.reset();
    let (code, _, clean, unsent) = client.ended();
    assert_eq!((code, clean, unsent), (1006, false, pending));

    // The server closes, reads what is on its way, and processes no more messages.
    let (mut client, mut raw) = server.join(short.clone());
    let taken = fill(&client, &payload);
    raw.close(4001, "enough");
    let (mut frames, mut last) = (0, raw.next_frame());
    while last.0 == BINARY {
        frames += 1;
        last = raw.next_frame();
    }
    assert_eq!(last.1, close_payload(4001, "enough"));
    let (code, _, clean, unsent) = client.ended();
    assert_eq!((code, clean), (4001, true));
    assert_eq!(unsent, (taken - frames) * (payload.len() + 8));
    assert!(unsent > 0);

    // The server violates the protocol.
    let (mut client, mut raw) = server.join(short);
    let taken = fill(&client, &payload);
    raw.frame(0x83, b"");
    let (mut frames, mut last) = (0, raw.next_frame());
    while last.0 == BINARY {
        frames += 1;
        last = raw.next_frame();
    }
    let (code, _, clean, unsent) = client.ended();
    assert_eq!((code, clean), (1002, false));
    assert_eq!(unsent, (taken - frames) * (payload.len() + 8));
}

#[test]
fn reading_pauses_until_messages_are_taken() {
    const MOST: usize = 256 * KIB * KIB;
    for size in [20, 3000, 50_000] {
        let (mut client, mut server) = RawServer::start().join(options());
        let frame = server_frame(BINARY, &vec![5; size]);
        let sent = server.flood(&frame, MOST);
        assert!(sent < MOST, "all was taken");
        assert_eq!(client.inner.queued_events(), 1);
        // The last frame was cut anywhere.
        let rest = frame[sent % frame.len()..].to_vec();
        let mut writer = server.stream.try_clone().expect("a socket");
        let more = spawn(move || {
            writer.write_all(&rest).expect("an open connection");
            writer
                .write_all(&server_frame(TEXT, b"after"))
                .expect("an open connection");
        });
        // What was queued: the limit, and what the reads that reached it brought beyond.
        let queued = client.inner.take_messages();
        let mut got = queued.len();
        assert!(
            got * (size + 32) <= 64 * KIB + 5 * 64 * KIB,
            "{got} messages were queued"
        );
        drop(queued);
        loop {
            match client.next() {
                Seen::Binary(data) => {
                    assert!(data == vec![5; size]);
                    got += 1;
                }
                Seen::Text(text) => break assert_eq!(text, "after"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(got, sent / frame.len() + 1);
        more.join().expect("no panic");
    }
}

#[test]
fn one_message_may_be_larger_than_the_queue() {
    let (mut client, mut server) = RawServer::start().join(WebSocketClientOptions {
        max_queued: 1,
        unread: Some(Unread::new(1)),
        ..options()
    });
    let writer = spawn(move || {
        for n in 0..20 {
            server.frame(BINARY, &vec![n; 300_000]);
        }
        server
    });
    for n in 0..20 {
        assert!(client.binary() == vec![n; 300_000]);
    }
    let mut server = writer.join().expect("no panic");
    client.close(1000, "");
    assert_eq!(server.next_close().0, 1000);
}

#[test]
fn the_end_comes_after_everything_unread() {
    let (mut client, mut server) = RawServer::start().join(options());
    let writer = spawn(move || {
        for n in 0..100 {
            server.frame(BINARY, &vec![n; 100_000]);
        }
        server.close(4000, "end");
        server
    });
    wait_until("a message", || client.inner.queued_events() > 0);
    for n in 0..100 {
        assert!(client.binary() == vec![n; 100_000]);
    }
    assert_eq!(client.disconnected(), (4000, "end".to_owned(), true));
    assert_eq!(writer.join().expect("no panic").next_close().0, 4000);
}

/// A client that connects again shares its account of unread messages with its former connection.
#[test]
fn what_one_connection_left_unread_slows_the_next() {
    let server = RawServer::start();
    let shared = options();
    let (before, mut raw) = server.join(shared.clone());
    // As much as the two may leave unread together.
    let mut held = Vec::new();
    let mut weight = 0;
    while weight < 4 * 64 * KIB {
        raw.frame(BINARY, &[1; 60 * KIB]);
        let messages = wait_for("messages", || {
            let messages = before.inner.take_messages();
            (!messages.is_empty()).then_some(messages)
        });
        weight += messages.len() * 60 * KIB;
        held.push(messages);
    }
    drop(before);
    let (mut client, mut raw) = server.join(shared);
    raw.frame(TEXT, b"waits");
    raw.flood(&server_frame(BINARY, &[2; 1000]), 64 * KIB);
    std::thread::sleep(Duration::from_millis(100));
    assert!(client.poll().is_none(), "it was read");
    held.clear();
    assert_eq!(client.text(), "waits");
}

#[test]
fn an_abort_ends_a_paused_connection() {
    let (mut client, mut server) = RawServer::start().join(options());
    server.flood(&server_frame(BINARY, &[5; 1000]), 256 * KIB * KIB);
    client.inner.abort();
    loop {
        match client.next() {
            Seen::Binary(_) => {}
            Seen::Disconnected(1006, _, false, 0) => break,
            other => panic!("{other:?}"),
        }
    }
}
