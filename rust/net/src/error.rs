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

/// Why a datagram was not taken for sending. Nothing of it was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DatagramError {
    /// It is larger than a UDP datagram over IPv4 can be ([`crate::limits::MAX_DATAGRAM`]).
    #[error("a datagram of {0} bytes is too large: {max} is the most", max = crate::limits::MAX_DATAGRAM)]
    TooLarge(usize),
    /// The socket is not connected to a host and no destination was given.
    #[error("the socket is not connected to a host")]
    NotConnected,
    /// The queue of unsent datagrams is at its limit, or the socket is closed.
    #[error(transparent)]
    Queue(#[from] SendError),
}

/// Why a datagram that had been taken for sending did not go out.
#[derive(Debug, Error)]
pub enum DatagramLost {
    /// The name of the host has no address that this socket can send to.
    #[error("cannot resolve '{host}': {source}")]
    Resolve {
        /// The name that was looked up.
        host: String,
        /// What the system's resolver said.
        source: io::Error,
    },
    /// The system refused it.
    #[error("cannot send: {0}")]
    Io(#[from] io::Error),
    /// The socket was to be connected to a host, and that failed.
    #[error("the socket is not connected to a host")]
    NotConnected,
    /// The socket was closed first.
    #[error("the socket was closed first")]
    Closed,
}

/// Why a multicast group was not joined or left, or an interface not chosen.
#[derive(Debug, Error)]
pub enum MulticastError {
    /// The group is no multicast address (IPv4 224.0.0.0/4, IPv6 ff00::/8).
    #[error("'{0}' is not a multicast address")]
    Group(String),
    /// No interface of this machine has this name, index or address with an address of the group's family.
    #[error("this machine has no interface '{0}' for the group")]
    Interface(String),
    /// The socket is closed.
    #[error("the socket is closed")]
    Closed,
    /// The system refused it.
    #[error("{0}")]
    Io(#[from] io::Error),
}
