//! Errors, one small enum per operation.

use std::io;

use thiserror::Error;

/// Error parsing a host, an address or a port.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// The port is outside the range that the operation accepts. Holds the port and the lowest valid one.
    #[error("port {0} is outside {1}..65535")]
    Port(i64, u16),
    /// The host is empty, too long (over 253 bytes), or has characters that no host name contains.
    #[error("'{0}' is not a host name or an IP address")]
    Host(String),
    /// A local address must be `*`, `localhost` or an IP address: looking up a name would block.
    #[error("'{0}' is not a local address: give '*', 'localhost' or an IP address")]
    Bind(String),
}

/// Error establishing a TCP connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The host name could not be resolved.
    #[error("cannot resolve '{host}': {source}")]
    Resolve {
        /// The name that was looked up.
        host: String,
        /// The error of the system's resolver.
        source: io::Error,
    },
    /// No address of the host could be connected to; the error is that of the last one tried.
    #[error("cannot connect to {host}:{port}: {source}")]
    Connect {
        /// The host as given.
        host: String,
        /// The port as given.
        port: u16,
        /// The system's error for the last address tried.
        source: io::Error,
    },
    /// The connect timeout expired.
    #[error("no connection to {host}:{port} within {seconds} s")]
    TimedOut {
        /// The host as given.
        host: String,
        /// The port as given.
        port: u16,
        /// The timeout, in seconds.
        seconds: f64,
    },
    /// The TCP connection was established, but the TLS handshake failed.
    #[error("cannot connect to {host}:{port}: {source}")]
    Tls {
        /// The host as given.
        host: String,
        /// The port as given.
        port: u16,
        /// The cause.
        source: TlsError,
    },
}

/// Error in a TLS configuration. Never contains any part of a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TlsConfigError {
    /// The PEM text contains no certificate.
    #[error("there is no certificate in the PEM text")]
    NoCertificate,
    /// A certificate in the PEM text is malformed.
    #[error("a certificate in the PEM text is broken")]
    Certificate,
    /// The PEM text contains no private key, or one of an unsupported kind. Supported are RSA of 2048 bits or more,
    /// ECDSA on P-256 or P-384, and Ed25519.
    #[error("there is no private key in the PEM text, or one of a kind that cannot be used")]
    Key,
    /// The private key does not match the certificate.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// An ALPN protocol name is not 1 to 255 bytes long.
    #[error("'{0}' is not a protocol name of 1 to 255 bytes")]
    Alpn(String),
    /// Any other error of the TLS library.
    #[error("{0}")]
    Library(String),
}

/// Error of a TLS handshake.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The server's certificate is not trusted. No application data was sent to it.
    #[error("the server's certificate is not trusted: {0}")]
    Certificate(CertificateProblem),
    /// The peer aborted the handshake with this TLS alert.
    #[error("the peer refused the TLS handshake: {0}")]
    Refused(String),
    /// The peer's answer is not TLS.
    #[error("the peer does not speak TLS")]
    NotTls,
    /// The two sides have no version or cipher suite in common, or the peer violated the protocol.
    #[error("the TLS handshake failed: {0}")]
    Protocol(String),
    /// The connection ended during the handshake.
    #[error("the connection ended during the TLS handshake: {0}")]
    Io(io::Error),
    /// The server had too many handshakes in progress and dropped this one to make room for a newer one.
    #[error("the TLS handshake had to make room for newer ones")]
    Displaced,
    /// The handshake did not complete within this timeout, in seconds.
    #[error("no TLS handshake within {0} s")]
    TimedOut(f64),
    /// The host is not a name that a certificate can contain.
    #[error("'{0}' is not a host name that a certificate can have")]
    Name(String),
    /// The system's trusted certificates were to be used, but there are none.
    #[error("this system has no trusted certificates: {0}")]
    NoSystemRoots(String),
}

impl TlsError {
    /// Returns whether trust in the server could not be established, as opposed to a failure of the connection.
    #[must_use]
    pub fn is_about_trust(&self) -> bool {
        matches!(self, Self::Certificate(_) | Self::Name(_) | Self::NoSystemRoots(_))
    }
}

/// The reason why a certificate was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateProblem {
    /// Its validity period has ended.
    #[error("it has expired")]
    Expired,
    /// Its validity period has not begun.
    #[error("it is not valid yet")]
    NotYetValid,
    /// It was issued for other hosts: these, if it names any.
    #[error("it is for another host{names}", names = if .0.is_empty() { String::new() } else { format!(": {}", .0.join(", ")) })]
    WrongName(Vec<String>),
    /// It was not signed by a trusted issuer.
    #[error("its issuer is unknown")]
    UnknownIssuer,
    /// It was revoked by its issuer.
    #[error("it was revoked")]
    Revoked,
    /// A signature is invalid.
    #[error("its signature is wrong")]
    BadSignature,
    /// Any other error of the TLS library.
    #[error("{0}")]
    Other(String),
}

/// Error starting TLS on an established connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StartTlsError {
    /// The connection already uses TLS, or is starting it.
    #[error("the connection has TLS already, or is starting it")]
    AlreadyTls,
    /// The sending side is shut down, or the connection is closed.
    #[error("the sending side is closed")]
    Closed,
    /// The bytes of this connection are moved by an [`External`](crate::external::External) owner.
    #[error("a stream of the engine cannot start TLS here")]
    External,
}

/// Error binding a listener or a UDP socket.
#[derive(Debug, Error)]
pub enum BindError {
    /// Another socket has the port. On Windows also if the system reserves it for something else.
    #[error("port {0} is already in use")]
    InUse(u16),
    /// The user may not bind this port (usually one below 1024).
    #[error("no permission to use port {0}")]
    Denied(u16),
    /// No interface of this machine has this address.
    #[error("this machine has no address {0}")]
    NoSuchAddress(String),
    /// Any other system error.
    #[error("cannot bind: {0}")]
    Io(#[from] io::Error),
}

/// Error queueing bytes for sending. None of them were queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// The queue of unsent bytes is full.
    #[error("the queue of unsent bytes is full")]
    Full,
    /// The sending side is shut down, or the socket is closed.
    #[error("the sending side is closed")]
    Closed,
}

/// Error queueing a ping. Nothing was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PingError {
    /// The payload is longer than a control frame can carry (RFC 6455 section 5.5). Holds its length in bytes.
    #[error("a ping carries at most 125 bytes, not {0}")]
    TooLong(usize),
    /// The queue is full, or the connection is closing.
    #[error(transparent)]
    Queue(#[from] SendError),
}

/// Error queueing a datagram for sending. Nothing was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DatagramError {
    /// It is larger than a UDP datagram over IPv4 can be ([`crate::limits::MAX_DATAGRAM`]). Holds its size in bytes.
    #[error("a datagram of {0} bytes is too large: {max} is the most", max = crate::limits::MAX_DATAGRAM)]
    TooLarge(usize),
    /// No destination was given, and the socket is not connected.
    #[error("the socket is not connected to a host")]
    NotConnected,
    /// The queue of unsent datagrams is full, or the socket is closed.
    #[error(transparent)]
    Queue(#[from] SendError),
}

/// The reason why a queued datagram was not sent.
#[derive(Debug, Error)]
pub enum DatagramLost {
    /// The host name has no address that this socket can send to.
    #[error("cannot resolve '{host}': {source}")]
    Resolve {
        /// The name that was looked up.
        host: String,
        /// The error of the system's resolver.
        source: io::Error,
    },
    /// The system refused the operation.
    #[error("cannot send: {0}")]
    Io(#[from] io::Error),
    /// The datagram was for the connected peer, but connecting the socket failed or was replaced by another connect.
    #[error("the socket is not connected to a host")]
    NotConnected,
    /// The socket was closed before the datagram was sent.
    #[error("the socket was closed first")]
    Closed,
}

/// Error joining or leaving a multicast group, or choosing an interface.
#[derive(Debug, Error)]
pub enum MulticastError {
    /// The group is not a multicast address (IPv4 224.0.0.0/4, IPv6 ff00::/8).
    #[error("'{0}' is not a multicast address")]
    Group(String),
    /// No interface of this machine has this name, index or address, together with an address of the group's family.
    #[error("this machine has no interface '{0}' for the group")]
    Interface(String),
    /// The socket is closed.
    #[error("the socket is closed")]
    Closed,
    /// The system refused the operation.
    #[error("{0}")]
    Io(#[from] io::Error),
}
