//! A socket that is still held learns that the runtime stops. This test has a file of its own because it stops the
//! runtime of the whole process.

mod udp_common;

use std::time::Duration;

use async_sockets_net::event::UdpEvent;
use async_sockets_net::runtime;
use udp_common::{bind, event, std_recv, std_socket, to_address};

#[test]
fn a_socket_ends_with_the_runtime_and_the_next_one_starts_it_again() {
    let peer = std_socket();
    let address = to_address(peer.local_addr().expect("an address"));
    let held = bind("127.0.0.1");
    runtime::stop(Duration::ZERO);
    assert!(matches!(event(&held), UdpEvent::Closed(Some(_))));
    let next = bind("127.0.0.1");
    next.send_to(b"again", address.clone()).expect("room");
    assert_eq!(std_recv(&peer).0, b"again");
    next.send_to(b"last", address).expect("room");
    drop(next);
    runtime::stop(Duration::from_secs(5));
    assert_eq!(std_recv(&peer).0, b"last");
}
