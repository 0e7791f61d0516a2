//! Proxies that are believed about the clients behind them (RFC 7239, and the older `X-Forwarded-` headers).

use std::net::{IpAddr, SocketAddr};

use super::headers::Headers;
use crate::admission::{BlockedAddresses, InvalidBlock};

/// The proxies that are believed. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(BlockedAddresses);

impl TrustedProxies {
    /// Parses IP addresses and CIDR ranges.
    ///
    /// # Errors
    /// [`InvalidBlock`] with the first entry that is neither an address nor a range.
    pub fn parse<T: AsRef<str>>(entries: impl IntoIterator<Item = T>) -> Result<Self, InvalidBlock> {
        BlockedAddresses::parse(entries).map(Self)
    }

    /// Whether this is the address of such a proxy.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.contains(ip)
    }

    /// The client that a request comes from: `peer`, unless that is a trusted proxy. From the last address on that the
    /// proxies have noted, the first one that is no trusted proxy counts; whatever is before it, a client could have
    /// made up. Its port is 0 unless the proxy gave it.
    #[must_use]
    pub fn client(&self, headers: &Headers, peer: SocketAddr) -> SocketAddr {
        if !self.contains(peer.ip()) {
            return peer;
        }
        let lines: Vec<_> = headers.all("X-Forwarded-For").collect();
        let noted: Vec<_> = if lines.is_empty() {
            forwarded(headers, "for")
                .into_iter()
                .map(|node| parse_node(&node))
                .collect()
        } else {
            lines.iter().flat_map(|line| line.split(',')).map(parse_node).collect()
        };
        let mut client = peer;
        for node in noted.into_iter().rev() {
            // What is no address ("unknown", a made-up name) hides everything before it.
            let Some(node) = node else { break };
            client = node;
            if !self.contains(node.ip()) {
                break;
            }
        }
        client
    }

    /// Whether the client's own connection is encrypted, as the proxy says; `None` if `peer` is no trusted proxy or
    /// does not say.
    #[must_use]
    pub fn is_secure(&self, headers: &Headers, peer: SocketAddr) -> Option<bool> {
        if !self.contains(peer.ip()) {
            return None;
        }
        let old = headers
            .all("X-Forwarded-Proto")
            .last()
            .and_then(|line| line.rsplit(',').next());
        let scheme = old.map(str::to_owned).or_else(|| forwarded(headers, "proto").pop())?;
        Some(matches!(&*scheme.trim().to_ascii_lowercase(), "https" | "wss"))
    }
}

/// The values of one parameter in all elements of `Forwarded` (RFC 7239 section 4), in order.
fn forwarded(headers: &Headers, name: &str) -> Vec<String> {
    let mut values = Vec::new();
    for line in headers.all("Forwarded") {
        let Some(elements) = split_outside_quotes(line, ',') else {
            // A client that opens a quote could hide in it what the proxy has added: the whole line says nothing.
            values.push(String::new());
            continue;
        };
        for element in elements {
            let pairs = split_outside_quotes(element, ';').unwrap_or_default();
            let value = pairs.into_iter().find_map(|pair| {
                let (key, value) = pair.split_once('=')?;
                key.trim().eq_ignore_ascii_case(name).then(|| unquote(value.trim()))
            });
            // An element without it hides what is before, as an unknown address does.
            values.push(value.unwrap_or_default());
        }
    }
    values
}

/// Splits a text at the separators outside of quoted strings (RFC 9110 section 5.6.4). `None` if a quote stays open.
fn split_outside_quotes(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text
        .split(|c: char| {
            let is_escaped = std::mem::take(&mut escaped);
            if !is_escaped {
                quoted ^= c == '"';
                escaped = quoted && c == '\\';
            }
            c == separator && !quoted
        })
        .collect();
    (!quoted).then_some(parts)
}

fn unquote(text: &str) -> String {
    let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    inner.map_or_else(|| text.to_owned(), |inner| inner.replace('\\', ""))
}

/// An address with or without a port; IPv6 with a port is in brackets.
fn parse_node(text: &str) -> Option<SocketAddr> {
    let text = text.trim().trim_matches('"');
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(crate::address::canonical(address));
    }
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>()
        .ok()
        .map(|ip| SocketAddr::new(ip.to_canonical(), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1:4000";

    fn client(lines: &[(&str, &str)], peer: &str) -> String {
        let proxies = TrustedProxies::parse(["10.0.0.0/8", "2001:db8::/32"]).expect("ranges");
        let headers = Headers::new(lines.iter().map(|(name, value)| (*name, value.as_bytes())));
        proxies.client(&headers, peer.parse().expect("an address")).to_string()
    }

    #[test]
    fn nobody_else_is_believed() {
        assert_eq!(client(&[("X-Forwarded-For", "1.2.3.4")], "192.0.2.1:5"), "192.0.2.1:5");
        assert_eq!(client(&[("Forwarded", "for=1.2.3.4")], "192.0.2.1:5"), "192.0.2.1:5");
        let none = TrustedProxies::default();
        let headers = Headers::new([("X-Forwarded-Proto", &b"https"[..])].into_iter());
        assert_eq!(none.is_secure(&headers, PROXY.parse().expect("an address")), None);
    }

    #[test]
    fn the_last_address_that_is_no_proxy_counts() {
        let xff = |value| client(&[("X-Forwarded-For", value)], PROXY);
        assert_eq!(xff("192.0.2.9"), "192.0.2.9:0");
        assert_eq!(xff("6.6.6.6, 192.0.2.9"), "192.0.2.9:0");
        assert_eq!(xff("6.6.6.6, 192.0.2.9, 10.1.1.1"), "192.0.2.9:0");
        assert_eq!(xff("192.0.2.9:77"), "192.0.2.9:77");
        assert_eq!(xff("2001:db9::1"), "[2001:db9::1]:0");
        assert_eq!(xff("::ffff:192.0.2.9"), "192.0.2.9:0");
        assert_eq!(xff("unknown"), PROXY);
        assert_eq!(xff("192.0.2.9, unknown, 10.1.1.1"), "10.1.1.1:0");
        assert_eq!(xff(""), PROXY);
        assert_eq!(client(&[], PROXY), PROXY);
        let lines = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "192.0.2.9")];
        assert_eq!(client(&lines, PROXY), "192.0.2.9:0");
    }

    #[test]
    fn the_new_header_counts_without_the_old_one() {
        let new = |value| client(&[("Forwarded", value)], PROXY);
        assert_eq!(new("for=192.0.2.9;proto=http;by=10.0.0.1"), "192.0.2.9:0");
        // A quote that a client opened does not swallow what the proxy has added.
        assert_eq!(new("for=\"x, for=192.0.2.9"), PROXY);
        assert_eq!(new("for=6.6.6.6, for=\"x, for=192.0.2.9"), PROXY);
        assert_eq!(new("for=6.6.6.6;x=\"\\\", for=192.0.2.9"), PROXY);
        assert_eq!(new("for=6.6.6.6;x=\"\\\", for=\"[2001:db9::1]\""), PROXY);
        assert_eq!(new("for=6.6.6.6;x=\"\\\", y\", for=192.0.2.9"), "192.0.2.9:0");
        assert_eq!(new("x=\\\"a\", for=192.0.2.9"), "192.0.2.9:0");
        let lines = [("Forwarded", "for=\"6.6.6.6"), ("Forwarded", "for=192.0.2.9")];
        assert_eq!(client(&lines, PROXY), "192.0.2.9:0");
        assert_eq!(new("for=6.6.6.6, For=\"[2001:db9::1]:4711\""), "[2001:db9::1]:4711");
        assert_eq!(new("for=\"192.0.2.9, for=6.6.6.6\""), PROXY);
        assert_eq!(new("for=192.0.2.9, proto=http"), PROXY);
        assert_eq!(new("for=_hidden"), PROXY);
        let both = [("Forwarded", "for=6.6.6.6"), ("X-Forwarded-For", "192.0.2.9")];
        assert_eq!(client(&both, PROXY), "192.0.2.9:0");
    }

    #[test]
    fn the_proxy_says_whether_it_is_https() {
        let proxies = TrustedProxies::parse(["10.0.0.1"]).expect("an address");
        let secure = |name: &str, value: &str| {
            let headers = Headers::new([(name, value.as_bytes())].into_iter());
            proxies.is_secure(&headers, PROXY.parse().expect("an address"))
        };
        assert_eq!(secure("X-Forwarded-Proto", "HTTPS"), Some(true));
        assert_eq!(secure("X-Forwarded-Proto", "https, http"), Some(false));
        assert_eq!(secure("Forwarded", "for=1.2.3.4;proto=https"), Some(true));
        assert_eq!(secure("X", ""), None);
    }
}
