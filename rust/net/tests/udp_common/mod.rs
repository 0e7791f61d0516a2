//! Helpers of the UDP tests: sockets on the loopback interface, and waiting with a deadline.

#![allow(dead_code, reason = "every test file uses its own part")]

use std::net::{Ipv4Addr, SocketAddr, UdpSocket as StdSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

use async_sockets_net::address::{BindAddress, Destination};
use async_sockets_net::event::{Datagram, LostDatagram, UdpEvent};
use async_sockets_net::options::UdpOptions;
use async_sockets_net::udp_socket::UdpSocket;

/// The longest that a test waits for any one thing.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Polls until there is an answer.
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

/// Binds one of our sockets with these options.
pub(crate) fn bind_with(host: &str, options: &UdpOptions) -> UdpSocket {
    let address = BindAddress::parse(host, 0).expect("a good address");
    UdpSocket::bind(address, options).expect("a free port")
}

/// Binds one of our sockets with the default options.
pub(crate) fn bind(host: &str) -> UdpSocket {
    bind_with(host, &UdpOptions::default())
}

/// A standard library socket on 127.0.0.1.
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

/// Waits for the next datagram.
#[track_caller]
pub(crate) fn recv(socket: &UdpSocket) -> Datagram {
    wait_for("datagram", || socket.next_datagram())
}

/// Waits for the next event.
#[track_caller]
pub(crate) fn event(socket: &UdpSocket) -> UdpEvent {
    wait_for("event", || socket.mailbox().next())
}

/// Waits for the event of a datagram that could not be sent.
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

/// Receives the next datagram on a standard library socket.
#[track_caller]
pub(crate) fn std_recv(socket: &StdSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 65536];
    let (n, from) = socket.recv_from(&mut buffer).expect("a datagram");
    buffer.truncate(n);
    (buffer, from)
}
