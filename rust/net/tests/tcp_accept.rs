//! Accepting: every connection, up to the limit, and on any address that can be bound.

mod common;

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::time::{Duration, Instant};

use async_sockets_net::error::BindError;
use async_sockets_net::options::TcpOptions;
use async_sockets_net::tcp_listener::{ListenerEvent, TcpListener};
use common::{
    Client, LIMIT, accept, bind_address, listen, listen_options, next, read_to_end, settled, std_connect, std_listener,
    wait_until,
};

fn start_error(host: &str, port: u16) -> BindError {
    TcpListener::start(bind_address(host, port), listen_options(None)).expect_err("no listener")
}

#[test]
fn port_0_picks_a_free_port() {
    let (first, second) = (listen("127.0.0.1", 0, None), listen("127.0.0.1", 0, None));
    assert_ne!(first.local_address().port(), 0);
    assert_ne!(first.local_address(), second.local_address());
}

#[test]
fn a_port_in_use_is_said_at_once() {
    let (_other, port) = std_listener();
    let start = Instant::now();
    assert!(matches!(start_error("127.0.0.1", port), BindError::InUse(p) if p == port));
    let ours = listen("127.0.0.1", 0, None);
    let port = ours.local_address().port();
    assert!(matches!(start_error("127.0.0.1", port), BindError::InUse(p) if p == port));
    assert!(start.elapsed() < Duration::from_secs(1));
    // The first listener is unharmed.
    let _client = std_connect(port);
    accept(&ours);
}

#[test]
#[cfg(target_os = "linux")] // On other systems, an address and `*` can share a port.
fn the_star_finds_a_port_in_use_on_either_family() {
    for taken in ["127.0.0.1", "0.0.0.0", "*", "::1"] {
        let Ok(first) = TcpListener::start(bind_address(taken, 0), listen_options(None)) else {
            eprintln!("no {taken} here");
            continue;
        };
        let port = first.local_address().port();
        assert!(
            matches!(start_error("*", port), BindError::InUse(p) if p == port),
            "{taken}"
        );
    }
}

#[test]
fn an_address_of_another_machine_is_refused() {
    // TEST-NET-1 (RFC 5737): not assigned to any machine.
    match start_error("192.0.2.1", 0) {
        BindError::NoSuchAddress(address) => assert_eq!(address, "192.0.2.1"),
        other => panic!("{other}"),
    }
}

#[test]
fn a_thousand_who_come_at_once_are_all_accepted() {
    #[cfg(unix)]
    let count = {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // Both ends are in this process.
        let wanted = maximum.unwrap_or(8192).min(8192);
        let limit = Rlimit {
            current: Some(wanted),
            maximum,
        };
        match setrlimit(Resource::Nofile, limit) {
            Ok(()) => (wanted as usize / 4).min(1000),
            Err(_) => 50,
        }
    };
    #[cfg(not(unix))]
    let count = 200;

    let listener = listen("127.0.0.1", 0, None);
    let port = listener.local_address().port();
    let mut clients: Vec<_> = (0..count)
        .map(|_| Client::start("127.0.0.1", port, &TcpOptions::default()))
        .collect();
    let mut accepted: Vec<_> = (0..count).map(|_| accept(&listener)).collect();
    let ours: HashSet<_> = clients.iter().map(|client| client.connected().local).collect();
    let theirs: HashSet<_> = accepted.iter().map(|(_, endpoints)| endpoints.peer).collect();
    assert_eq!((ours.len(), &ours), (count, &theirs));
    // Every one of them works.
    for (i, (peer, _)) in accepted.iter().enumerate() {
        peer.tcp.send(&(i as u32).to_le_bytes()).expect("room");
    }
    let got: HashSet<_> = clients.iter_mut().map(|client| client.recv(4)).collect();
    assert_eq!(got.len(), count);
    for (peer, _) in &mut accepted {
        peer.tcp.close();
        peer.closed();
    }
}

#[test]
fn more_than_the_queue_holds_wait_in_the_backlog() {
    let listener = listen("127.0.0.1", 0, None);
    let port = listener.local_address().port();
    let peers: Vec<_> = (0..300).map(|_| std_connect(port)).collect();
    let queued = settled(|| listener.mailbox().len());
    assert!(queued <= 256, "{queued} accepted connections are queued");
    for _ in &peers {
        accept(&listener);
    }
}

#[test]
fn max_clients_holds_and_goes_on_when_one_ends() {
    let listener = listen("127.0.0.1", 0, Some(3));
    let port = listener.local_address().port();
    let mut peers: Vec<_> = (0..6).map(|_| std_connect(port)).collect();
    let mut accepted: Vec<_> = (0..3).map(|_| accept(&listener).0).collect();
    assert_eq!(settled(|| listener.mailbox().len()), 0, "one too many");
    // A connection counts until it has ended, whichever side ends it and whoever holds the handle.
    let start = Instant::now();
    drop(accepted.remove(0));
    drop(peers.remove(0));
    accepted.push(accept(&listener).0);
    assert_eq!(settled(|| listener.mailbox().len()), 0, "one too many");
    peers.remove(0);
    accepted[0].tcp.abort();
    accepted.push(accept(&listener).0);
    assert!(start.elapsed() < LIMIT / 10);
    assert_eq!(settled(|| listener.mailbox().len()), 0, "one too many");
}

#[test]
fn max_clients_may_be_any_number() {
    let all = listen("127.0.0.1", 0, Some(usize::MAX));
    let _peer = std_connect(all.local_address().port());
    accept(&all);
    let none = listen("127.0.0.1", 0, Some(0));
    let _peer = std_connect(none.local_address().port());
    assert_eq!(settled(|| none.mailbox().len()), 0);
}

#[test]
fn connections_that_nobody_took_end_with_the_listener() {
    let listener = listen("127.0.0.1", 0, None);
    let mut peer = std_connect(listener.local_address().port());
    wait_until("an accepted connection", || listener.mailbox().len() == 1);
    drop(listener);
    assert_eq!(read_to_end(&mut peer), b"");
}

#[test]
fn connections_that_were_taken_outlive_the_listener() {
    let listener = listen("127.0.0.1", 0, None);
    let port = listener.local_address().port();
    let mut client = Client::connect(port, &TcpOptions::default());
    let (accepted, _) = accept(&listener);
    drop(listener);
    wait_until("a free port", || StdListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
    accepted.tcp.send(b"alive").expect("room");
    assert_eq!(client.recv(5), b"alive");
}

#[test]
fn peers_that_are_gone_before_they_are_accepted_do_no_harm() {
    let listener = listen("127.0.0.1", 0, None);
    let port = listener.local_address().port();
    for _ in 0..100 {
        common::reset(std_connect(port));
    }
    let peer = std_connect(port);
    let local = peer.local_addr().expect("an address");
    loop {
        match next(listener.mailbox()) {
            ListenerEvent::Accepted(_, endpoints) if endpoints.peer == local => break,
            ListenerEvent::Accepted(client, _) => assert!(matches!(
                Client::new(client).closed().0,
                async_sockets_net::event::CloseReason::Error
            )),
            other => panic!("{other:?}"),
        }
    }
}
