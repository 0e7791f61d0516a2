//! The system's UDP socket: its creation, address families and options.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU8;

use socket2::{Protocol, SockRef, Type};

use super::interface::Interface;
use crate::address::BindAddress;
use crate::bind::bind_socket;
use crate::error::{BindError, MulticastError};
use crate::exclusive::claim_port;
use crate::limits::UDP_SYSTEM_BUFFER;
use crate::options::UdpOptions;

/// The address families that a socket can send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
    /// IPv6, and IPv4 as IPv4-mapped IPv6 addresses (RFC 4291 section 2.5.5.2).
    Dual,
}

impl Family {
    /// Converts an address to the form that the socket takes. Returns `None` if the socket cannot send to it.
    pub(crate) fn wire(self, address: SocketAddr) -> Option<SocketAddr> {
        match (self, address.ip().to_canonical()) {
            (Self::V4, IpAddr::V4(ip)) => Some((ip, address.port()).into()),
            (Self::Dual, IpAddr::V4(ip)) => Some((ip.to_ipv6_mapped(), address.port()).into()),
            (Self::V6 | Self::Dual, IpAddr::V6(_)) => Some(address),
            (Self::V4, IpAddr::V6(_)) | (Self::V6, IpAddr::V4(_)) => None,
        }
    }
}

/// Creates a bound socket. Needs no runtime and does not wait for the network.
pub(crate) fn bind(
    address: BindAddress,
    options: &UdpOptions,
) -> Result<(std::net::UdpSocket, SocketAddr, Family), BindError> {
    let socket = bind_socket(address, Type::DGRAM, Protocol::UDP, |socket, candidate| {
        // Larger buffers are better but smaller ones work too, so a refusal does not matter.
        let _ = socket.set_recv_buffer_size(UDP_SYSTEM_BUFFER);
        let _ = socket.set_send_buffer_size(UDP_SYSTEM_BUFFER);
        if options.reuse_address {
            socket.set_reuse_address(true)?;
            // The BSDs need this too, to share a port among the receivers of a multicast group.
            #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
            socket.set_reuse_port(true)?;
        } else {
            claim_port(socket)?;
        }
        socket.bind(&candidate.into())
    })?;
    let socket = std::net::UdpSocket::from(socket);
    let local = socket.local_addr()?;
    let family = match (local, address) {
        (SocketAddr::V4(_), _) => Family::V4,
        (SocketAddr::V6(_), BindAddress::One(_)) => Family::V6,
        (SocketAddr::V6(_), BindAddress::Any(_)) => Family::Dual,
    };
    let settings = Settings::new(SockRef::from(&socket), family);
    if options.broadcast {
        settings.set_broadcast(true)?;
    }
    if let Some(ttl) = options.ttl {
        settings.set_ttl(ttl)?;
    }
    Ok((socket, local, family))
}

/// The options of a socket. Setting them never blocks.
pub(crate) struct Settings<'a> {
    socket: SockRef<'a>,
    family: Family,
}

impl<'a> Settings<'a> {
    pub(crate) fn new(socket: SockRef<'a>, family: Family) -> Self {
        Self { socket, family }
    }

    pub(crate) fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.socket.set_broadcast(on)
    }

    /// Sets the TTL or hop limit of unicast and multicast datagrams.
    pub(crate) fn set_ttl(&self, ttl: NonZeroU8) -> io::Result<()> {
        let ttl = u32::from(ttl.get());
        self.for_families(
            |socket| {
                socket.set_ttl_v4(ttl)?;
                socket.set_multicast_ttl_v4(ttl)
            },
            |socket| {
                socket.set_unicast_hops_v6(ttl)?;
                socket.set_multicast_hops_v6(ttl)
            },
        )
    }

    /// Sets whether this machine receives the multicast datagrams that the socket sends.
    pub(crate) fn set_multicast_loop(&self, on: bool) -> io::Result<()> {
        self.for_families(
            |socket| socket.set_multicast_loop_v4(on),
            |socket| socket.set_multicast_loop_v6(on),
        )
    }

    /// Sets the interface for outgoing multicast datagrams.
    pub(crate) fn set_multicast_interface(&self, interface: &Interface) -> Result<(), MulticastError> {
        let (v4, v6) = (interface.ipv4()?, interface.index()?);
        if v4.is_none() && (v6.is_none() || self.family == Family::V4) {
            return Err(MulticastError::Interface(interface.to_string()));
        }
        self.for_families(
            |socket| v4.map_or(Ok(()), |address| socket.set_multicast_if_v4(&address)),
            |socket| v6.map_or(Ok(()), |index| socket.set_multicast_if_v6(index)),
        )?;
        Ok(())
    }

    pub(crate) fn join(&self, group: IpAddr, interface: &Interface) -> Result<(), MulticastError> {
        match group {
            IpAddr::V4(group) => self.socket.join_multicast_v4(&group, &v4_of(interface)?),
            IpAddr::V6(group) => self.socket.join_multicast_v6(&group, index_of(interface)?),
        }
        .map_err(|error| match error {
            error if is_no_device(&error) => MulticastError::Interface(interface.to_string()),
            error => error.into(),
        })
    }

    pub(crate) fn leave(&self, group: IpAddr, interface: &Interface) -> Result<(), MulticastError> {
        match group {
            IpAddr::V4(group) => self.socket.leave_multicast_v4(&group, &v4_of(interface)?),
            IpAddr::V6(group) => self.socket.leave_multicast_v6(&group, index_of(interface)?),
        }?;
        Ok(())
    }

    fn for_families(
        &self,
        v4: impl FnOnce(&SockRef<'a>) -> io::Result<()>,
        v6: impl FnOnce(&SockRef<'a>) -> io::Result<()>,
    ) -> io::Result<()> {
        match self.family {
            Family::V4 => v4(&self.socket),
            Family::V6 => v6(&self.socket),
            Family::Dual => {
                // Not every system supports IPv4 options on an IPv6 socket.
                let _ = v4(&self.socket);
                v6(&self.socket)
            }
        }
    }
}

/// Returns whether the error means that the interface does not exist.
fn is_no_device(error: &io::Error) -> bool {
    // The same number on Linux and the BSDs.
    const ENODEV: i32 = 19;
    error.kind() == io::ErrorKind::AddrNotAvailable || (cfg!(unix) && error.raw_os_error() == Some(ENODEV))
}

/// Parses a multicast address (IPv4 224.0.0.0/4, IPv6 ff00::/8).
pub(crate) fn parse_group(text: &str) -> Result<IpAddr, MulticastError> {
    match text.parse::<IpAddr>() {
        Ok(ip) if ip.is_multicast() => Ok(ip),
        _ => Err(MulticastError::Group(text.to_owned())),
    }
}

fn v4_of(interface: &Interface) -> Result<Ipv4Addr, MulticastError> {
    interface
        .ipv4()?
        .ok_or_else(|| MulticastError::Interface(interface.to_string()))
}

fn index_of(interface: &Interface) -> Result<u32, MulticastError> {
    interface
        .index()?
        .ok_or_else(|| MulticastError::Interface(interface.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_goes_in_the_form_that_the_socket_takes() {
        let v4: SocketAddr = "1.2.3.4:9".parse().unwrap();
        let mapped: SocketAddr = "[::ffff:1.2.3.4]:9".parse().unwrap();
        let v6: SocketAddr = "[fe80::1%2]:9".parse().unwrap();
        for either in [v4, mapped] {
            assert_eq!(Family::V4.wire(either), Some(v4));
            assert_eq!(Family::Dual.wire(either), Some(mapped));
            assert_eq!(Family::V6.wire(either), None);
        }
        assert_eq!(Family::V4.wire(v6), None);
        assert_eq!(Family::V6.wire(v6), Some(v6));
        assert_eq!(Family::Dual.wire(v6), Some(v6));
    }

    #[test]
    fn a_group_is_a_multicast_address() {
        assert!(parse_group("239.1.2.3").is_ok());
        assert!(parse_group("ff02::1").is_ok());
        for text in ["", "127.0.0.1", "::1", "group"] {
            assert!(parse_group(text).is_err(), "{text}");
        }
    }
}
