//! Paths of URLs as relative paths of files (RFC 3986 sections 2.1 and 3.3).

use thiserror::Error;

/// Why a path names no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum PathError {
    /// It is not encoded well, or climbs to another folder. No browser sends such a path.
    #[error("the path is not valid")]
    Invalid,
    /// It may mean something to a script, but names no file that is ever served.
    #[error("the path is hidden")]
    Hidden,
}

/// Names that Windows takes for devices, in any folder and with any extension.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Decodes the percent-encoding of a text, once. `None` for an incomplete escape, or a result that is no UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
            bytes.push(high * 16 + low);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Encodes one segment of a path.
fn percent_encode(segment: &str, out: &mut String) {
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            *out += &format!("%{byte:02X}");
        }
    }
}

/// The segments of a path below the folder that serves it, decoded and safe to look up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilePath {
    segments: Vec<String>,
    /// It ends with `/`, or is empty: it names a folder.
    pub(crate) is_folder: bool,
}

impl FilePath {
    /// Parses what follows the prefix of a folder. Each segment is decoded once, after the path was split.
    pub(crate) fn parse(path: &str) -> Result<Self, PathError> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let is_folder = path.is_empty() || path.ends_with('/');
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments = Vec::new();
        if !path.is_empty() {
            for segment in path.split('/') {
                segments.push(safe(percent_decode(segment).ok_or(PathError::Invalid)?)?);
            }
        }
        Ok(Self { segments, is_folder })
    }

    /// The decoded segments, joined by `/`.
    pub(crate) fn joined(&self) -> String {
        self.segments.join("/")
    }

    /// The part below the folder `prefix`; `None` if it is not below it.
    pub(crate) fn below(&self, prefix: &Self) -> Option<Self> {
        let segments = self.segments.strip_prefix(&*prefix.segments)?.to_vec();
        Some(Self {
            is_folder: self.is_folder || segments.is_empty(),
            segments,
        })
    }

    /// Number of segments.
    pub(crate) fn depth(&self) -> usize {
        self.segments.len()
    }

    /// The path of the folder of this name, which begins and ends with `/`, encoded.
    pub(crate) fn as_folder(&self) -> String {
        let mut out = "/".to_owned();
        for segment in &self.segments {
            percent_encode(segment, &mut out);
            out.push('/');
        }
        out
    }
}

/// Refuses a segment that names something else than a visible entry of its folder, on any system.
fn safe(segment: String) -> Result<String, PathError> {
    // A script sees the decoded path, where an encoded slash separates too. Windows drops spaces at the end.
    let climbs = |part: &str| matches!(part.trim_end_matches(' '), "." | "..");
    if segment.split('/').any(climbs) || segment.contains(|c: char| c.is_control() || c == '\\') {
        return Err(PathError::Invalid);
    }
    // Windows drops dots and spaces at the end of a name, and a colon leads to another drive or stream.
    let is_odd = segment.is_empty() || segment.contains(['/', ':']) || segment.ends_with(['.', ' ']);
    if is_odd || segment.starts_with('.') || is_device(&segment) {
        return Err(PathError::Hidden);
    }
    Ok(segment)
}

fn is_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let numbered = |name| {
        let number = stem
            .strip_prefix(name)
            .map(|rest| rest.chars().count() == 1 && !rest.starts_with('0'));
        number == Some(true) && !stem.ends_with(|c: char| c.is_ascii_alphabetic())
    };
    DEVICES.contains(&&*stem) || numbered("com") || numbered("lpt")
}

/// The decoded names and values of a query, in order; `+` stands for a space. What cannot be decoded stays as it is.
pub(crate) fn query_pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode(&spaced).unwrap_or(spaced)
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// A path as a script sees it: decoded, or as received if that is not possible.
pub(crate) fn decoded(path: &str) -> String {
    percent_decode(path).unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_or_a_folder() {
        let parsed = |path| FilePath::parse(path).map(|path| (path.joined(), path.is_folder));
        assert_eq!(parsed(""), Ok((String::new(), true)));
        assert_eq!(parsed("/"), Ok((String::new(), true)));
        assert_eq!(parsed("/a/b%20c.txt"), Ok(("a/b c.txt".into(), false)));
        assert_eq!(parsed("a/"), Ok(("a".into(), true)));
        assert_eq!(parsed("%C3%A9.html"), Ok(("é.html".into(), false)));
        assert_eq!(parsed("100%25"), Ok(("100%".into(), false)));
    }

    #[test]
    fn no_path_leaves_its_folder() {
        for path in [
            "/..",
            "/../a",
            "/a/../b",
            "/.",
            "/a/./b",
            "/%2e%2e/a",
            "/%2E./a",
            "/a\\b",
            "/..%5ca",
            "/%5c",
            "/a%00b",
            "/%0a",
            "/%",
            "/%2",
            "/%zz",
            "/%ff",
            "/a%c0%af",
            "/%c0%ae%c0%ae/a",
            "/%0d%0aX",
            "/..%2f..%2fa",
            "/%2e%2e%2Fa",
            "/a%2f..%2f..%2fb",
            "/a%2f%2e",
            "/..%20",
            "/a%2f..%20%2fb",
        ] {
            assert_eq!(FilePath::parse(path), Err(PathError::Invalid), "{path}");
        }
        for path in [
            "/a%2fb",
            "/%2Fetc",
            "//etc",
            "/a//b",
            "/a%2f...%2fb",
            "/C:/a",
            "/c:",
            "/a:stream",
        ] {
            assert_eq!(FilePath::parse(path), Err(PathError::Hidden), "{path}");
        }
        // Decoded once, it is just an odd name.
        for path in ["/%252e%252e/a", "/%252fa", "/%255c"] {
            let parsed = FilePath::parse(path).expect("a name").joined();
            assert!(parsed.contains('%'), "{parsed}");
        }
    }

    #[test]
    fn what_is_hidden_stays_hidden() {
        for path in [
            "/.git/config",
            "/a/.env",
            "/%2egit",
            "/...",
            "/a.",
            "/a%20",
            "/nul",
            "/a/CON.txt",
            "/com1",
            "/LPT9.x",
        ] {
            assert_eq!(FilePath::parse(path), Err(PathError::Hidden), "{path}");
        }
        for path in ["/console", "/com", "/com0", "/comb", "/auxiliary.js", "/a.b.c", "/null"] {
            assert!(FilePath::parse(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn a_folder_is_encoded_again() {
        let path = FilePath::parse("/a%20b/%C3%A9").expect("a path");
        assert_eq!(path.as_folder(), "/a%20b/%C3%A9/");
        assert_eq!(FilePath::parse("").expect("a path").as_folder(), "/");
    }

    #[test]
    fn a_path_lies_below_another() {
        let path = |text| FilePath::parse(text).expect("a path");
        let below = |text, prefix| {
            path(text)
                .below(&path(prefix))
                .map(|path| (path.joined(), path.is_folder))
        };
        assert_eq!(below("/a/b/c", "/a/"), Some(("b/c".into(), false)));
        assert_eq!(below("/%61/b/", "/a"), Some(("b".into(), true)));
        assert_eq!(below("/a", "/a"), Some((String::new(), true)));
        assert_eq!(below("/ab", "/a"), None);
        assert_eq!(below("/x", "/"), Some(("x".into(), false)));
    }

    #[test]
    fn a_query_is_pairs() {
        let pairs = query_pairs("a=1&b=x+y%26z&c&&=d&e=%zz");
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(pairs, [("a", "1"), ("b", "x y&z"), ("c", ""), ("", "d"), ("e", "%zz")]);
    }
}
