//! Messages to clients that are named one by one.

mod websocket_common;

use async_sockets_net::websocket::options::WebSocketOptions;
use async_sockets_net::websocket_server::{ClientError, Multicast, WebSocketServer};
use websocket_common::{BINARY, Server, TEXT};

fn admit(server: &mut WebSocketServer, multicast: &mut Multicast, client: i64) -> Result<(), ClientError> {
    let recipient = server.recipient(client).expect("a client");
    server.admit_to(multicast, &recipient)
}

fn send(server: &mut WebSocketServer, payload: &[u8], to: impl IntoIterator<Item = i64>) {
    let mut multicast = Multicast::new(payload);
    for client in to {
        admit(server, &mut multicast, client).expect("room");
    }
    server.send_multicast(multicast);
}

/// The order holds with what else is sent, for one recipient, for few, many and all, which leave in different ways.
#[test]
fn those_who_were_named_get_it_in_order() {
    let mut server = Server::start(WebSocketOptions::default());
    let mut peers: Vec<_> = (0..20).map(|_| server.join()).collect();
    for n in 0..100_u8 {
        send(&mut server.inner, &[n, 0], 1..=20);
        send(&mut server.inner, &[n, 1], [3]);
        server.inner.send_text(3, "between").expect("room");
        send(&mut server.inner, &[n, 2], 1..=5);
        send(&mut server.inner, &[n, 3], 2..=20);
    }
    for (peer, id) in &mut peers {
        for n in 0..100_u8 {
            assert_eq!(peer.next_frame(), (BINARY, vec![n, 0]));
            if *id == 3 {
                assert_eq!(peer.next_frame(), (BINARY, vec![n, 1]));
                assert_eq!(peer.next_frame(), (TEXT, b"between".to_vec()));
            }
            if *id <= 5 {
                assert_eq!(peer.next_frame(), (BINARY, vec![n, 2]));
            }
            if *id >= 2 {
                assert_eq!(peer.next_frame(), (BINARY, vec![n, 3]));
            }
        }
    }
}

#[test]
fn one_who_comes_in_the_place_of_another_gets_nothing() {
    let mut server = Server::start(WebSocketOptions::default());
    let mut peers: Vec<_> = (0..20).map(|_| server.join().0).collect();
    let mut multicast = Multicast::new(b"for the twenty");
    for client in 1..=20 {
        admit(&mut server.inner, &mut multicast, client).expect("room");
    }
    drop(peers.pop());
    server.disconnected();
    let (mut late, _) = server.join();
    server.inner.send_multicast(multicast);
    send(&mut server.inner, b"end", (1..=19).chain([21]));
    assert_eq!(late.next_frame(), (BINARY, b"end".to_vec()));
    assert_eq!(peers[0].next_frame(), (BINARY, b"for the twenty".to_vec()));
    assert_eq!(peers[0].next_frame(), (BINARY, b"end".to_vec()));
}

#[test]
fn it_counts_as_pending_from_the_first_moment() {
    let mut server = Server::start(WebSocketOptions {
        max_pending: 1000,
        ..WebSocketOptions::default()
    });
    let (_peer, id) = server.join();
    let mut multicast = Multicast::new(&[0; 900]);
    assert_eq!(multicast.payload(), [0; 900]);
    assert!(server.inner.recipient(77).is_none());
    assert_eq!(admit(&mut server.inner, &mut multicast, id), Ok(()));
    assert_eq!(server.inner.client_pending_bytes(id), Some(904));
    assert_eq!(server.inner.send_binary(id, &[0; 100]), Err(ClientError::Full(id)));
    let mut second = Multicast::new(&[0; 100]);
    assert_eq!(admit(&mut server.inner, &mut second, id), Err(ClientError::Full(id)));
}

#[test]
fn one_who_has_left_is_refused() {
    let mut server = Server::start(WebSocketOptions::default());
    let (peer, id) = server.join();
    let recipient = server.inner.recipient(id).expect("a client");
    drop(peer);
    server.disconnected();
    let mut multicast = Multicast::new(b"x");
    assert_eq!(
        server.inner.admit_to(&mut multicast, &recipient),
        Err(ClientError::Closing(id))
    );
    server.inner.send_multicast(multicast);
    assert_eq!(server.inner.statistics().messages_out, 0);
}

#[test]
fn nobody_is_a_fine_audience() {
    let mut server = Server::start(WebSocketOptions::default());
    send(&mut server.inner, b"x", []);
    assert_eq!(server.inner.statistics().messages_out, 0);
}
