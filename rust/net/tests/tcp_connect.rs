//! Connecting: names, both address families, and every kind of failure.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};
use std::time::{Duration, Instant};

use async_sockets_net::error::{ConnectError, SendError};
use async_sockets_net::event::{CloseReason, TcpEvent};
use async_sockets_net::options::TcpOptions;
use common::{Client, accept, listen, next, read_to_end, std_listener};

fn with_timeout(timeout: Option<Duration>) -> TcpOptions {
    TcpOptions {
        connect_timeout: timeout,
        ..TcpOptions::default()
    }
}

#[track_caller]
fn failure(client: &Client) -> ConnectError {
    match next(client.tcp.mailbox()) {
        TcpEvent::ConnectFailed(error) => *error,
        other => panic!("{other:?}"),
    }
}

/// After the last event, a client accepts no data and holds none.
fn assert_over(client: &Client) {
    assert_eq!(client.tcp.pending_send_bytes(), 0);
    assert_eq!(client.tcp.send(b"late"), Err(SendError::Closed));
    assert!(client.tcp.mailbox().next().is_none(), "something after the last event");
}

/// A port of 127.0.0.1 on which nothing listens; it stays reserved for as long as the socket lives.
fn dead_port() -> (socket2::Socket, u16) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&address.into()).expect("a free port");
    let bound = socket.local_addr().expect("an address");
    let port = bound.as_socket().expect("an IP address").port();
    (socket, port)
}

#[test]
fn both_ends_know_both_addresses() {
    let listener = listen("127.0.0.1", 0, None);
    let client = Client::start("127.0.0.1", listener.local_address().port(), &TcpOptions::default());
    let ours = client.connected();
    let (_accepted, theirs) = accept(&listener);
    assert_eq!(ours.peer, listener.local_address());
    assert_eq!((ours.local, ours.peer), (theirs.peer, theirs.local));
}

#[test]
fn a_refused_connection_fails() {
    for timeout in [None, Some(Duration::from_secs(20))] {
        let (_socket, port) = dead_port();
        let client = Client::start("127.0.0.1", port, &with_timeout(timeout));
        client.tcp.send(b"never sent").ok();
        client.tcp.flush(1);
        match failure(&client) {
            ConnectError::Connect { host, port: at, source } => {
                assert_eq!((host.as_str(), at), ("127.0.0.1", port));
                assert_eq!(source.kind(), ErrorKind::ConnectionRefused);
            }
            other => panic!("{other}"),
        }
        assert_over(&client);
    }
}

#[test]
fn a_name_without_address_fails() {
    let client = Client::start("no-such-host.invalid", 80, &with_timeout(Some(Duration::from_secs(25))));
    client.tcp.send(b"never sent").ok();
    match failure(&client) {
        // A resolver that does not answer runs into the timeout.
        ConnectError::Resolve { host, .. } | ConnectError::TimedOut { host, .. } => {
            assert_eq!(host, "no-such-host.invalid");
        }
        other => panic!("{other}"),
    }
    assert_over(&client);
}

#[test]
fn a_lookup_can_be_given_up() {
    let mut client = Client::start("no-such-host.invalid", 80, &TcpOptions::default());
    client.tcp.close();
    match client.event() {
        // The lookup may be faster.
        TcpEvent::Closed(CloseReason::ByHost, None) | TcpEvent::ConnectFailed(_) => {}
        other => panic!("{other:?}"),
    }
    assert_over(&client);
}

/// A listener with a full backlog that never accepts: Linux leaves further connections unanswered.
#[cfg(target_os = "linux")]
struct Silent {
    listener: socket2::Socket,
    _queued: Vec<socket2::Socket>,
}

#[cfg(target_os = "linux")]
impl Silent {
    fn new() -> Self {
        let (listener, _) = dead_port();
        listener.listen(0).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let queued = (0..4)
            .map(|_| {
                let socket =
                    socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
                socket.set_nonblocking(true).expect("an option");
                let _ = socket.connect(&address);
                socket
            })
            .collect();
        Self {
            listener,
            _queued: queued,
        }
    }

    fn port(&self) -> u16 {
        let address = self.listener.local_addr().expect("an address");
        address.as_socket().expect("an IP address").port()
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_silent_host_runs_into_the_timeout() {
    let silent = Silent::new();
    let start = Instant::now();
    let client = Client::start(
        "127.0.0.1",
        silent.port(),
        &with_timeout(Some(Duration::from_millis(300))),
    );
    client.tcp.send(b"never sent").expect("room");
    match failure(&client) {
        ConnectError::TimedOut { seconds, .. } => assert!((seconds - 0.3).abs() < 1e-9),
        other => panic!("{other}"),
    }
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_over(&client);
}

#[test]
#[cfg(target_os = "linux")]
fn a_pending_connect_can_be_given_up() {
    let silent = Silent::new();
    for abort in [false, true] {
        let mut client = Client::start("127.0.0.1", silent.port(), &with_timeout(None));
        if abort {
            client.tcp.send(b"never sent").expect("room");
            client.tcp.flush(1);
            client.tcp.abort();
        } else {
            client.tcp.close();
        }
        let start = Instant::now();
        assert!(matches!(client.closed(), (CloseReason::ByHost, None)));
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_over(&client);
    }
}

#[test]
fn what_was_sent_before_a_close_while_connecting_goes_out() {
    let (listener, port) = std_listener();
    for drop_handle in [false, true] {
        let mut client = Client::start("127.0.0.1", port, &TcpOptions::default());
        client.tcp.send(b"hello").expect("room");
        client.tcp.flush(1);
        if drop_handle {
            drop(client);
        } else {
            client.tcp.close();
            assert!(matches!(client.event(), TcpEvent::Connected(_)));
            assert!(matches!(client.event(), TcpEvent::Flushed(1)));
            assert!(matches!(client.closed(), (CloseReason::ByHost, None)));
        }
        let (mut peer, _) = listener.accept().expect("a connection");
        assert_eq!(read_to_end(&mut peer), b"hello");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_close_while_connecting_with_bytes_to_send_ends_with_the_attempt() {
    let silent = Silent::new();
    let limit = Duration::from_millis(200);
    let mut client = Client::start("127.0.0.1", silent.port(), &with_timeout(Some(limit)));
    client.tcp.send(b"never sent").expect("room");
    client.tcp.close();
    assert!(matches!(client.event(), TcpEvent::ConnectFailed(_)));
    assert_over(&client);
    // An abort after the close takes effect at once.
    let mut client = Client::start("127.0.0.1", silent.port(), &with_timeout(None));
    client.tcp.send(b"never sent").expect("room");
    client.tcp.close();
    client.tcp.abort();
    assert!(matches!(client.closed(), (CloseReason::ByHost, None)));
}

#[test]
fn close_right_after_the_start_ends_in_either_order() {
    let (_listener, port) = std_listener();
    for abort in [false, true] {
        for _ in 0..50 {
            let mut client = Client::start("127.0.0.1", port, &TcpOptions::default());
            if abort {
                client.tcp.abort();
            } else {
                client.tcp.close();
            }
            let first = client.event();
            let last = match first {
                TcpEvent::Connected(_) => client.event(),
                other => other,
            };
            assert!(matches!(last, TcpEvent::Closed(CloseReason::ByHost, None)), "{last:?}");
            assert_over(&client);
        }
    }
}

#[test]
fn ipv6_works() {
    let Ok(listener) = StdListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
        return eprintln!("no IPv6 here");
    };
    let port = listener.local_addr().expect("an address").port();
    for host in ["::1", "[::1]"] {
        let mut client = Client::start(host, port, &TcpOptions::default());
        assert_eq!(client.connected().peer, SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
        let (mut peer, _) = listener.accept().expect("a connection");
        peer.write_all(b"six").expect("a peer that reads");
        assert_eq!(client.recv(3), b"six");
    }
}

#[test]
fn a_name_reaches_a_listener_of_either_family() {
    // The system decides which families `localhost` has; the listener is bound to one of them at a time.
    let addresses: Vec<_> = std::net::ToSocketAddrs::to_socket_addrs(&("localhost", 0))
        .expect("localhost")
        .collect();
    for address in addresses {
        let listener = StdListener::bind(address).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let start = Instant::now();
        let client = Client::start("localhost", port, &TcpOptions::default());
        assert_eq!(client.connected().peer, SocketAddr::from((address.ip(), port)));
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn the_star_takes_both_families_and_shows_ipv4_as_ipv4() {
    let listener = listen("*", 0, None);
    let port = listener.local_address().port();
    let mut client = Client::start("127.0.0.1", port, &TcpOptions::default());
    let ours = client.connected();
    let (accepted, theirs) = accept(&listener);
    assert_eq!(theirs.peer, ours.local);
    assert_eq!(theirs.local, SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    accepted.tcp.send(b"four").expect("room");
    assert_eq!(client.recv(4), b"four");

    if listener.local_address().is_ipv6() {
        let client = Client::start("::1", port, &TcpOptions::default());
        let ours = client.connected();
        let (_accepted, theirs) = accept(&listener);
        assert_eq!(theirs.peer, ours.local);
        assert_eq!(theirs.peer.ip(), Ipv6Addr::LOCALHOST);
    }
}

#[test]
fn a_named_ipv6_address_does_not_take_ipv4() {
    if StdListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return eprintln!("no IPv6 here");
    }
    let listener = listen("::", 0, None);
    let client = Client::start("127.0.0.1", listener.local_address().port(), &TcpOptions::default());
    assert!(matches!(failure(&client), ConnectError::Connect { .. }));
}

#[test]
fn many_connect_at_once() {
    let (listener, port) = std_listener();
    let clients: Vec<_> = (0..100)
        .map(|_| Client::start("127.0.0.1", port, &TcpOptions::default()))
        .collect();
    let peers: Vec<_> = clients
        .iter()
        .map(|_| listener.accept().expect("a connection").0)
        .collect();
    for client in &clients {
        client.connected();
        client.tcp.close();
    }
    for mut peer in peers {
        assert_eq!(peer.read(&mut [0]).expect("a good end"), 0);
    }
}
