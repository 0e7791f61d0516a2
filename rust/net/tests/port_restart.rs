//! A stopped server can bind its port again at once.

mod common;

use async_sockets_net::options::TcpOptions;
use async_sockets_net::tcp_listener::ListenerEvent;
use common::{Client, accept, listen, next, read_to_end, reset, std_connect};

#[test]
fn a_hundred_restarts_in_a_row() {
    for host in ["127.0.0.1", "*"] {
        let port = listen(host, 0, None).local_address().port();
        for _ in 0..100 {
            assert_eq!(listen(host, port, None).local_address().port(), port);
        }
    }
}

#[test]
fn a_hundred_restarts_with_connections_of_every_kind() {
    let mut listener = listen("127.0.0.1", 0, None);
    let port = listener.local_address().port();
    let mut alive = Vec::new();
    for round in 0..100 {
        // One connection that stays open, one that this side ended, and one that was never taken from the queue.
        let kept = std_connect(port);
        alive.push((accept(&listener).0, kept));
        let mut ended = std_connect(port);
        drop(accept(&listener));
        assert_eq!(read_to_end(&mut ended), b"");
        let _untaken = std_connect(port);
        if round % 10 == 0 {
            reset(std_connect(port));
        }
        drop(listener);
        listener = listen("127.0.0.1", port, None);
        if alive.len() > 20 {
            alive.remove(0);
        }
    }
    for (accepted, mut peer) in alive {
        accepted.tcp.send(b"alive").expect("room");
        accepted.tcp.close();
        assert_eq!(read_to_end(&mut peer), b"alive");
    }
}

#[test]
fn a_restarted_listener_accepts() {
    let port = listen("*", 0, None).local_address().port();
    for _ in 0..30 {
        let listener = listen("*", port, None);
        let mut client = Client::connect(port, &TcpOptions::default());
        let (accepted, _) = accept(&listener);
        accepted.tcp.send(b"new").expect("room");
        accepted.tcp.close();
        assert_eq!(client.recv_to_end(), b"new");
        if let Some(event) = listener.mailbox().next() {
            assert!(matches!(event, ListenerEvent::Accepted(..)), "{event:?}");
        }
    }
}

#[test]
fn two_threads_may_restart_two_servers() {
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let port = listen("127.0.0.1", 0, None).local_address().port();
                for _ in 0..100 {
                    let listener = listen("127.0.0.1", port, None);
                    let _peer = std_connect(port);
                    assert!(matches!(next(listener.mailbox()), ListenerEvent::Accepted(..)));
                }
            });
        }
    });
}
