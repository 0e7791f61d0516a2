//! A connected socket receives only from its peer, learns that the peer is unreachable, and remains usable.

mod udp_common;

use async_sockets_net::event::UdpEvent;
use udp_common::{bind, event, recv, std_recv, std_socket, to_address, wait_for};

#[test]
fn others_are_not_heard() {
    let (mut ours, peer, other) = (bind("*"), std_socket(), std_socket());
    let peer_address = peer.local_addr().expect("an address");
    ours.connect(to_address(peer_address)).expect("open");
    let local = match event(&ours) {
        UdpEvent::Connected(endpoints) => {
            assert_eq!(endpoints.peer, peer_address);
            endpoints.local
        }
        other => panic!("{other:?}"),
    };
    // Loopback preserves order: if the first datagram were delivered, it would arrive first.
    other.send_to(b"other", local).expect("sent");
    peer.send_to(b"peer", local).expect("sent");
    assert_eq!(recv(&ours).data[..], b"peer"[..]);
    ours.send(b"back").expect("room");
    assert_eq!(std_recv(&peer).0, b"back");
}

#[test]
fn a_port_that_nobody_has_is_told_of_and_survived() {
    let mut ours = bind("127.0.0.1");
    let gone = std_socket();
    let address = gone.local_addr().expect("an address");
    drop(gone);
    ours.connect(to_address(address)).expect("open");
    assert!(matches!(event(&ours), UdpEvent::Connected(_)));
    ours.send(b"nobody").expect("room");
    match event(&ours) {
        UdpEvent::Unreachable(peer, _) => assert_eq!(peer, address),
        other => panic!("{other:?}"),
    }
    // A new socket binds the same port: ours reaches it, and no datagram is lost to the earlier refusal.
    let back = std::net::UdpSocket::bind(address).expect("the same port");
    back.set_read_timeout(Some(udp_common::LIMIT)).expect("a read timeout");
    for n in 0..20 {
        ours.send(&[n]).expect("room");
        assert_eq!(std_recv(&back).0, [n]);
    }
    back.send_to(b"hello", ours.local_address()).expect("sent");
    assert_eq!(recv(&ours).data[..], b"hello"[..]);
}

#[test]
fn a_flood_to_nobody_neither_ends_the_socket_nor_fills_the_mailbox() {
    let mut ours = bind("127.0.0.1");
    let gone = std_socket();
    let address = gone.local_addr().expect("an address");
    drop(gone);
    ours.connect(to_address(address)).expect("open");
    for _ in 0..20_000 {
        ours.send(b"nobody").expect("room");
    }
    wait_for("empty send queue", || (ours.pending_send_bytes() == 0).then_some(()));
    assert!(ours.mailbox().len() <= async_sockets_net::limits::MAX_UDP_EVENTS);
    let peer = std_socket();
    ours.connect(to_address(peer.local_addr().expect("an address")))
        .expect("open");
    ours.send(b"somebody").expect("room");
    assert_eq!(std_recv(&peer).0, b"somebody");
}
