//! The unit that per-address limits count by.

use std::net::IpAddr;

/// One IPv4 address, or one IPv6 /64 network, which usually belongs to one host (RFC 6177 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    V4(u32),
    V6(u64),
    /// The last 64 bits of a link-local address; the first 64 are the same for all (RFC 4291 section 2.5.6).
    LinkLocal(u64),
}

impl Source {
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.to_bits()),
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Self::LinkLocal(v6.to_bits() as u64),
            IpAddr::V6(v6) => Self::V6((v6.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_ipv4_address_or_an_ipv6_network() {
        let source = |text: &str| Source::of(text.parse().expect("an address"));
        assert_eq!(source("10.0.0.1"), source("::ffff:10.0.0.1"));
        assert_ne!(source("10.0.0.1"), source("10.0.0.2"));
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_ne!(source("fe80::1"), source("fe80::2"));
    }
}
