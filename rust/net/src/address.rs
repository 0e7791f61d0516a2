//! Parsing of the hosts and ports that users write.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::error::AddressError;

/// Maximum length of a host name in bytes (RFC 1035 section 2.3.4, in its usual text form).
const MAX_HOST_LEN: usize = 253;

/// A host and port to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host as the user wrote it, without brackets around an IPv6 address.
    pub host: String,
    /// The port, 1 to 65535.
    pub port: u16,
}

impl Target {
    /// Parses a host name, an IPv4 or an IPv6 address (brackets allowed), and a port from 1 to 65535.
    pub fn parse(host: &str, port: i64) -> Result<Self, AddressError> {
        Ok(Self {
            host: parse_host(host)?,
            port: parse_port(port, 1)?,
        })
    }

    /// The IP address, if the host is one and needs no lookup.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

/// A local address to bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindAddress {
    /// All interfaces, IPv6 and IPv4 together where the system supports that. Holds the port.
    Any(u16),
    /// A single address.
    One(SocketAddr),
}

impl BindAddress {
    /// Parses `*`, `localhost` (127.0.0.1) or an IP address, and a port from 0 (any free port) to 65535.
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

    /// The requested port; 0 means any free one.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Any(port) => port,
            Self::One(address) => address.port(),
        }
    }

    /// The addresses to try, in order of preference.
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

/// The destination of a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// An address that needs no lookup.
    Address(SocketAddr),
    /// A host name that has to be looked up.
    Name(Target),
}

impl Destination {
    /// Parses what [`Target::parse`] accepts. `localhost` is 127.0.0.1, as in [`BindAddress::parse`], so that it
    /// reaches a socket bound to `localhost`.
    pub fn parse(host: &str, port: i64) -> Result<Self, AddressError> {
        let bare = unbracket(host);
        let ip = match bare {
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            _ => match bare.parse() {
                Ok(ip) => ip,
                Err(_) => return Self::parse_other(bare, port),
            },
        };
        Ok(Self::Address(SocketAddr::new(ip, parse_port(port, 1)?)))
    }

    /// Parses a name, or an IPv6 address with a numeric zone (RFC 4007 section 11) in the form that [`host_text`]
    /// writes.
    fn parse_other(host: &str, port: i64) -> Result<Self, AddressError> {
        let target = Target::parse(host, port)?;
        let zoned = host.split_once('%').and_then(|(ip, zone)| {
            let ip = ip.parse().ok()?;
            Some(SocketAddrV6::new(ip, target.port, 0, zone.parse().ok()?))
        });
        Ok(zoned.map_or(Self::Name(target), |address| Self::Address(address.into())))
    }

    /// The host as text.
    #[must_use]
    pub fn host(&self) -> String {
        match self {
            Self::Address(address) => host_text(*address),
            Self::Name(target) => target.host.clone(),
        }
    }

    /// The port, 1 to 65535.
    #[must_use]
    pub fn port(&self) -> u16 {
        match self {
            Self::Address(address) => address.port(),
            Self::Name(target) => target.port,
        }
    }
}

/// The host part of an address as text that [`Destination::parse`] accepts. A link-local IPv6 address keeps its zone
/// (`fe80::1%2`), without which it cannot be replied to.
#[must_use]
pub fn host_text(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        other => other.ip().to_string(),
    }
}

/// Converts an IPv4-mapped IPv6 address, as a dual-stack socket reports it, to IPv4.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::from((v4, address.port())),
        // Unchanged, to keep the zone.
        IpAddr::V6(_) => address,
    }
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

    #[test]
    fn a_destination_is_an_address_or_a_name() {
        let address = |text: &str| Ok(Destination::Address(text.parse().unwrap()));
        assert_eq!(Destination::parse("127.0.0.1", 9), address("127.0.0.1:9"));
        assert_eq!(Destination::parse("localhost", 9), address("127.0.0.1:9"));
        assert_eq!(Destination::parse("[::1]", 9), address("[::1]:9"));
        assert_eq!(Destination::parse("fe80::1%3", 9), address("[fe80::1%3]:9"));
        assert!(matches!(
            Destination::parse("fe80::1%eth0", 9),
            Ok(Destination::Name(_))
        ));
        assert!(matches!(Destination::parse("example.org", 9), Ok(Destination::Name(_))));
        assert!(Destination::parse("127.0.0.1", 0).is_err());
        assert!(Destination::parse("a b", 1).is_err());
    }

    #[test]
    fn an_address_in_words_can_be_answered() {
        for text in ["127.0.0.1:9", "[::1]:9", "[fe80::1%3]:9"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(
                Destination::parse(&host_text(address), 9),
                Ok(Destination::Address(address))
            );
        }
        assert_eq!(
            canonical("[::ffff:1.2.3.4]:9".parse().unwrap()),
            "1.2.3.4:9".parse().unwrap()
        );
    }
}
