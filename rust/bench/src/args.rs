//! The command line: `--name value` pairs.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::payload::SEQUENCE_LEN;

/// The protocol and message type that carry the payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Blocks of a fixed length, without framing.
    Tcp,
    /// WebSocket text messages.
    Text,
    /// WebSocket binary messages.
    Binary,
}

pub(crate) struct Args {
    values: HashMap<String, String>,
    start: Instant,
}

impl Args {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, Fault> {
        let mut values = HashMap::new();
        let mut words = words;
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").map(str::to_owned);
            match (name, words.next()) {
                (Some(name), Some(value)) => values.insert(name, value),
                _ => return Err(Fault::Usage(format!("'{word}' is no --option with a value"))),
            };
        }
        Ok(Self {
            values,
            start: Instant::now(),
        })
    }

    pub(crate) fn get<T: FromStr>(&self, name: &str, default: T) -> Result<T, Fault> {
        match self.values.get(name) {
            None => Ok(default),
            Some(value) => value
                .parse()
                .map_err(|_| Fault::Usage(format!("--{name} {value} is no number"))),
        }
    }

    pub(crate) fn text<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.values.get(name).map_or(default, String::as_str)
    }

    pub(crate) fn seconds(&self, name: &str, default: f64) -> Result<Duration, Fault> {
        let seconds = self.get(name, default)?;
        Duration::try_from_secs_f64(seconds).map_err(|_| Fault::Usage(format!("--{name} {seconds} is no time")))
    }

    pub(crate) fn protocol(&self) -> Result<Protocol, Fault> {
        match self.text("protocol", "binary") {
            "tcp" => Ok(Protocol::Tcp),
            "text" => Ok(Protocol::Text),
            "binary" => Ok(Protocol::Binary),
            other => Err(Fault::Usage(format!("--protocol {other} is not tcp, text or binary"))),
        }
    }

    /// The server's address: the given port on localhost.
    pub(crate) fn server(&self) -> Result<SocketAddr, Fault> {
        Ok((Ipv4Addr::LOCALHOST, self.get("port", 0)?).into())
    }

    /// Payload size in bytes.
    pub(crate) fn size(&self) -> Result<usize, Fault> {
        match self.get("size", 64)? {
            size if size >= SEQUENCE_LEN => Ok(size),
            size => Err(Fault::Usage(format!("--size {size} is less than {SEQUENCE_LEN}"))),
        }
    }

    /// Whether the connections use TLS.
    pub(crate) fn tls(&self) -> Result<bool, Fault> {
        Ok(self.get("tls", 0)? != 0)
    }

    /// The moment by which the whole run must be over.
    pub(crate) fn deadline(&self) -> Result<Instant, Fault> {
        Ok(self.start + self.seconds("limit", 60.0)?)
    }
}
