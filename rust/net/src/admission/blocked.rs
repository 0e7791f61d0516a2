//! Addresses and address ranges that may not connect.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use thiserror::Error;

/// A set of IP addresses and ranges. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct BlockedAddresses(Arc<Sets>);

/// An entry that is neither an IP address nor a range.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{0}' is not an IP address or a range such as '192.0.2.0/24' or '2001:db8::/32'")]
pub struct InvalidBlock(pub String);

/// The networks by prefix length. A lookup takes one step per prefix length in use, regardless of the number of
/// entries.
#[derive(Debug, Default)]
struct Sets {
    v4: BTreeMap<u8, HashSet<u32>>,
    v6: BTreeMap<u8, HashSet<u128>>,
}

/// A network address and its prefix length in bits.
enum Block {
    V4(u32, u8),
    V6(u128, u8),
}

impl BlockedAddresses {
    /// Parses IPv4 and IPv6 addresses and CIDR ranges (RFC 4632 section 3.1). Bits beyond the prefix are ignored.
    /// IPv4-mapped IPv6 addresses (`::ffff:192.0.2.1`) are treated as IPv4.
    ///
    /// # Errors
    /// [`InvalidBlock`] with the first entry that is neither an address nor a range.
    pub fn parse<T: AsRef<str>>(entries: impl IntoIterator<Item = T>) -> Result<Self, InvalidBlock> {
        let mut sets = Sets::default();
        for entry in entries {
            let entry = entry.as_ref();
            match parse_block(entry).ok_or_else(|| InvalidBlock(entry.to_owned()))? {
                Block::V4(network, bits) => sets.v4.entry(bits).or_default().insert(network),
                Block::V6(network, bits) => sets.v6.entry(bits).or_default().insert(network),
            };
        }
        Ok(Self(Arc::new(sets)))
    }

    /// Returns whether the set contains the address.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match ip.to_canonical() {
            IpAddr::V4(v4) => self
                .0
                .v4
                .iter()
                .any(|(&bits, networks)| networks.contains(&network_v4(v4.to_bits(), bits))),
            IpAddr::V6(v6) => self
                .0
                .v6
                .iter()
                .any(|(&bits, networks)| networks.contains(&network_v6(v6.to_bits(), bits))),
        }
    }
}

fn parse_block(entry: &str) -> Option<Block> {
    let (address, bits) = match entry.split_once('/') {
        Some((address, bits)) if !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit()) => {
            (address, Some(bits.parse::<u8>().ok()?))
        }
        Some(_) => return None,
        None => (entry, None),
    };
    match address.parse().ok()? {
        IpAddr::V4(v4) => {
            let bits = bits.unwrap_or(32);
            (bits <= 32).then(|| Block::V4(network_v4(v4.to_bits(), bits), bits))
        }
        IpAddr::V6(v6) => {
            let bits = bits.unwrap_or(128);
            match (v6.to_ipv4_mapped(), bits) {
                (_, 129..) => None,
                (Some(v4), 96..) => Some(Block::V4(network_v4(v4.to_bits(), bits - 96), bits - 96)),
                _ => Some(Block::V6(network_v6(Ipv6Addr::to_bits(v6), bits), bits)),
            }
        }
    }
}

/// The address with all but its first `bits` bits cleared.
fn network_v4(address: u32, bits: u8) -> u32 {
    address & u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0)
}

fn network_v6(address: u128, bits: u8) -> u128 {
    address & u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(entries: &[&str], ip: &str) -> bool {
        let blocked = BlockedAddresses::parse(entries).expect("good entries");
        blocked.contains(ip.parse().expect("an address"))
    }

    #[test]
    fn addresses_and_ranges_of_both_families() {
        assert!(blocks(&["192.0.2.1"], "192.0.2.1"));
        assert!(!blocks(&["192.0.2.1"], "192.0.2.2"));
        assert!(blocks(&["10.0.0.0/8", "192.0.2.0/25"], "192.0.2.127"));
        assert!(!blocks(&["10.0.0.0/8", "192.0.2.0/25"], "192.0.2.128"));
        assert!(blocks(&["192.0.2.77/24"], "192.0.2.1"), "bits behind the prefix");
        assert!(blocks(&["0.0.0.0/0"], "255.255.255.255"));
        assert!(!blocks(&["0.0.0.0/0"], "2001:db8::1"));
        assert!(blocks(&["2001:db8::/32"], "2001:db8:ffff::1"));
        assert!(!blocks(&["2001:db8::/32"], "2001:db9::1"));
        assert!(blocks(&["::1"], "::1"));
        assert!(blocks(&["::/0"], "::1"));
        assert!(!blocks(&["::/0"], "127.0.0.1"));
        assert!(!blocks(&[], "127.0.0.1"));
    }

    #[test]
    fn ipv4_in_its_ipv6_form_is_ipv4() {
        assert!(blocks(&["192.0.2.1"], "::ffff:192.0.2.1"));
        assert!(blocks(&["::ffff:192.0.2.1"], "192.0.2.1"));
        assert!(blocks(&["::ffff:192.0.2.0/120"], "192.0.2.200"));
        assert!(!blocks(&["::ffff:192.0.2.0/120"], "192.0.3.1"));
    }

    #[test]
    fn what_is_no_address_is_named() {
        for bad in [
            "",
            " ",
            "localhost",
            "192.0.2",
            "192.0.2.1/33",
            "192.0.2.1/",
            "192.0.2.1/+8",
            "192.0.2.1/8/8",
            "::1/129",
            "::1/256",
            "[::1]",
            "fe80::1%1",
            "192.0.2.1:80",
        ] {
            let error = BlockedAddresses::parse(["10.0.0.1", bad]).expect_err(bad);
            assert_eq!(error, InvalidBlock(bad.to_owned()));
        }
    }
}
