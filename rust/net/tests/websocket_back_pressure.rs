//! A slow or hostile client affects only itself.

mod websocket_common;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use async_sockets_net::websocket::options::{BackpressurePolicy, WebSocketOptions};
use async_sockets_net::websocket_server::{Audience, ClientError};
use websocket_common::{BINARY, Happened, PING, Peer, Server, TEXT, frame, wait_until};

fn small(backpressure: BackpressurePolicy) -> WebSocketOptions {
    WebSocketOptions {
        max_pending: 64 * 1024,
        backpressure,
        ..WebSocketOptions::default()
    }
}

/// Sends until the client's queue stays full. Returns the number of messages.
fn fill(server: &mut Server, id: i64) -> usize {
    let (mut full, mut sent) = (0, 0);
    while full < 20 {
        match server.inner.send_binary(id, &[0; 16 * 1024]) {
            Ok(()) => (full, sent) = (0, sent + 1),
            Err(ClientError::Full(_)) => {
                full += 1;
                sleep(Duration::from_millis(5));
            }
            Err(other) => panic!("{other}"),
        }
    }
    sent
}

#[test]
fn a_slow_client_gets_no_more_and_the_others_do() {
    let mut server = Server::start(small(BackpressurePolicy::Refuse));
    let (mut slow, slow_id) = server.join();
    let (mut other, other_id) = server.join();
    let sent = fill(&mut server, slow_id);
    let pending = server.inner.client_pending_bytes(slow_id).expect("known");
    assert!((1..=64 * 1024).contains(&pending), "{pending}");
    let result = server.inner.broadcast_binary(&[1; 40 * 1024], Audience::All, &[]);
    assert_eq!((result.queued, result.refused), (1, 1));
    assert_eq!(other.next_frame(), (BINARY, vec![1; 40 * 1024]));
    server.inner.send_text(other_id, "fine").expect("room");
    assert_eq!(other.next_frame(), (TEXT, b"fine".to_vec()));
    // Once the client reads, there is room again.
    for _ in 0..sent {
        slow.next_frame();
    }
    wait_until("room", || server.inner.client_pending_bytes(slow_id) == Some(0));
    server.inner.send_text(slow_id, "back").expect("room");
    assert_eq!(slow.next_frame(), (TEXT, b"back".to_vec()));
}

#[test]
fn by_the_other_policy_it_is_disconnected_with_1008() {
    let mut server = Server::start(WebSocketOptions {
        close_timeout: Some(Duration::from_millis(300)),
        ..small(BackpressurePolicy::Disconnect)
    });
    let (slow, id) = server.join();
    let refused = loop {
        if let Err(error) = server.inner.send_binary(id, &[0; 16 * 1024]) {
            break error;
        }
    };
    assert_eq!(refused, ClientError::Full(id));
    assert_eq!(server.inner.send_text(id, "x"), Err(ClientError::Closing(id)));
    let (code, reason, clean) = server.disconnected();
    assert_eq!((code, clean), (1008, false));
    assert!(!reason.is_empty());
    drop(slow);
}

#[test]
fn a_message_over_the_limit_is_refused_at_once() {
    let mut server = Server::start(small(BackpressurePolicy::Refuse));
    let (_peer, id) = server.join();
    assert_eq!(
        server.inner.send_binary(id, &[0; 64 * 1024]),
        Err(ClientError::Full(id))
    );
    assert_eq!(server.inner.client_pending_bytes(id), Some(0));
}

/// Writes these bytes repeatedly until told to stop; a blocked write is retried.
fn flood(mut peer: Peer, bytes: Vec<u8>, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    peer.stream
        .set_write_timeout(Some(Duration::from_millis(50)))
        .expect("a socket");
    std::thread::spawn(move || {
        let (mut sent, mut at) = (0, 0);
        while !stop.load(Ordering::Relaxed) {
            if let Ok(n) = peer.stream.write(&bytes[at..]) {
                sent += n as u64;
                at = (at + n) % bytes.len();
            }
        }
        sent
    })
}

#[test]
fn a_flood_stops_at_the_clients_own_quota() {
    let mut server = Server::start(WebSocketOptions::default());
    let (flooder, flooder_id) = server.join();
    let (mut other, other_id) = server.join();
    let stop = Arc::new(AtomicBool::new(false));
    let bytes: Vec<u8> = (0..1000).flat_map(|_| frame(BINARY, &[0; 1000])).collect();
    let thread = flood(flooder, bytes, stop.clone());
    // Nothing drains the events, so reading has to stop.
    let mut last = 0;
    wait_until("rest", || {
        sleep(Duration::from_millis(200));
        let now = server.inner.statistics().bytes_in;
        now > 0 && std::mem::replace(&mut last, now) == now
    });
    assert!((900_000..1_500_000).contains(&last), "{last}");
    // The other client is heard behind a single event of the flood.
    other.frame(TEXT, b"me too");
    sleep(Duration::from_millis(50));
    assert_eq!(server.inner.queued_events(), 2);
    let mut before = 0;
    loop {
        match server.next() {
            Happened::Binary(id, _) => {
                assert_eq!(id, flooder_id);
                before += 1;
            }
            Happened::Text(id, text) => {
                assert_eq!((id, text.as_str()), (other_id, "me too"));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(before <= 2000, "{before}");
    // Reading resumes once there is room.
    wait_until("more", || {
        let _ = server.poll();
        server.inner.statistics().bytes_in > last + 5_000_000
    });
    stop.store(true, Ordering::Relaxed);
    thread.join().expect("no failure");
}

#[test]
fn all_together_have_a_limit_and_each_is_heard() {
    let mut server = Server::start(WebSocketOptions {
        max_queued: 100_000,
        ..WebSocketOptions::default()
    });
    let mut peers: Vec<_> = (0..20).map(|_| server.join().0).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let bytes: Vec<u8> = (0..100).flat_map(|_| frame(BINARY, &[0; 1000])).collect();
    let threads: Vec<_> = peers
        .drain(..)
        .map(|peer| flood(peer, bytes.clone(), stop.clone()))
        .collect();
    wait_until("everybody", || server.inner.queued_events() == 20);
    sleep(Duration::from_millis(300));
    // Each client may exceed the limit by one read at most.
    let queued = server.inner.statistics().bytes_in;
    assert!(queued < 100_000 + 20 * 70_000, "{queued}");
    let mut heard = std::collections::HashSet::new();
    wait_until("everybody again", || {
        if let Some(Happened::Binary(id, _)) = server.poll() {
            heard.insert(id);
        }
        heard.len() == 20 && server.inner.statistics().bytes_in > 5_000_000
    });
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("no failure");
    }
}

#[test]
fn pings_of_a_client_that_reads_no_pongs_are_bounded() {
    let mut server = Server::start(WebSocketOptions::default());
    let (flooder, _) = server.join();
    let (mut other, _) = server.join();
    let stop = Arc::new(AtomicBool::new(false));
    let bytes: Vec<u8> = (0..1000).flat_map(|_| frame(PING, &[0; 125])).collect();
    let thread = flood(flooder, bytes, stop.clone());
    sleep(Duration::from_millis(500));
    other.frame(TEXT, b"me too");
    assert_eq!(server.text(), "me too");
    sleep(Duration::from_millis(500));
    stop.store(true, Ordering::Relaxed);
    // Only as much as the system's buffers hold in both directions went through: a few MiB.
    let sent = thread.join().expect("no failure");
    assert!(sent < 30_000_000, "{sent}");
}

/// Messages of one client that are not taken are limited in number too.
#[test]
fn a_number_of_messages_pauses_the_reading() {
    let mut server = Server::start(WebSocketOptions {
        max_queued_messages: 10,
        ..WebSocketOptions::default()
    });
    let (mut peer, _) = server.join();
    let calm = |server: &Server| {
        let mut before = u64::MAX;
        wait_until("nothing more is read", || {
            let now = server.inner.statistics().messages_in;
            sleep(Duration::from_millis(20));
            now > 0 && std::mem::replace(&mut before, now) == now
        });
        server.inner.statistics().messages_in
    };
    for n in 0..2000_u32 {
        peer.frame(0x82, &n.to_le_bytes().repeat(100));
    }
    let read = calm(&server);
    assert!((10..2000).contains(&read), "{read}");
    for n in 0..2000_u32 {
        assert_eq!(server.binary(), n.to_le_bytes().repeat(100));
    }
}
