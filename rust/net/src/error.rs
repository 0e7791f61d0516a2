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
    /// The connection stood, but TLS on it did not come about.
    #[error("cannot connect to {host}:{port}: {source}")]
    Tls {
        /// The host as given.
        host: String,
        /// The port as given.
        port: u16,
        /// Why.
        source: TlsError,
    },
}

/// Why the TLS configuration was refused. It never holds a part of a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TlsConfigError {
    /// There is no certificate in the PEM text.
    #[error("there is no certificate in the PEM text")]
    NoCertificate,
    /// A certificate in the PEM text is broken.
    #[error("a certificate in the PEM text is broken")]
    Certificate,
    /// The PEM text has no private key, or one of a kind that TLS does not take here: RSA of 2048 bits or more, ECDSA on
    /// P-256 or P-384, and Ed25519 are taken.
    #[error("there is no private key in the PEM text, or one of a kind that cannot be used")]
    Key,
    /// The private key is not that of the certificate.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// The name of a protocol (ALPN) has 1 to 255 bytes.
    #[error("'{0}' is no protocol name: 1 to 255 bytes")]
    Alpn(String),
    /// Anything else that the TLS library said.
    #[error("{0}")]
    Library(String),
}

/// Why a TLS handshake failed.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The server's certificate is not to be trusted. Nothing was sent to it.
    #[error("the server's certificate is not trusted: {0}")]
    Certificate(CertificateProblem),
    /// The peer ended the handshake and said why.
    #[error("the peer refused the TLS handshake: {0}")]
    Refused(String),
    /// The peer's answer is not TLS.
    #[error("the peer does not speak TLS")]
    NotTls,
    /// The two sides found nothing in common, or the peer broke the protocol.
    #[error("the TLS handshake failed: {0}")]
    Protocol(String),
    /// The connection ended first.
    #[error("the connection ended during the TLS handshake: {0}")]
    Io(io::Error),
    /// The server has too many handshakes under way, and this one made room for a newer one.
    #[error("the TLS handshake had to make room for newer ones")]
    Displaced,
    /// The handshake took too long. In seconds.
    #[error("no TLS handshake within {0} s")]
    TimedOut(f64),
    /// No certificate can be for such a host.
    #[error("'{0}' is no host name that a certificate can have")]
    Name(String),
    /// The system's trusted certificates were to be used, and there are none.
    #[error("this system has no trusted certificates: {0}")]
    NoSystemRoots(String),
}

impl TlsError {
    /// Whether it is about trust: the certificate was refused, not the connection.
    #[must_use]
    pub fn is_about_trust(&self) -> bool {
        matches!(self, Self::Certificate(_) | Self::Name(_) | Self::NoSystemRoots(_))
    }
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateProblem {
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// Its time has not come.
    #[error("it is not valid yet")]
    NotYetValid,
    /// It is for other hosts: these, if it lists any.
    #[error("it is for another host{names}", names = if .0.is_empty() { String::new() } else { format!(": {}", .0.join(", ")) })]
    WrongName(Vec<String>),
    /// Nobody who is trusted has signed it.
    #[error("its issuer is unknown")]
    UnknownIssuer,
    /// Its issuer has taken it back.
    #[error("it was revoked")]
    Revoked,
    /// A signature is wrong.
    #[error("its signature is wrong")]
    BadSignature,
    /// Anything else that the TLS library said.
    #[error("{0}")]
    Other(String),
}

/// Why TLS was not started on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StartTlsError {
    /// The connection has TLS already, or is starting it.
    #[error("the connection has TLS already, or is starting it")]
    AlreadyTls,
    /// The sending side is shut down, or the connection is closed.
    #[error("the sending side is closed")]
    Closed,
    /// The bytes of this connection are moved by somebody else.
    #[error("a stream of the engine cannot start TLS here")]
    External,
}

/// Why a listener or a bound socket could not start.
#[derive(Debug, Error)]
pub enum BindError {
    /// Another socket has the port; on Windows also if the system keeps it for something else.
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
