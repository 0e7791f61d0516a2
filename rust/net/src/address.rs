//! Hosts and ports as users write them, parsed once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::error::AddressError;

/// The longest host name (RFC 1035 section 2.3.4, in its usual text form).
const MAX_HOST_LEN: usize = 253;

/// Where to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host as the user wrote it, without brackets around an IPv6 address.
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
}

impl Target {
    /// Takes a host name, an IPv4 or an IPv6 address (brackets allowed), and a port from 1 to 65535.
    pub fn parse(host: &str, port: i64) -> Result<Self, AddressError> {
        Ok(Self {
            host: parse_host(host)?,
            port: parse_port(port, 1)?,
        })
    }

    /// The address, if the host is one and needs no lookup.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

/// Where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindAddress {
    /// Every interface, IPv6 and IPv4 together where the system can.
    Any(u16),
    /// One address.
    One(SocketAddr),
}

impl BindAddress {
    /// Takes `*`, `localhost` (127.0.0.1) or an IP address, and a port from 0 (any free one) to 65535.
    pub fn parse(host: &str, port: i64) -> Result<Self, AddressError> {
        let port = parse_port(port, 0)?;
        let ip = match host {
            "*" => return Ok(Self::Any(port)),
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            _ => unbracket(host)
                .parse()
                .map_err(|_| AddressError::Bind(host.to_owned()))?,
        };
        Ok(Self::One(SocketAddr::new(ip, port)))
    }

    /// The port asked for; 0 is any free one.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Any(port) => port,
            Self::One(address) => address.port(),
        }
    }

    /// The addresses to try, best first.
    pub(crate) fn candidates(self) -> Vec<SocketAddr> {
        match self {
            Self::Any(port) => vec![
                (Ipv6Addr::UNSPECIFIED, port).into(),
                (Ipv4Addr::UNSPECIFIED, port).into(),
            ],
            Self::One(address) => vec![address],
        }
    }
}

/// An IPv4 peer of a dual-stack socket, as IPv4.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn parse_host(host: &str) -> Result<String, AddressError> {
    let bare = unbracket(host);
    let valid = !bare.is_empty()
        && bare.len() <= MAX_HOST_LEN
        && bare
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%'))
        && (!bare.contains(':') || bare.split('%').next().is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok()));
    if valid {
        Ok(bare.to_owned())
    } else {
        Err(AddressError::Host(host.to_owned()))
    }
}

fn parse_port(port: i64, lowest: u16) -> Result<u16, AddressError> {
    match u16::try_from(port) {
        Ok(port) if port >= lowest => Ok(port),
        _ => Err(AddressError::Port(port, lowest)),
    }
}

fn unbracket(host: &str) -> &str {
    host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_are_none_are_refused() {
        for host in [
            "",
            " ",
            "a b",
            "host:80",
            "http://host",
            "a/b",
            "[::1",
            "a\0b",
            &"x".repeat(254),
        ] {
            assert!(Target::parse(host, 80).is_err(), "{host:?}");
        }
        for host in [
            "localhost",
            "127.0.0.1",
            "::1",
            "[::1]",
            "my_host.example-1.org",
            "fe80::1%eth0",
            "bücher.example",
        ] {
            assert!(Target::parse(host, 80).is_ok(), "{host:?}");
        }
    }

    #[test]
    fn ports_have_their_range() {
        for port in [-1, 0, 65536, i64::MAX, i64::MIN] {
            assert!(Target::parse("localhost", port).is_err(), "{port}");
        }
        assert!(BindAddress::parse("*", 0).is_ok());
        assert!(BindAddress::parse("*", 65536).is_err());
    }

    #[test]
    fn a_local_address_is_an_address() {
        assert_eq!(
            BindAddress::parse("localhost", 1),
            Ok(BindAddress::One(([127, 0, 0, 1], 1).into()))
        );
        assert_eq!(BindAddress::parse("[::1]", 1), BindAddress::parse("::1", 1));
        assert!(BindAddress::parse("example.org", 1).is_err());
    }
}
