//! The choice among a file and its compressed neighbours (RFC 9110 section 12.5.3).

use super::headers::Headers;

/// A content coding that a compressed neighbour of a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    /// All codings, the one that usually compresses best first.
    pub(crate) const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// The name in headers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What the name of a compressed neighbour has in addition.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }
}

/// The codings that a client accepts, the most preferred first.
pub(crate) fn accepted(headers: &Headers) -> Vec<Coding> {
    let mut rated: Vec<_> = Coding::ALL
        .into_iter()
        .map(|coding| (quality(headers, coding.name()), coding))
        .filter(|(quality, _)| *quality > 0)
        .collect();
    // Stable: equals stay in their order.
    rated.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
    rated.into_iter().map(|(_, coding)| coding).collect()
}

/// The weight of a coding in thousandths; `*` stands for those that are not named.
fn quality(headers: &Headers, name: &str) -> u32 {
    let mut others = 0;
    for item in headers.all("Accept-Encoding").flat_map(|line| line.split(',')) {
        let mut parts = item.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = weight.map_or(1000, thousandths);
        if coding.eq_ignore_ascii_case(name) {
            return weight;
        }
        if coding == "*" {
            others = weight;
        }
    }
    others
}

fn thousandths(weight: &str) -> u32 {
    let weight: f32 = weight.trim().parse().unwrap_or(0.0);
    (weight.clamp(0.0, 1.0) * 1000.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_weights_count_then_our_order() {
        let accepted = |value: &str| accepted(&Headers::new([("accept-encoding", value.as_bytes())].into_iter()));
        let (br, gzip) = (Coding::Brotli, Coding::Gzip);
        assert_eq!(accepted("gzip, deflate, br"), [br, gzip]);
        assert_eq!(accepted("br;q=0.5, gzip;q=0.8"), [gzip, br]);
        assert_eq!(accepted("GZIP; q=1.0, br;q=0"), [gzip]);
        assert_eq!(accepted("*"), [br, gzip]);
        assert_eq!(accepted("*;q=0"), []);
        assert_eq!(accepted("identity, br;q=nan"), []);
        assert_eq!(accepted(""), []);
        assert!(super::accepted(&Headers::default()).is_empty());
    }
}
