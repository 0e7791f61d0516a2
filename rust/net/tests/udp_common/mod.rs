//! What the UDP tests share: sockets on the loopback interface, and waiting with a deadline.

#![allow(dead_code, reason = "every test file uses its own part")]

use std::net::{Ipv4Addr, SocketAddr, UdpSocket as StdSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

use async_sockets_net::address::{BindAddress, Destination};
use async_sockets_net::event::{Datagram, LostDatagram, UdpEvent};
use async_sockets_net::limits::UdpOptions;
use async_sockets_net::udp_socket::UdpSocket;

/// The longest that a test waits for anything.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "no {what} within {LIMIT:?}");
        sleep(Duration::from_micros(200));
    }
}

/// A socket of ours.
pub(crate) fn bind_with(host: &str, options: &UdpOptions) -> UdpSocket {
    let address = BindAddress::parse(host, 0).expect("a good address");
    UdpSocket::bind(address, options).expect("a free port")
}

/// The same with the default options.
pub(crate) fn bind(host: &str) -> UdpSocket {
    bind_with(host, &UdpOptions::default())
}

/// A socket of the standard library on 127.0.0.1.
pub(crate) fn std_socket() -> StdSocket {
    let socket = StdSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.set_read_timeout(Some(LIMIT)).expect("a read timeout");
    socket
}

pub(crate) fn to(host: &str, port: u16) -> Destination {
    Destination::parse(host, port.into()).expect("a good destination")
}

pub(crate) fn to_address(address: SocketAddr) -> Destination {
    Destination::Address(address)
}

pub(crate) fn port(socket: &UdpSocket) -> u16 {
    socket.local_address().port()
}

/// The next datagram.
#[track_caller]
pub(crate) fn recv(socket: &UdpSocket) -> Datagram {
    wait_for("datagram", || socket.next_datagram())
}

/// The next event.
#[track_caller]
pub(crate) fn event(socket: &UdpSocket) -> UdpEvent {
    wait_for("event", || socket.mailbox().next())
}

/// Waits for a datagram that did not go out.
#[track_caller]
pub(crate) fn lost(socket: &UdpSocket) -> LostDatagram {
    match event(socket) {
        UdpEvent::SendFailed(lost) => {
            socket.mailbox().release(lost.data.len());
            *lost
        }
        other => panic!("{other:?} and no failure"),
    }
}

/// What a socket of the standard library receives next.
#[track_caller]
pub(crate) fn std_recv(socket: &StdSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 65536];
    let (n, from) = socket.recv_from(&mut buffer).expect("a datagram");
    buffer.truncate(n);
    (buffer, from)
}
