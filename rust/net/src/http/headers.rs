//! Header lines (RFC 9110 section 5).

use thiserror::Error;

/// Headers of a response that only this crate writes: those of the opening handshake, the length, and those about the
/// connection (RFC 9110 section 7.6.1).
const RESERVED: [&str; 13] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The header lines of a received message, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// All names and values concatenated: one allocation per message instead of two per line.
    text: Box<str>,
    /// The ends of each name and of its value in `text`.
    ends: Box<[(u32, u32)]>,
}

impl Headers {
    /// Replaces invalid UTF-8 in values by U+FFFD.
    pub(crate) fn new<'a>(lines: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut text = String::new();
        let mut ends = Vec::new();
        for (name, value) in lines {
            text.push_str(name);
            let name_end = text.len();
            text.push_str(&String::from_utf8_lossy(value));
            // A head is limited to far less than 4 GiB.
            ends.push((
                u32::try_from(name_end).unwrap_or(u32::MAX),
                u32::try_from(text.len()).unwrap_or(u32::MAX),
            ));
        }
        Self {
            text: text.into(),
            ends: ends.into(),
        }
    }

    /// The names and values, as received.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut from = 0;
        self.ends.iter().map(move |&(name_end, end)| {
            let name = self.text.get(from..name_end as usize).unwrap_or_default();
            let value = self.text.get(name_end as usize..end as usize).unwrap_or_default();
            from = end as usize;
            (name, value)
        })
    }

    /// The values of all lines with a name; case is ignored.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The value of the first line with a name; case is ignored.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Whether a header whose value is a list of tokens, on one line or several, contains a token; case is ignored.
    pub(crate) fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name)
            .flat_map(|line| line.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case(token))
    }

    /// Number of lines.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The memory that they take, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.text.len() + size_of_val(&*self.ends)
    }

    /// Whether there are no lines.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// An additional header line for a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHeader {
    name: String,
    value: String,
}

impl ResponseHeader {
    /// Parses `Name: value`. The name is a token (RFC 9110 section 5.6.2); whitespace around the value is removed.
    ///
    /// # Errors
    /// [`HeaderError::Invalid`] for any other line, among them one with a control character in the value, which could
    /// begin another line. [`HeaderError::Reserved`] for a header that the server writes itself.
    pub fn parse(line: &str) -> Result<Self, HeaderError> {
        let is_reserved = |name: &str| RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name));
        let (name, value) = parse_line(line, is_reserved)?;
        Ok(Self { name, value })
    }

    /// The name, as given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// Parses an additional header line into its name and its value, unless the name is one that this crate writes itself.
pub(crate) fn parse_line(line: &str, is_reserved: impl Fn(&str) -> bool) -> Result<(String, String), HeaderError> {
    let (name, value) = split(line)?;
    if is_reserved(name) {
        return Err(HeaderError::Reserved(name.to_owned()));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Splits a header line into its name, a token, and its value, which has no control character that could begin another
/// line.
fn split(line: &str) -> Result<(&str, &str), HeaderError> {
    let parts = line
        .split_once(':')
        .map(|(name, value)| (name, value.trim_matches([' ', '\t'])));
    parts
        .filter(|(name, value)| is_token(name) && !value.chars().any(|c| c.is_control() && c != '\t'))
        .ok_or_else(|| HeaderError::Invalid(line.to_owned()))
}

/// Why a header line was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// Not a header line.
    #[error("'{0}' is not a header line: use 'Name: value' without control characters")]
    Invalid(String),
    /// The name of a header that this crate writes itself.
    #[error("the header '{0}' is written by the library itself")]
    Reserved(String),
}

/// Whether a text is a token (RFC 9110 section 5.6.2).
pub(crate) fn is_token(text: &str) -> bool {
    let of_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(of_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_header_line_can_be_smuggled_in() {
        for line in [
            "",
            "X",
            ": x",
            "X y: z",
            "X: a\r\nSet-Cookie: b",
            "X: a\nb",
            "X: a\0",
            "Upgrade: h2c",
            "keep-alive: timeout=5",
            "Content-Length: 0",
            "Transfer-Encoding: chunked",
            "SEC-WEBSOCKET-ACCEPT: x",
            "X\r\n: a",
        ] {
            assert!(ResponseHeader::parse(line).is_err(), "{line:?}");
        }
        let header = ResponseHeader::parse("X-Server:  a: b ").expect("valid");
        assert_eq!((header.name(), header.value()), ("X-Server", "a: b"));
    }

    #[test]
    fn an_invalid_line_and_a_reserved_header_are_told_apart() {
        let error = |line| ResponseHeader::parse(line).err();
        assert_eq!(error("X: a\nb"), Some(HeaderError::Invalid("X: a\nb".into())));
        assert_eq!(
            error("Upgrade : h2c"),
            Some(HeaderError::Invalid("Upgrade : h2c".into()))
        );
        assert_eq!(error("upgrade: h2c"), Some(HeaderError::Reserved("upgrade".into())));
    }
}
