//! What a client asked for when it came in.

use std::net::SocketAddr;

use thiserror::Error;

/// The header lines of a request, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// All names and values in a row: one small block per client instead of two per line.
    text: Box<str>,
    /// Where each name and each value ends.
    ends: Box<[(u32, u32)]>,
}

impl Headers {
    /// Bytes that are no UTF-8 become U+FFFD.
    pub(crate) fn new<'a>(lines: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut text = String::new();
        let mut ends = Vec::new();
        for (name, value) in lines {
            text.push_str(name);
            let name_end = text.len();
            text.push_str(&String::from_utf8_lossy(value));
            // A head has a few KiB.
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

    /// Names and values as they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut from = 0;
        self.ends.iter().map(move |&(name_end, end)| {
            let name = self.text.get(from..name_end as usize).unwrap_or_default();
            let value = self.text.get(name_end as usize..end as usize).unwrap_or_default();
            from = end as usize;
            (name, value)
        })
    }

    /// All values of a name, whatever the case of its letters.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The first value of a name, whatever the case of its letters.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// A valid request to open a WebSocket (RFC 6455 section 4.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The path, beginning with `/`, as it came (percent signs and all).
    pub path: String,
    /// What followed the `?`, without it; empty if there was none.
    pub query: String,
    /// All header lines.
    pub headers: Headers,
    /// The `Sec-WebSocket-Key`, 24 characters.
    pub(crate) key: String,
}

impl Request {
    /// The subprotocols that the client offers, its favourite first.
    #[must_use]
    pub fn protocols(&self) -> Vec<&str> {
        self.headers
            .all("Sec-WebSocket-Protocol")
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect()
    }
}

/// A request that waits for the main thread's decision.
#[derive(Debug)]
pub struct HandshakeRequest {
    /// What is asked for.
    pub request: Request,
    /// Who asks.
    pub peer: SocketAddr,
}

/// Why a client that the main thread was asked about did not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HandshakeFailure {
    /// Nobody decided within [`crate::websocket::options::HandshakeOptions::timeout`].
    #[error("nobody decided in time")]
    Expired,
    /// The client closed the connection, or broke it.
    #[error("the client left")]
    Left,
    /// It was accepted, and the server is full meanwhile.
    #[error("the server is full")]
    Full,
    /// It was accepted, and its address has its number of clients meanwhile.
    #[error("its address has too many clients")]
    Crowded,
    /// The server stops.
    #[error("the server is stopping")]
    Stopping,
    /// It was accepted, and the answer could not be sent.
    #[error("the answer could not be sent")]
    Unsent,
}

/// What is known of a client that came in.
#[derive(Debug)]
pub struct ClientInfo {
    /// Its request.
    pub request: Request,
    /// Its address; IPv4 on a dual-stack socket too.
    pub peer: SocketAddr,
    /// The subprotocol agreed on; empty if none.
    pub protocol: String,
}
