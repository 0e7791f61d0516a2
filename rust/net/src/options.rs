//! Options of TCP connections, listeners and UDP sockets. (Those of a WebSocket server are in
//! [`crate::websocket::options`].)

use std::num::NonZeroU8;
use std::time::Duration;

use bytes::Bytes;

use crate::admission::AdmissionRules;
use crate::limits::{
    DEFAULT_MAX_BUFFERED, DEFAULT_MAX_DATAGRAM_BYTES, DEFAULT_MAX_DATAGRAMS, DEFAULT_MAX_PENDING_SEND,
    DEFAULT_MAX_TOTAL, TLS_HANDSHAKE_TIMEOUT,
};
use crate::tls::{TlsClientConfig, TlsServerConfig};

/// When to probe an idle peer (TCP keep-alive, RFC 1122 section 4.2.3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// Idle time before the first probe, limited to 1 to 32,767 seconds. Default 60 seconds.
    pub idle: Duration,
    /// Time between probes, limited likewise. Default 10 seconds.
    pub interval: Duration,
    /// Unanswered probes after which the connection is dead, limited to 1 to 127. Windows before version 10 (1703)
    /// always sends 10. Default 6.
    pub count: u32,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(60),
            interval: Duration::from_secs(10),
            count: 6,
        }
    }
}

/// Options of one TCP connection.
#[derive(Debug, Clone)]
pub struct TcpOptions {
    /// Whether small segments are sent at once (Nagle's algorithm off). Default `true`.
    pub no_delay: bool,
    /// When to probe an idle peer. Default `None`: never.
    pub keep_alive: Option<KeepAlive>,
    /// Received bytes that may be queued for the user. At the limit, reading stops and TCP slows the peer. Default 1
    /// MiB.
    pub max_buffered: usize,
    /// Bytes that may be queued for sending. Beyond it, a send fails with [`crate::error::SendError::Full`]. Default
    /// 16 MiB.
    pub max_pending_send: usize,
    /// Time limit for name lookup, connect and TLS handshake together. `None` leaves it to the system. Default 30
    /// seconds.
    pub connect_timeout: Option<Duration>,
    /// TLS from the first byte, for an outgoing connection. Default `None`: plain.
    pub tls: Option<TlsClientConfig>,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            no_delay: true,
            keep_alive: None,
            max_buffered: DEFAULT_MAX_BUFFERED,
            max_pending_send: DEFAULT_MAX_PENDING_SEND,
            connect_timeout: Some(Duration::from_secs(30)),
            tls: None,
        }
    }
}

/// Options of a listening TCP socket.
#[derive(Debug, Clone)]
pub struct ListenOptions {
    /// Connections that the system may hold before they are accepted. Default 1024.
    pub backlog: i32,
    /// Maximum number of simultaneous connections. Default `None`: no limit.
    pub max_clients: Option<usize>,
    /// Memory that all accepted connections together may take, in bytes: received data that the user has not taken, and
    /// unsent data. At the limit, those that hold the most are ended with [`crate::event::CloseReason::Error`] and an
    /// error of [`std::io::ErrorKind::OutOfMemory`]; the user is expected to drop what it holds of them. 0 sets no
    /// limit. Default 256 MiB.
    pub max_total: usize,
    /// Who may connect, by address. Default: everyone.
    pub admission: AdmissionRules,
    /// What a connection beyond [`Self::max_clients`] is sent before it is closed; may be empty. `None` leaves such a
    /// connection in the backlog. Default `None`.
    pub farewell: Option<Bytes>,
    /// Options of every accepted connection.
    pub tcp: TcpOptions,
    /// TLS from the first byte: only connections whose handshake has succeeded are accepted. Default `None`: plain.
    pub tls: Option<TlsServerConfig>,
    /// Time limit of that handshake. Default 10 seconds.
    pub tls_timeout: Duration,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            backlog: 1024,
            max_clients: None,
            max_total: DEFAULT_MAX_TOTAL,
            admission: AdmissionRules::default(),
            farewell: None,
            tcp: TcpOptions::default(),
            tls: None,
            tls_timeout: TLS_HANDSHAKE_TIMEOUT,
        }
    }
}

/// Options of one UDP socket.
#[derive(Debug, Clone)]
pub struct UdpOptions {
    /// Received datagrams that may be queued for the user, at least 1. At the limit, a new one replaces the oldest.
    /// Default 16,384.
    pub max_datagrams: usize,
    /// Received bytes that may be queued for the user. Beyond it, the oldest datagrams are dropped; the newest is
    /// always kept. Default 16 MiB.
    pub max_datagram_bytes: usize,
    /// Bytes that may be queued for sending, [`crate::limits::DATAGRAM_OVERHEAD`] included for each datagram. Beyond
    /// it, a send fails with [`crate::error::SendError::Full`]. Default 16 MiB.
    pub max_pending_send: usize,
    /// Whether sending to broadcast addresses is allowed. Default `false`.
    pub broadcast: bool,
    /// Maximum number of routers that a datagram passes (TTL), unicast and multicast. Default `None`: the system's,
    /// usually 64 for unicast and 1 for multicast.
    pub ttl: Option<NonZeroU8>,
    /// Whether other sockets that set this too may bind the same port, as several receivers of one multicast group on
    /// one machine must. Default `false`.
    pub reuse_address: bool,
}

impl Default for UdpOptions {
    fn default() -> Self {
        Self {
            max_datagrams: DEFAULT_MAX_DATAGRAMS,
            max_datagram_bytes: DEFAULT_MAX_DATAGRAM_BYTES,
            max_pending_send: DEFAULT_MAX_PENDING_SEND,
            broadcast: false,
            ttl: None,
            reuse_address: false,
        }
    }
}
