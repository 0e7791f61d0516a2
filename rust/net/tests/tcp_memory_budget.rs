//! All clients of a listener together hold no more memory than allowed, and those that hold the most are disconnected.

mod common;

use std::io::{ErrorKind, Write};
use std::thread;

use async_sockets_net::error::SendError;
use async_sockets_net::event::{CloseReason, TcpEvent};
use async_sockets_net::options::{ListenOptions, TcpOptions};
use async_sockets_net::tcp_listener::TcpListener;
use common::{Client, accept, bind_address, listen_options, std_connect, wait_until};

const MIB: usize = 1024 * 1024;

fn listen_within(max_total: usize, tcp: TcpOptions) -> TcpListener {
    let options = ListenOptions {
        max_total,
        tcp,
        ..listen_options(None)
    };
    TcpListener::start(bind_address("127.0.0.1", 0), options).expect("a free port")
}

/// Takes events until the last one, and returns it.
fn end(client: &Client) -> (CloseReason, Option<std::io::Error>) {
    common::wait_for("the end", || {
        let mailbox = client.tcp.mailbox();
        while let Some(event) = mailbox.next() {
            match event {
                TcpEvent::Data(bytes) => mailbox.release(bytes.len()),
                TcpEvent::Closed(reason, error) => return Some((reason, error)),
                _ => {}
            }
        }
        None
    })
}

fn is_shed((reason, error): (CloseReason, Option<std::io::Error>)) {
    assert_eq!(reason, CloseReason::Error);
    let error = error.expect("words");
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    assert!(error.to_string().contains("memory"), "{error}");
}

#[test]
fn whoever_has_sent_most_that_nobody_takes_goes_and_the_others_stay() {
    let listener = listen_within(4 * MIB, TcpOptions::default());
    let mut small_peer = std_connect(listener.local_address().port());
    let (mut small, _) = accept(&listener);
    small_peer.write_all(&[7; 10_000]).expect("open");
    let mut large_peer = std_connect(listener.local_address().port());
    let (large, _) = accept(&listener);
    // A receive that needs more than the normal buffer limit.
    large.tcp.mailbox().set_max_bytes(100 * MIB);
    thread::scope(|scope| {
        scope.spawn(|| {
            // The connection ends with a reset.
            while large_peer.write_all(&[0; 64 * 1024]).is_ok() {}
        });
        wait_until("the limit", || large.tcp.mailbox().bytes() > 3 * MIB);
        is_shed(end(&large));
    });
    assert_eq!(small.recv(10_000), [7; 10_000]);
    small.tcp.send(b"fine").expect("room");
}

#[test]
fn a_receive_larger_than_the_buffer_fits_in_the_budget() {
    let listener = listen_within(32 * MIB, TcpOptions::default());
    let mut peer = std_connect(listener.local_address().port());
    let (client, _) = accept(&listener);
    client.tcp.mailbox().set_max_bytes(20 * MIB);
    thread::scope(|scope| {
        scope.spawn(|| peer.write_all(&vec![1; 20 * MIB]).expect("a peer that reads"));
        wait_until("all of it", || client.tcp.mailbox().bytes() == 20 * MIB);
    });
}

#[test]
fn whoever_reads_nothing_goes_and_the_others_stay() {
    let listener = listen_within(4 * MIB, TcpOptions::default());
    let port = listener.local_address().port();
    let mut reader_peer = std_connect(port);
    let (mut reader, _) = accept(&listener);
    let silent: Vec<_> = (0..3)
        .map(|_| {
            let peer = std_connect(port);
            (accept(&listener).0, peer)
        })
        .collect();
    let block = vec![0; 64 * 1024];
    wait_until("somebody to go", || {
        silent
            .iter()
            .filter(|(client, _)| client.tcp.send(&block) == Err(SendError::Closed))
            .count()
            > 0
    });
    let gone = silent
        .iter()
        .find(|(client, _)| client.tcp.send(b"") == Err(SendError::Closed))
        .expect("somebody");
    is_shed(end(&gone.0));
    reader_peer.write_all(b"here").expect("open");
    assert_eq!(reader.recv(4), b"here");
}

#[test]
fn what_was_taken_counts_no_more() {
    let listener = listen_within(2 * MIB, TcpOptions::default());
    let mut peer = std_connect(listener.local_address().port());
    let (mut client, _) = accept(&listener);
    let sent = vec![5; 256 * 1024];
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..40 {
                peer.write_all(&sent).expect("a peer that reads");
            }
        });
        for _ in 0..40 {
            assert_eq!(client.recv(sent.len()), sent);
        }
    });
    // A connection that ends gives back what it held.
    drop(client);
    for _ in 0..10 {
        let mut peer = std_connect(listener.local_address().port());
        let (client, _) = accept(&listener);
        peer.write_all(&[0; 512 * 1024]).expect("open");
        wait_until("bytes", || client.tcp.mailbox().bytes() == 512 * 1024);
        peer.write_all(b"x").expect("not shed");
    }
}
