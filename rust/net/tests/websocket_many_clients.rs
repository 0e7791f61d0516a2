//! A thousand clients connect, exchange messages, receive a broadcast each, and leave.

mod websocket_common;

use std::collections::HashMap;
use std::sync::mpsc;

use async_sockets_net::websocket::options::WebSocketOptions;
use async_sockets_net::websocket_server::Audience;
use websocket_common::{CLOSE, Happened, Peer, Server, TEXT, close_payload, frame};

const CLIENTS: usize = 1000;

#[test]
fn a_thousand_come_talk_and_go() {
    let mut server = Server::start(WebSocketOptions::default());
    let port = server.port();
    let (go, told) = mpsc::channel();
    let crowd = std::thread::spawn(move || {
        let mut peers: Vec<_> = (0..CLIENTS).map(|_| Peer::ask(port, "")).collect();
        for (n, peer) in peers.iter_mut().enumerate() {
            assert!(peer.head().starts_with("HTTP/1.1 101 "));
            peer.send(&frame(TEXT, format!("I am {n}").as_bytes()));
        }
        for (n, peer) in peers.iter_mut().enumerate() {
            assert_eq!(peer.next_frame(), (TEXT, format!("I am {n}").into_bytes()));
            assert_eq!(peer.next_frame(), (TEXT, b"to all".to_vec()));
        }
        told.recv().expect("a word");
        for (n, peer) in peers.iter_mut().enumerate() {
            let payload = close_payload(u16::try_from(4000 + n % 1000).expect("a code"), "");
            peer.send(&frame(CLOSE, &payload));
            assert_eq!(peer.next_frame(), (CLOSE, payload));
        }
    });
    let mut names = HashMap::new();
    while names.len() < CLIENTS {
        match server.next() {
            Happened::Connected(..) => {}
            Happened::Text(id, text) => {
                server.inner.send_text(id, &text).expect("room");
                let n: usize = text.strip_prefix("I am ").expect("a name").parse().expect("a number");
                names.insert(id, n);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(server.inner.client_ids(), (1..=CLIENTS as i64).collect::<Vec<_>>());
    assert_eq!(
        server.inner.broadcast_text("to all", Audience::All, &[]).queued,
        CLIENTS
    );
    go.send(()).expect("a listener");
    for _ in 0..CLIENTS {
        match server.next() {
            Happened::Disconnected(id, how) => {
                let n = names.remove(&id).expect("once each");
                assert_eq!((usize::from(how.code.get()), how.clean), (4000 + n % 1000, true));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(server.inner.client_count(), 0);
    let statistics = server.inner.statistics();
    assert_eq!((statistics.clients, statistics.connected), (0, CLIENTS as u64));
    crowd.join().expect("no failure");
}
