//! Parsing of a request head (RFC 9112 sections 2 to 5).

use thiserror::Error;

use super::headers::Headers;
use super::response::Refusal;

/// Schemes of a target in absolute form.
const SCHEMES: [&str; 4] = ["http", "https", "ws", "wss"];

/// Limits of a head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadLimits {
    /// In bytes.
    pub(crate) max_head: usize,
    /// In header lines.
    pub(crate) max_headers: usize,
}

/// The result of parsing the bytes received so far.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed<T> {
    /// The head is incomplete.
    Partial,
    /// The head, and its length in bytes.
    Complete(T, usize),
}

/// Why a head is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum HeadError {
    /// Over [`HeadLimits::max_head`].
    #[error("the head is too long")]
    TooLong,
    /// Over [`HeadLimits::max_headers`].
    #[error("too many header lines")]
    TooManyHeaders,
    #[error("not HTTP/1.1 ({0})")]
    Syntax(httparse::Error),
}

impl From<HeadError> for Refusal {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::TooLong => Self::new(431, "The request head is too long.\n"),
            HeadError::TooManyHeaders => Self::new(431, "Too many header lines.\n"),
            HeadError::Syntax(_) => Self::bad_request(&error.to_string()),
        }
    }
}

/// The version in a request line; others are a syntax error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Http10,
    Http11,
}

/// A request head. Its method and its target may still be ones that the server does not support.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RequestHead<'a> {
    /// Case-sensitive.
    pub(crate) method: &'a str,
    /// As received, see [`Self::path_and_query`].
    pub(crate) target: &'a str,
    pub(crate) version: Version,
    pub(crate) headers: Headers,
}

impl<'a> RequestHead<'a> {
    /// Parses a head. `bytes` is everything received so far; what follows the head is ignored.
    pub(crate) fn parse(bytes: &'a [u8], limits: HeadLimits) -> Result<Parsed<Self>, HeadError> {
        let mut lines = vec![httparse::EMPTY_HEADER; limits.max_headers];
        let mut head = httparse::Request::new(&mut lines);
        let len = match head.parse(bytes) {
            Ok(httparse::Status::Complete(len)) if len <= limits.max_head => len,
            Ok(httparse::Status::Partial) if bytes.len() < limits.max_head => return Ok(Parsed::Partial),
            Ok(_) => return Err(HeadError::TooLong),
            Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooManyHeaders),
            Err(error) => return Err(HeadError::Syntax(error)),
        };
        let head = Self {
            method: head.method.unwrap_or_default(),
            target: head.path.unwrap_or_default(),
            version: match head.version {
                Some(1) => Version::Http11,
                _ => Version::Http10,
            },
            headers: Headers::new(head.headers.iter().map(|line| (line.name, line.value))),
        };
        Ok(Parsed::Complete(head, len))
    }

    /// Splits a target in origin form or absolute form (RFC 9112 section 3.2) into its path, which begins with `/`, and
    /// its query, which is empty if there is none. Refuses the other forms, and a target with a fragment.
    pub(crate) fn path_and_query(&self) -> Result<(&'a str, &'a str), Refusal> {
        let path_and_query = match self.target.split_once("://") {
            Some((scheme, rest)) if SCHEMES.iter().any(|s| s.eq_ignore_ascii_case(scheme)) => {
                rest.find(['/', '?']).map_or("", |at| &rest[at..])
            }
            _ if self.target.starts_with('/') => self.target,
            _ => return Err(Refusal::bad_request("the target is no path")),
        };
        if path_and_query.contains('#') {
            return Err(Refusal::bad_request("the target has a fragment"));
        }
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        Ok((if path.is_empty() { "/" } else { path }, query))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits {
        max_head: 8 * 1024,
        max_headers: 64,
    };

    fn parse(text: &str) -> Result<Parsed<RequestHead<'_>>, HeadError> {
        RequestHead::parse(text.as_bytes(), LIMITS)
    }

    fn path_and_query(target: &str) -> Result<(String, String), u16> {
        match parse(&format!("GET {target} HTTP/1.1\r\n\r\n")) {
            Ok(Parsed::Complete(head, _)) => head
                .path_and_query()
                .map(|(path, query)| (path.to_owned(), query.to_owned()))
                .map_err(|refusal| refusal.status),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_head_is_partial_until_its_last_byte() {
        let text = "POST /a/b?c=d&e HTTP/1.1\r\nHost: a\r\nX-Y: z \r\n\r\n";
        for end in 0..text.len() {
            assert_eq!(parse(&text[..end]), Ok(Parsed::Partial), "{end}");
        }
        let received = format!("{text}body");
        let Ok(Parsed::Complete(head, len)) = parse(&received) else {
            panic!("not complete");
        };
        assert_eq!(len, text.len());
        assert_eq!((head.method, head.version), ("POST", Version::Http11));
        assert_eq!(head.path_and_query(), Ok(("/a/b", "c=d&e")));
        assert_eq!(head.headers.len(), 2);
        assert_eq!(head.headers.get("hOST"), Some("a"));
    }

    #[test]
    fn a_version_is_1_0_or_1_1() {
        let version = |version| match parse(&format!("GET / {version}\r\n\r\n")) {
            Ok(Parsed::Complete(head, _)) => Ok(head.version),
            other => Err(format!("{other:?}")),
        };
        assert_eq!(version("HTTP/1.0"), Ok(Version::Http10));
        assert_eq!(version("HTTP/1.1"), Ok(Version::Http11));
        assert!(version("HTTP/2.0").is_err_and(|error| error.contains("Syntax")));
    }

    #[test]
    fn a_target_is_a_path_or_has_one() {
        assert_eq!(path_and_query("http://a:1/b?c"), Ok(("/b".into(), "c".into())));
        assert_eq!(path_and_query("ws://a"), Ok(("/".into(), String::new())));
        assert_eq!(path_and_query("ws://a?b"), Ok(("/".into(), "b".into())));
        for target in ["*", "a:1", "ftp://a/b", "/#a"] {
            assert_eq!(path_and_query(target), Err(400), "{target}");
        }
    }

    #[test]
    fn a_head_has_its_limits() {
        let with = |lines: &str| parse(&format!("GET / HTTP/1.1\r\n{lines}\r\n")).err();
        assert_eq!(with(&"X: x\r\n".repeat(64)), None);
        assert_eq!(with(&"X: x\r\n".repeat(65)), Some(HeadError::TooManyHeaders));
        assert_eq!(
            with(&format!("X: {}\r\n", "x".repeat(8 * 1024))),
            Some(HeadError::TooLong)
        );
        let unfinished = format!("GET /{}", "x".repeat(8 * 1024));
        assert_eq!(parse(&unfinished), Err(HeadError::TooLong));
        for error in [HeadError::TooLong, HeadError::TooManyHeaders] {
            assert_eq!(Refusal::from(error).status, 431, "{error}");
        }
    }
}
