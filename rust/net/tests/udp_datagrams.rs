//! Datagrams arrive whole and with their sender, over IPv4, over IPv6 and on dual-stack sockets.

mod udp_common;

use async_sockets_net::address::host_text;
use async_sockets_net::error::{DatagramError, DatagramLost};
use async_sockets_net::event::UdpEvent;
use async_sockets_net::limits::MAX_DATAGRAM;
use udp_common::{bind, event, lost, port, recv, std_recv, std_socket, to, to_address};

#[test]
fn a_datagram_of_any_size_comes_back_whole() {
    let (ours, peer) = (bind("127.0.0.1"), std_socket());
    let peer_address = peer.local_addr().expect("an address");
    for size in [0, 1, 64, 1472, 9000, 65_506, MAX_DATAGRAM] {
        let data: Vec<u8> = (0..size).map(|n| (n * 7 % 251) as u8).collect();
        ours.send_to(&data, to_address(peer_address)).expect("room");
        let (got, from) = std_recv(&peer);
        assert!(got == data, "{size} bytes on the way out");
        peer.send_to(&got, from).expect("sent");
        let back = recv(&ours);
        assert!(back.data == data, "{size} bytes on the way back");
        assert_eq!(back.from, peer_address);
    }
}

#[test]
fn a_datagram_that_is_too_large_is_refused_at_once() {
    let ours = bind("127.0.0.1");
    let refused = ours.send_to(&vec![0; MAX_DATAGRAM + 1], to("127.0.0.1", 9));
    assert_eq!(refused, Err(DatagramError::TooLarge(MAX_DATAGRAM + 1)));
    assert_eq!(ours.pending_send_bytes(), 0);
}

#[test]
fn every_interface_is_ipv4_and_ipv6_together() {
    let both = bind("*");
    for host in ["127.0.0.1", "::1"] {
        let peer = bind(host);
        peer.send_to(b"ask", to(host, port(&both))).expect("room");
        let asked = recv(&both);
        assert_eq!(host_text(asked.from), host);
        assert_eq!(asked.from, peer.local_address());
        both.send_to(b"answer", to_address(asked.from)).expect("room");
        let answer = recv(&peer);
        assert_eq!((&answer.data[..], answer.from.port()), (&b"answer"[..], port(&both)));
    }
}

#[test]
fn the_other_family_is_a_failure_and_no_end() {
    let (ours, peer) = (bind("127.0.0.1"), std_socket());
    ours.send_to(b"lost", to("::1", 9)).expect("room");
    let lost = lost(&ours);
    assert!(matches!(lost.error, DatagramLost::Io(_)), "{}", lost.error);
    assert_eq!((&lost.data[..], &lost.host[..], lost.port), (&b"lost"[..], "::1", 9));
    ours.send_to(b"sent", to_address(peer.local_addr().expect("an address")))
        .expect("room");
    assert_eq!(std_recv(&peer).0, b"sent");
}

#[test]
fn an_awaited_datagram_is_always_answered() {
    let (ours, peer) = (bind("127.0.0.1"), std_socket());
    let address = to_address(peer.local_addr().expect("an address"));
    ours.send_to_awaited(b"1", Some(address), 1).expect("room");
    assert!(matches!(event(&ours), UdpEvent::Sent(1)));
    ours.send_to_awaited(b"2", Some(to("::1", 9)), 2).expect("room");
    assert_eq!(lost(&ours).token, Some(2));
    assert_eq!(ours.send_to_awaited(b"3", None, 3), Err(DatagramError::NotConnected));
    assert_eq!(ours.send(b"4"), Err(DatagramError::NotConnected));
    assert_eq!(ours.pending_send_bytes(), 0);
}

#[test]
fn a_broadcast_needs_leave() {
    let ours = bind("0.0.0.0");
    ours.send_to(b"all", to("127.255.255.255", port(&ours))).expect("room");
    assert!(
        matches!(lost(&ours).error, DatagramLost::Io(error) if error.kind() == std::io::ErrorKind::PermissionDenied)
    );
    ours.set_broadcast(true).expect("leave");
    ours.send_to(b"all", to("127.255.255.255", port(&ours))).expect("room");
    assert_eq!(&recv(&ours).data[..], b"all");
}
