//! The runtime stops in bounded time, loses nothing that was sent, notifies every socket, and starts again on next use.
//! Stopping affects the whole process, so these tests take turns.

mod common;

use std::io::{ErrorKind, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_sockets_net::event::{CloseReason, TcpEvent};
use async_sockets_net::options::TcpOptions;
use async_sockets_net::runtime;
use common::{
    Client, Random, accept, assert_same, listen, next, pair, read_to_end, std_connect, std_listener, wait_until,
};

/// The most by which [`runtime::stop`] may exceed its grace: its limit for the threads, plus a margin for a busy
/// machine.
const OVER: Duration = Duration::from_secs(4);

fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stops the runtime, and returns how long that took.
fn stop(grace: Duration) -> Duration {
    let start = Instant::now();
    runtime::stop(grace);
    let took = start.elapsed();
    assert!(!runtime::is_running());
    assert!(took < grace + OVER, "stopping took {took:?}");
    took
}

#[cfg(target_os = "linux")]
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task")
        .expect("the threads of this process")
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("async_sockets"))
        .count()
}

#[test]
fn what_was_sent_before_is_flushed() {
    let _turn = turn();
    let (client, mut peer) = pair(&TcpOptions::default());
    let sent = Random::new(1).bytes(8 * 1024 * 1024);
    client.tcp.send(&sent).expect("room");
    drop(client);
    let reading = std::thread::spawn(move || {
        // Starts late, so that stopping has to wait.
        std::thread::sleep(Duration::from_millis(300));
        read_to_end(&mut peer)
    });
    let took = stop(Duration::from_secs(10));
    assert!(
        took < Duration::from_secs(5),
        "waited {took:?} with nothing left to send"
    );
    assert_same(&reading.join().expect("a good end"), &sent);
}

#[test]
fn a_peer_that_never_reads_cannot_hold_it_up() {
    let _turn = turn();
    let (client, _peer) = pair(&TcpOptions::default());
    client.tcp.send(&vec![0; 16 * 1024 * 1024]).expect("room");
    drop(client);
    let took = stop(Duration::from_millis(300));
    assert!(took >= Duration::from_millis(300), "gave up after {took:?}");
}

#[test]
fn without_anything_to_send_it_stops_at_once() {
    let _turn = turn();
    let listener = listen("127.0.0.1", 0, None);
    let pairs: Vec<_> = (0..20)
        .map(|_| {
            let peer = std_connect(listener.local_address().port());
            (accept(&listener).0, peer)
        })
        .collect();
    let peers: Vec<_> = pairs.into_iter().map(|(_, peer)| peer).collect();
    drop(listener);
    let took = stop(Duration::from_secs(20));
    assert!(took < OVER, "{took:?}");
    for mut peer in peers {
        assert_eq!(read_to_end(&mut peer), b"");
    }
    #[cfg(target_os = "linux")]
    assert_eq!(threads(), 0);
}

#[test]
fn every_open_socket_learns_of_it() {
    let _turn = turn();
    let listener = listen("127.0.0.1", 0, None);
    let port = listener.local_address().port();
    let mut clients: Vec<_> = (0..20).map(|_| Client::connect(port, &TcpOptions::default())).collect();
    clients.extend((0..20).map(|_| accept(&listener).0));
    stop(Duration::ZERO);
    for client in &mut clients {
        // It is undefined whether a socket or its peer is dropped first: the second may see the first's end.
        let mut event = client.event();
        if matches!(event, TcpEvent::PeerClosed) {
            event = client.event();
        }
        assert!(
            matches!(event, TcpEvent::Closed(CloseReason::Error, Some(_))),
            "{event:?}"
        );
        assert_eq!(client.tcp.pending_send_bytes(), 0);
        assert!(client.tcp.send(b"late").is_err());
        assert!(client.tcp.mailbox().next().is_none());
    }
    // The listener's port is free, and its handle does no harm.
    drop(listen("127.0.0.1", port, None));
    drop(listener);
}

#[test]
fn a_pending_lookup_or_connect_learns_of_it() {
    let _turn = turn();
    let lookup = Client::start("no-such-host.invalid", 80, &TcpOptions::default());
    // Nothing accepts: the backlog is soon full, and on some systems the last attempts stay unanswered.
    let (_listener, port) = std_listener();
    let connects: Vec<_> = (0..300)
        .map(|_| Client::start("127.0.0.1", port, &TcpOptions::default()))
        .collect();
    stop(Duration::ZERO);
    for client in std::iter::once(lookup).chain(connects) {
        let event = match next(client.tcp.mailbox()) {
            TcpEvent::Connected(_) => next(client.tcp.mailbox()),
            other => other,
        };
        assert!(
            matches!(
                event,
                TcpEvent::Closed(CloseReason::Error, Some(_)) | TcpEvent::ConnectFailed(_)
            ),
            "{event:?}"
        );
        assert_eq!(client.tcp.pending_send_bytes(), 0);
    }
}

#[test]
fn a_dropped_handle_with_a_pending_lookup_or_connect_does_not_hold_it_up() {
    let _turn = turn();
    let (_listener, port) = std_listener();
    drop(Client::start("no-such-host.invalid", 80, &TcpOptions::default()));
    for _ in 0..300 {
        drop(Client::start("127.0.0.1", port, &TcpOptions::default()));
    }
    // The established connections have sent nothing and only send their FIN.
    let took = stop(Duration::from_secs(20));
    assert!(took < OVER, "{took:?}");
}

#[test]
fn it_starts_again_twenty_times_with_traffic() {
    let _turn = turn();
    stop(Duration::ZERO);
    for round in 0..20u64 {
        assert!(!runtime::is_running());
        let listener = listen("127.0.0.1", 0, None);
        assert!(runtime::is_running());
        let mut client = Client::connect(listener.local_address().port(), &TcpOptions::default());
        let (mut accepted, _) = accept(&listener);
        let sent = Random::new(round).bytes(200_000);
        client.tcp.send(&sent).expect("room");
        assert_same(&accepted.recv(sent.len()), &sent);
        accepted.tcp.send(&sent).expect("room");
        if round % 2 == 0 {
            assert_same(&client.recv(sent.len()), &sent);
            drop((client, accepted, listener));
            stop(Duration::from_secs(10));
        } else {
            // In the middle of traffic, with every handle still held.
            stop(Duration::ZERO);
            accepted.closed();
            client.closed();
        }
        // The system lists a thread for a moment after it was joined.
        #[cfg(target_os = "linux")]
        common::wait_for("no thread", || (threads() == 0).then_some(()));
    }
}

#[test]
fn stopping_what_does_not_run_is_nothing() {
    let _turn = turn();
    stop(Duration::ZERO);
    assert!(stop(Duration::from_secs(20)) < Duration::from_secs(1));
}

#[test]
fn a_stop_in_the_middle_of_a_flood_ends() {
    let _turn = turn();
    let (mut client, mut peer) = pair(&TcpOptions::default());
    let flooding = std::thread::spawn(move || {
        use std::io::Write;
        let block = vec![0; 100_000];
        while peer.write_all(&block).is_ok() {}
        peer
    });
    wait_until("a full mailbox", || client.tcp.mailbox().bytes() >= 1024 * 1024);
    stop(Duration::ZERO);
    assert_eq!(client.closed().0, CloseReason::Error);
    let mut peer = flooding.join().expect("no panic");
    match peer.read(&mut [0]) {
        Ok(0) => {}
        Err(error) => assert!(matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted
        )),
        Ok(_) => panic!("bytes from nowhere"),
    }
}
