//! Closing frees the port at once, sends what was queued before, and answers every pending operation.

mod udp_common;

use std::net::UdpSocket as StdSocket;
use std::num::NonZeroU8;

use async_sockets_net::address::BindAddress;
use async_sockets_net::error::{BindError, DatagramError, DatagramLost, MulticastError, SendError};
use async_sockets_net::event::UdpEvent;
use async_sockets_net::options::UdpOptions;
use async_sockets_net::udp_socket::{Interface, UdpSocket};
use udp_common::{bind, event, port, recv, std_recv, std_socket, to, to_address};

#[test]
fn a_port_can_be_had_again_at_once() {
    let mut ours = bind("*");
    let address = BindAddress::parse("*", port(&ours).into()).expect("a good address");
    let options = UdpOptions::default();
    assert!(matches!(UdpSocket::bind(address, &options), Err(BindError::InUse(taken)) if taken == port(&ours)));
    for _ in 0..50 {
        drop(ours);
        ours = UdpSocket::bind(address, &options).expect("the port again");
    }
    ours.close();
    assert!(matches!(event(&ours), UdpEvent::Closed(None)));
    // After the event, the port is free.
    StdSocket::bind(("0.0.0.0", port(&ours))).expect("the port again");
}

#[test]
fn what_was_sent_before_goes_out() {
    let peer = bind("127.0.0.1");
    let ours = bind("127.0.0.1");
    for n in 0..1000_u32 {
        ours.send_to(&n.to_le_bytes(), to_address(peer.local_address()))
            .expect("room");
    }
    drop(ours);
    for n in 0..1000_u32 {
        assert_eq!(recv(&peer).data[..], n.to_le_bytes());
    }
}

#[test]
fn a_name_is_waited_for_on_a_port_that_nobody_chose() {
    let peer = std_socket();
    let ours = bind("127.0.0.1");
    let peer_port = peer.local_addr().expect("an address").port();
    ours.send_to(b"last", to("lOCALHOST", peer_port)).expect("room");
    drop(ours);
    assert_eq!(std_recv(&peer).0, b"last");
}

#[test]
fn whatever_is_awaited_is_answered() {
    let free = port(&bind("127.0.0.1"));
    let address = BindAddress::parse("127.0.0.1", free.into()).expect("a good address");
    let mut ours = UdpSocket::bind(address, &UdpOptions::default()).expect("a free port");
    ours.send_to_awaited(b"late", Some(to("third-such-host.invalid", 9)), 1)
        .expect("room");
    ours.close();
    match event(&ours) {
        UdpEvent::SendFailed(lost) => {
            assert_eq!(lost.token, Some(1));
            // Or the lookup was faster.
            assert!(matches!(
                lost.error,
                DatagramLost::Closed | DatagramLost::Resolve { .. }
            ));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(event(&ours), UdpEvent::Closed(None)));
}

#[test]
fn a_closed_socket_takes_nothing() {
    let mut ours = bind("127.0.0.1");
    ours.close();
    ours.close();
    let closed = Err(DatagramError::Queue(SendError::Closed));
    assert!(ours.is_closed());
    assert_eq!(ours.send(b"x"), closed);
    assert_eq!(ours.send_to(b"x", to("127.0.0.1", 9)), closed);
    assert_eq!(ours.connect(to("127.0.0.1", 9)), Err(SendError::Closed));
    assert!(ours.set_ttl(NonZeroU8::MIN).is_err());
    assert!(matches!(
        ours.join_multicast_group("239.0.0.1", &Interface::Default),
        Err(MulticastError::Closed)
    ));
    assert!(matches!(event(&ours), UdpEvent::Closed(None)));
}

#[test]
fn what_was_received_before_a_close_can_be_taken_after_it() {
    let (mut ours, peer) = (bind("127.0.0.1"), std_socket());
    peer.send_to(b"kept", ours.local_address()).expect("sent");
    udp_common::wait_for("the datagram", || (ours.available_datagrams() == 1).then_some(()));
    ours.close();
    assert!(matches!(event(&ours), UdpEvent::Closed(None)));
    assert_eq!(recv(&ours).data[..], b"kept"[..]);
}
