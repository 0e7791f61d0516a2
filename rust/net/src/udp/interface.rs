//! Network interfaces as users specify them: by name, index or one of their addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

/// A network interface of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interface {
    /// The interface that the system chooses.
    Default,
    /// The interface with this index, 1 or higher.
    Index(u32),
    /// The interface that has this address.
    Address(IpAddr),
    /// The interface with this name (`eth0`; on Windows, the name shown to users).
    Name(String),
}

impl Interface {
    /// Parses an empty string, `*` or 0 (the system chooses), an index, an IP address, or otherwise a name. Whether the
    /// interface exists is checked when it is used.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.is_empty() || text == "*" {
            return Self::Default;
        }
        if let Ok(index) = text.parse() {
            return if index == 0 { Self::Default } else { Self::Index(index) };
        }
        match text.parse() {
            Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => Self::Default,
            Ok(ip) => Self::Address(ip),
            Err(_) => Self::Name(text.to_owned()),
        }
    }

    /// An IPv4 address of the interface, which identifies it to the system for IPv4 groups. `Ok(None)` if it has none.
    pub(super) fn ipv4(&self) -> io::Result<Option<Ipv4Addr>> {
        match self {
            Self::Default => Ok(Some(Ipv4Addr::UNSPECIFIED)),
            Self::Address(IpAddr::V4(ip)) => Ok(Some(*ip)),
            other => Ok(other.ipv4_in(&known()?)),
        }
    }

    /// The index of the interface, which identifies it to the system for IPv6 groups. `Ok(None)` if there is no such
    /// interface.
    pub(super) fn index(&self) -> io::Result<Option<u32>> {
        match self {
            Self::Default => Ok(Some(0)),
            Self::Index(index) => Ok(Some(*index)),
            other => Ok(other.index_in(&known()?)),
        }
    }

    fn ipv4_in(&self, list: &[Known]) -> Option<Ipv4Addr> {
        // An address identifies an interface, and any IPv4 address of that interface will do.
        let index = self.index_in(list);
        let same = |known: &&Known| self.is(known) || (index.is_some() && known.index == index);
        list.iter().filter(same).find_map(|known| match known.ip {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        })
    }

    fn index_in(&self, list: &[Known]) -> Option<u32> {
        list.iter().filter(|known| self.is(known)).find_map(|known| known.index)
    }

    fn is(&self, known: &Known) -> bool {
        match self {
            Self::Default => false,
            Self::Index(index) => known.index == Some(*index),
            Self::Address(ip) => known.ip == *ip,
            Self::Name(name) => known.name == *name,
        }
    }
}

impl std::fmt::Display for Interface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("*"),
            Self::Index(index) => index.fmt(f),
            Self::Address(ip) => ip.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// An address of an interface of this machine.
struct Known {
    name: String,
    index: Option<u32>,
    ip: IpAddr,
}

fn known() -> io::Result<Vec<Known>> {
    let list = if_addrs::get_if_addrs()?;
    let known = list.into_iter().map(|interface| Known {
        ip: interface.ip(),
        index: interface.index,
        name: interface.name,
    });
    Ok(known.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> Vec<Known> {
        let known = |name: &str, index, ip: &str| Known {
            name: name.to_owned(),
            index: Some(index),
            ip: ip.parse().unwrap(),
        };
        vec![
            known("lo", 1, "127.0.0.1"),
            known("eth0", 2, "fe80::1"),
            known("eth0", 2, "10.0.0.1"),
            known("tun0", 3, "fe80::2"),
        ]
    }

    #[test]
    fn an_interface_is_named_in_four_ways() {
        assert_eq!(Interface::parse(""), Interface::Default);
        assert_eq!(Interface::parse("0"), Interface::Default);
        assert_eq!(Interface::parse("2"), Interface::Index(2));
        assert_eq!(
            Interface::parse("fe80::1"),
            Interface::Address("fe80::1".parse().unwrap())
        );
        assert_eq!(Interface::parse("eth0"), Interface::Name("eth0".to_owned()));
    }

    #[test]
    fn every_way_finds_the_same_interface() {
        for text in ["2", "eth0", "fe80::1", "10.0.0.1"] {
            let interface = Interface::parse(text);
            assert_eq!(interface.index_in(&list()), Some(2), "{text}");
            assert_eq!(interface.ipv4_in(&list()), Some(Ipv4Addr::new(10, 0, 0, 1)), "{text}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert_eq!(Interface::parse("eth9").index_in(&list()), None);
        assert_eq!(Interface::parse("tun0").ipv4_in(&list()), None);
        assert_eq!(Interface::parse("9").ipv4_in(&list()), None);
    }
}
