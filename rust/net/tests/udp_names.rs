//! Names are looked up in the background, and datagrams to a name stay in order.

mod udp_common;

use std::io::ErrorKind;

use async_sockets_net::error::DatagramLost;
use async_sockets_net::event::UdpEvent;
use udp_common::{bind, event, lost, port, recv, std_recv, std_socket, to, to_address};

/// Not the spelling that is answered without a lookup.
const NAME: &str = "LocalHost";

#[test]
fn what_goes_to_a_name_arrives_in_order() {
    let (ours, peer) = (bind("127.0.0.1"), std_socket());
    let peer_port = peer.local_addr().expect("an address").port();
    for round in 0..3_u8 {
        for n in 0..50 {
            ours.send_to(&[round, n], to(NAME, peer_port)).expect("room");
        }
        for n in 0..50 {
            assert_eq!(std_recv(&peer).0, [round, n]);
        }
    }
}

#[test]
fn a_name_that_is_being_looked_up_holds_up_no_other_datagram() {
    let (ours, peer) = (bind("127.0.0.1"), std_socket());
    ours.send_to(b"lost", to("no-such-host.invalid", 9)).expect("room");
    ours.send_to(b"sent", to_address(peer.local_addr().expect("an address")))
        .expect("room");
    assert_eq!(std_recv(&peer).0, b"sent");
    let lost = lost(&ours);
    assert!(matches!(lost.error, DatagramLost::Resolve { .. }), "{}", lost.error);
    assert_eq!((&lost.data[..], &lost.host[..]), (&b"lost"[..], "no-such-host.invalid"));
}

#[test]
fn a_name_can_be_connected_to_and_sent_to_before_it_is_known() {
    let (mut ours, peer) = (bind("127.0.0.1"), bind("127.0.0.1"));
    ours.connect(to(NAME, port(&peer))).expect("open");
    for n in 0..10 {
        ours.send(&[n]).expect("room");
    }
    match event(&ours) {
        UdpEvent::Connected(endpoints) => assert_eq!(endpoints.peer, peer.local_address()),
        other => panic!("{other:?}"),
    }
    for n in 0..10 {
        assert_eq!(recv(&peer).data[..], [n]);
    }
}

#[test]
fn a_socket_that_cannot_be_connected_loses_what_waited_and_lives_on() {
    let (mut ours, peer) = (bind("127.0.0.1"), std_socket());
    ours.connect(to("other-such-host.invalid", 9)).expect("open");
    ours.send_to_awaited(b"lost", None, 7).expect("room");
    assert!(matches!(event(&ours), UdpEvent::ConnectFailed(_)));
    let lost = lost(&ours);
    assert!(matches!(lost.error, DatagramLost::NotConnected));
    assert_eq!(lost.token, Some(7));
    ours.connect(to_address(peer.local_addr().expect("an address")))
        .expect("open");
    ours.send(b"sent").expect("room");
    assert_eq!(std_recv(&peer).0, b"sent");
}

#[test]
fn a_name_without_an_address_of_the_family_is_a_failure() {
    let ours = bind("::1");
    ours.send_to(b"lost", to("127.0.0.1", 9)).expect("room");
    let lost = lost(&ours);
    assert!(matches!(lost.error, DatagramLost::Io(error) if error.kind() == ErrorKind::AddrNotAvailable));
}
