//! A client that sends many others thousands of messages at once holds up nobody else's connection, nor theirs.

mod websocket_common;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use async_sockets_net::runtime::set_worker_threads;
use async_sockets_net::websocket::options::WebSocketOptions;
use async_sockets_net::websocket::relay::{RelayTo, Relayed};
use websocket_common::{BINARY, PING, PONG, Peer, Server, frame, wait_until};

/// Where the task that passes the messages on stops.
static STOP: LazyLock<(Sender<()>, Mutex<Receiver<()>>)> = LazyLock::new(|| {
    let (sender, receiver) = channel();
    (sender, Mutex::new(receiver))
});

/// Everything is for all. The task waits at the last message until it may go on, for ten seconds at most.
fn rule(message: &[u8]) -> Option<Relayed> {
    if message == b"last" {
        let go_on = STOP.1.lock().unwrap_or_else(PoisonError::into_inner);
        go_on
            .recv_timeout(Duration::from_secs(10))
            .expect("others are served meanwhile");
    }
    Some(Relayed {
        to: RelayTo::AllBut(0),
        body_at: 0,
        is_for_main: false,
    })
}

fn join(server: &mut Server, label: i32) -> (Peer, i64) {
    let (peer, id) = server.join();
    server.inner.join_relay(id, label, b"").expect("a client");
    (peer, id)
}

#[test]
fn others_are_served_meanwhile() {
    set_worker_threads(Some(1));
    let mut server = Server::start(WebSocketOptions {
        relay: Some(rule),
        ..WebSocketOptions::default()
    });
    let (mut sender, sender_id) = join(&mut server, 1);
    let mut others: Vec<_> = (2..12).map(|label| join(&mut server, label)).collect();
    // It is not read until it takes part, and then all at once.
    let mut messages = frame(BINARY, b"x").repeat(2000);
    messages.extend(frame(BINARY, b"last"));
    sender.send(&messages);
    wait_until("begin", || server.inner.begin_relay(sender_id));
    let (mut outside, _) = server.join();
    outside.frame(PING, b"still there?");
    assert_eq!(outside.next_frame(), (PONG, b"still there?".to_vec()));
    let mut expect = |count| {
        for (peer, _) in &mut others {
            for _ in 0..count {
                assert_eq!(peer.next_frame(), (BINARY, b"x".to_vec()));
            }
        }
    };
    expect(1000);
    STOP.0.send(()).expect("a task that waits");
    expect(1000);
    for (peer, _) in &mut others {
        assert_eq!(peer.next_frame(), (BINARY, b"last".to_vec()));
    }
}
