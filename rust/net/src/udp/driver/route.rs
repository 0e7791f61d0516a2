//! Routing of datagrams: to the connected peer, to an address, or to a name that is looked up first.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::net::UdpSocket as TokioUdpSocket;

use super::{Connecting, Driver, Outgoing, Peer};
use crate::address::{Destination, canonical};
use crate::error::{ConnectError, DatagramLost};
use crate::event::{Endpoints, UdpEvent};
use crate::names::remembered;
use crate::resolver::{Answer, LookupError};

impl Driver {
    /// Puts a datagram into the queue for its destination, or reports it as lost.
    pub(super) fn accept(&mut self, mut outgoing: Outgoing) {
        match (&outgoing.to, &mut self.connecting, &self.peer) {
            (None, Some(connecting), _) => connecting.waiting.push_back(outgoing),
            (None, None, Some(peer)) => {
                outgoing.address = Some(peer.address);
                self.ready.push_back(outgoing);
            }
            (None, None, None) => self.lose(outgoing, DatagramLost::NotConnected),
            (Some(Destination::Address(address)), ..) => {
                outgoing.address = self.family.wire(*address);
                if outgoing.address.is_some() {
                    self.ready.push_back(outgoing);
                } else {
                    self.lose(outgoing, wrong_family().into());
                }
            }
            (Some(Destination::Name(target)), ..) => {
                if let Some(queue) = self.held.get_mut(&target.host) {
                    queue.push_back(outgoing);
                } else if let Some(answer) = remembered(&target.host) {
                    self.address(outgoing, &answer);
                } else {
                    self.look_up(&target.host.clone()).push_back(outgoing);
                }
            }
        }
    }

    /// Sets the address of a datagram to a name.
    fn address(&mut self, mut outgoing: Outgoing, answer: &Answer) {
        let port = outgoing.to.as_ref().map_or(0, Destination::port);
        match self.usable(answer, port).map(|addresses| addresses.first().copied()) {
            Ok(address) => {
                outgoing.address = address;
                self.ready.push_back(outgoing);
            }
            Err(source) => {
                let host = outgoing.to.as_ref().map_or_else(String::new, Destination::host);
                self.lose(outgoing, DatagramLost::Resolve { host, source });
            }
        }
    }

    /// The addresses of a name that the socket can send to; at least one.
    fn usable(&self, answer: &Answer, port: u16) -> io::Result<Vec<SocketAddr>> {
        let addresses = answer.as_ref().map_err(LookupError::clone)?;
        let usable: Vec<_> = addresses
            .iter()
            .filter_map(|address| {
                let mut address = *address;
                address.set_port(port);
                self.family.wire(address)
            })
            .collect();
        if usable.is_empty() {
            Err(wrong_family())
        } else {
            Ok(usable)
        }
    }

    /// The queue of datagrams to a name. Starts its lookup if necessary.
    fn look_up(&mut self, name: &str) -> &mut VecDeque<Outgoing> {
        if !self.held.contains_key(name) {
            self.lookups.start(name);
        }
        self.held.entry(name.to_owned()).or_default()
    }

    pub(super) fn poll_names(&mut self, socket: &TokioUdpSocket, cx: &mut Context<'_>) {
        while let Poll::Ready((name, answer)) = self.lookups.poll_next(cx) {
            let asked = |c: &mut Connecting| matches!(&c.to, Destination::Name(target) if target.host == name);
            if let Some(connecting) = self.connecting.take_if(asked) {
                self.connect_to_any(socket, connecting, &answer);
            }
            for outgoing in self.held.remove(&name).unwrap_or_default() {
                self.address(outgoing, &answer);
            }
        }
    }

    pub(super) fn connect(&mut self, socket: &TokioUdpSocket, to: Destination) {
        self.drop_connecting();
        let waiting = VecDeque::new();
        match &to {
            Destination::Address(address) => {
                let answer = Ok(vec![*address].into());
                self.connect_to_any(socket, Connecting { to, waiting }, &answer);
            }
            Destination::Name(target) => {
                let name = target.host.clone();
                match remembered(&name) {
                    Some(answer) => self.connect_to_any(socket, Connecting { to, waiting }, &answer),
                    None => {
                        self.look_up(&name);
                        self.connecting = Some(Connecting { to, waiting });
                    }
                }
            }
        }
    }

    /// Connects to the first address that has a route. (Connecting sends nothing, so no address can be unresponsive.)
    fn connect_to_any(&mut self, socket: &TokioUdpSocket, connecting: Connecting, answer: &Answer) {
        let Connecting { to, waiting } = connecting;
        let connected = self
            .usable(answer, to.port())
            .map_err(|source| ConnectError::Resolve {
                host: to.host(),
                source,
            })
            .and_then(|addresses| {
                connect_first(socket, &addresses).map_err(|source| ConnectError::Connect {
                    host: to.host(),
                    port: to.port(),
                    source,
                })
            });
        match connected {
            Ok(endpoints) => {
                self.peer = self.family.wire(endpoints.peer).map(|address| Peer {
                    address,
                    host: to.host(),
                });
                self.events.send(UdpEvent::Connected(Box::new(endpoints)), 0);
                waiting.into_iter().for_each(|outgoing| self.accept(outgoing));
            }
            Err(error) => {
                self.events.send(UdpEvent::ConnectFailed(Box::new(error)), 0);
                self.lose_all(waiting, || DatagramLost::NotConnected);
            }
        }
    }

    /// Drops all datagrams that wait for a lookup.
    pub(super) fn drop_waiting(&mut self) {
        self.drop_connecting();
        for (_, queue) in std::mem::take(&mut self.held) {
            self.lose_all(queue, || DatagramLost::Closed);
        }
    }

    fn drop_connecting(&mut self) {
        if let Some(connecting) = self.connecting.take() {
            self.lose_all(connecting.waiting, || DatagramLost::NotConnected);
        }
    }
}

fn connect_first(socket: &TokioUdpSocket, addresses: &[SocketAddr]) -> io::Result<Endpoints> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        // The system's own call, which neither blocks nor needs a lookup.
        match SockRef::from(socket).connect(&(*address).into()) {
            Ok(()) => {
                return Ok(Endpoints {
                    local: canonical(socket.local_addr()?),
                    peer: canonical(*address),
                });
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn wrong_family() -> io::Error {
    io::Error::new(
        io::ErrorKind::AddrNotAvailable,
        "no address of a family that this socket is bound to",
    )
}
