//! Multicast groups are joined and left on a given interface, for IPv4 and IPv6.

mod udp_common;

use std::num::NonZeroU8;

use async_sockets_net::error::MulticastError;
use async_sockets_net::event::UdpEvent;
use async_sockets_net::options::UdpOptions;
use async_sockets_net::udp_socket::{Interface, UdpSocket};
use udp_common::{bind, bind_with, event, port, recv, to};

const LOOPBACK_V4: &str = "127.0.0.1";

fn loopback_v6() -> Interface {
    Interface::parse("::1")
}

/// The interfaces for IPv6 groups. Linux has no multicast route on its loopback interface; `MULTICAST_INTERFACE` names
/// another one.
fn interfaces_v6() -> Vec<Interface> {
    match std::env::var("MULTICAST_INTERFACE") {
        Ok(name) => vec![Interface::parse(&name)],
        Err(_) => vec![loopback_v6(), Interface::parse(LOOPBACK_V4)],
    }
}

/// Joins a group and receives its datagrams, then leaves it and receives none.
fn joins_and_leaves(receiver: &UdpSocket, sender: &UdpSocket, group: &str, host: &str, interface: &Interface) {
    receiver.join_multicast_group(group, interface).expect("joined");
    sender.send_to(b"group", to(group, port(receiver))).expect("room");
    assert_eq!(recv(receiver).data[..], b"group"[..]);
    receiver.leave_multicast_group(group, interface).expect("left");
    sender.send_to(b"unheard", to(group, port(receiver))).expect("room");
    sender.send_to(b"direct", to(host, port(receiver))).expect("room");
    assert_eq!(recv(receiver).data[..], b"direct"[..]);
}

fn has_route(sender: &UdpSocket) -> bool {
    sender
        .send_to_awaited(b"route?", Some(to("ff15::77:9", 9)), 1)
        .expect("room");
    matches!(event(sender), UdpEvent::Sent(1))
}

#[test]
fn an_ipv4_group_is_heard_while_it_is_joined() {
    for (host, interface) in [
        ("0.0.0.0", Interface::parse(LOOPBACK_V4)),
        ("*", Interface::parse(LOOPBACK_V4)),
        ("*", loopback_v6()),
    ] {
        let (receiver, sender) = (bind(host), bind("127.0.0.1"));
        sender.set_multicast_interface(&interface).expect("an interface");
        joins_and_leaves(&receiver, &sender, "239.255.77.1", "127.0.0.1", &interface);
    }
}

#[test]
fn an_ipv6_group_is_heard_while_it_is_joined() {
    for interface in interfaces_v6() {
        let (receiver, sender) = (bind("*"), bind("*"));
        sender.set_multicast_interface(&interface).expect("an interface");
        if !has_route(&sender) {
            receiver.join_multicast_group("ff15::77:1", &interface).expect("joined");
            receiver.leave_multicast_group("ff15::77:1", &interface).expect("left");
            eprintln!("SKIPPED: the loopback interface of this machine has no route for IPv6 groups");
            return;
        }
        joins_and_leaves(&receiver, &sender, "ff15::77:1", "::1", &interface);
    }
}

#[test]
fn two_receivers_share_a_port_that_both_agree_to_share() {
    let options = UdpOptions {
        reuse_address: true,
        ..UdpOptions::default()
    };
    let first = bind_with("0.0.0.0", &options);
    let address =
        async_sockets_net::address::BindAddress::parse("0.0.0.0", port(&first).into()).expect("a good address");
    let second = UdpSocket::bind(address, &options).expect("the same port");
    let (sender, interface) = (bind("127.0.0.1"), Interface::parse(LOOPBACK_V4));
    sender.set_multicast_interface(&interface).expect("an interface");
    for receiver in [&first, &second] {
        receiver
            .join_multicast_group("239.255.77.2", &interface)
            .expect("joined");
    }
    sender.send_to(b"both", to("239.255.77.2", port(&first))).expect("room");
    for receiver in [&first, &second] {
        assert_eq!(recv(receiver).data[..], b"both"[..]);
    }
}

#[test]
fn what_is_no_group_or_no_interface_is_refused() {
    let ours = bind("*");
    let nowhere = Interface::parse("no such interface");
    assert!(matches!(
        ours.join_multicast_group("127.0.0.1", &Interface::Default),
        Err(MulticastError::Group(_))
    ));
    for group in ["239.255.77.4", "ff15::77:4"] {
        assert!(matches!(
            ours.join_multicast_group(group, &nowhere),
            Err(MulticastError::Interface(_))
        ));
    }
    assert!(matches!(
        ours.leave_multicast_group("239.255.77.4", &Interface::parse(LOOPBACK_V4)),
        Err(MulticastError::Io(_))
    ));
}

#[test]
fn the_options_are_set_for_every_family() {
    for host in ["*", "127.0.0.1", "::1"] {
        let ours = bind_with(
            host,
            &UdpOptions {
                ttl: NonZeroU8::new(3),
                ..UdpOptions::default()
            },
        );
        ours.set_ttl(NonZeroU8::MAX).expect("an option");
        ours.set_multicast_loop(false).expect("an option");
    }
}
