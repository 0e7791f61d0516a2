//! Byte ranges (RFC 9110 section 14).

/// What part of a representation is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it.
    All,
    /// These bytes: the first, and how many, at least 1.
    Part(u64, u64),
    /// Bytes that do not exist.
    Nothing,
}

/// Reads a `Range` header for a representation of `len` bytes. A header that is not understood, and one with several
/// ranges, is ignored, as RFC 9110 section 14.2 allows.
pub(crate) fn wanted(header: &str, len: u64) -> Wanted {
    let Some((unit, set)) = header.split_once('=').map(|(unit, set)| (unit.trim(), set.trim())) else {
        return Wanted::All;
    };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Wanted::All;
    }
    let Some((from, to)) = set.split_once('-') else {
        return Wanted::All;
    };
    match (number(from), number(to)) {
        (Some(first), last) if last.is_some() || to.is_empty() => {
            if last.is_some_and(|last| last < first) {
                return Wanted::All;
            }
            if first >= len {
                return Wanted::Nothing;
            }
            let end = last.map_or(len, |last| last.saturating_add(1).min(len));
            Wanted::Part(first, end - first)
        }
        (None, Some(suffix)) if from.is_empty() => match suffix.min(len) {
            0 => Wanted::Nothing,
            suffix => Wanted::Part(len - suffix, suffix),
        },
        _ => Wanted::All,
    }
}

/// Digits only. A number too large for `u64` is as good as the largest.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_lies_inside() {
        assert_eq!(wanted("bytes=0-0", 10), Wanted::Part(0, 1));
        assert_eq!(wanted("Bytes=0-0", 10), Wanted::Part(0, 1));
        assert_eq!(wanted("bytes=2-5", 10), Wanted::Part(2, 4));
        assert_eq!(wanted("bytes=2-", 10), Wanted::Part(2, 8));
        assert_eq!(wanted("bytes=-3", 10), Wanted::Part(7, 3));
        assert_eq!(wanted("bytes=-30", 10), Wanted::Part(0, 10));
        assert_eq!(wanted("bytes=5-99999999999999999999999", 10), Wanted::Part(5, 5));
        assert_eq!(wanted("bytes=10-", 10), Wanted::Nothing);
        assert_eq!(wanted("bytes=-0", 10), Wanted::Nothing);
        assert_eq!(wanted("bytes=0-", 0), Wanted::Nothing);
    }

    #[test]
    fn whatever_else_is_all() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=5--",
            "bytes=5-x-",
            "bytes=a-b",
            "bytes=1-2,4-5",
            "lines=1-2",
            "bytes=--1",
            "bytes=+1-2",
        ] {
            assert_eq!(wanted(header, 10), Wanted::All, "{header}");
        }
    }
}
