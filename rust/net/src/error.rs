//! What can go wrong, one small enum per operation.

use std::io;

use thiserror::Error;

/// Why a host, an address or a port given by the user was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// The port is outside the range that the operation takes.
    #[error("port {0} is outside {1}..65535")]
    Port(i64, u16),
    /// The host is empty, too long (over 253 bytes) or has characters that no host name has.
    #[error("'{0}' is not a host name or an IP address")]
    Host(String),
    /// A local address has to be `*`, `localhost` or an IP address: looking a name up would block.
    #[error("'{0}' is not a local address: give '*', 'localhost' or an IP address")]
    Bind(String),
}

/// Why a connection could not be made.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The name has no address.
    #[error("cannot resolve '{host}': {source}")]
    Resolve {
        /// The name that was looked up.
        host: String,
        /// What the system's resolver said.
        source: io::Error,
    },
    /// No address of the host answered with success; the error is the last one's.
    #[error("cannot connect to {host}:{port}: {source}")]
    Connect {
        /// The host as given.
        host: String,
        /// The port as given.
        port: u16,
        /// What the system said of the last address tried.
        source: io::Error,
    },
    /// The connect timeout passed first.
    #[error("no connection to {host}:{port} within {seconds} s")]
    TimedOut {
        /// The host as given.
        host: String,
        /// The port as given.
        port: u16,
        /// The timeout, in seconds.
        seconds: f64,
    },
}

/// Why a listener or a bound socket could not start.
#[derive(Debug, Error)]
pub enum BindError {
    /// Another socket has the port.
    #[error("port {0} is already in use")]
    InUse(u16),
    /// The system does not let this user have the port (below 1024, as a rule).
    #[error("no permission to use port {0}")]
    Denied(u16),
    /// No interface of this machine has the address.
    #[error("this machine has no address {0}")]
    NoSuchAddress(String),
    /// Anything else that the system said.
    #[error("cannot bind: {0}")]
    Io(#[from] io::Error),
}

/// Why bytes were not taken for sending. Nothing of them was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// The queue of unsent bytes is at its limit.
    #[error("the queue of unsent bytes is full")]
    Full,
    /// The sending side is shut down, or the socket is closed.
    #[error("the sending side is closed")]
    Closed,
}
