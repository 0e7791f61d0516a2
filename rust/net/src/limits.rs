//! Limits and options, checked once at the edge; the core takes only these types.

use std::num::NonZeroU8;
use std::time::Duration;

use bytes::Bytes;

use crate::admission::AdmissionRules;
use crate::tls::{TlsClientConfig, TlsServerConfig};

/// How long a closing connection may stand still, the peer taking nothing of what was queued, before it is cut.
pub const CLOSE_FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection that has sent its FIN waits for the peer's own while the peer keeps silent. Until then it reads
/// what the peer still sends: closing at once would make the system answer those bytes with RST, and RST can destroy
/// what the peer has not read yet.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// The same for a peer that goes on sending.
pub const LINGER_LIMIT: Duration = Duration::from_secs(30);

/// Bytes received and not yet taken by the user, per connection: the default.
pub const DEFAULT_MAX_BUFFERED: usize = 1024 * 1024;

/// Bytes queued for sending, per connection: the default.
pub const DEFAULT_MAX_PENDING_SEND: usize = 16 * 1024 * 1024;

/// Memory of all connections of one server or listener together, in bytes: the default.
pub const DEFAULT_MAX_TOTAL: usize = 256 * 1024 * 1024;

/// Events queued for the main thread, per connection.
pub const MAX_QUEUED_EVENTS: usize = 1024;

/// How long a TLS handshake may take, unless said otherwise.
pub const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a time has to be given and there is to be no limit: thirty years.
pub const NO_TIME_LIMIT: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// TLS handshakes that a listener carries on at once. Of more, the oldest that is not complete makes room, beginning with
/// the address that has most of them.
pub const MAX_TLS_HANDSHAKES: usize = 256;

/// When to probe an idle peer (TCP keep-alive, RFC 1122 section 4.2.3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// Idle time before the first probe.
    pub idle: Duration,
    /// Time between probes.
    pub interval: Duration,
    /// Unanswered probes until the connection counts as dead.
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

/// The options of one TCP connection.
#[derive(Debug, Clone)]
pub struct TcpOptions {
    /// Send small segments at once (Nagle's algorithm off).
    pub no_delay: bool,
    /// Probe an idle peer; `None` leaves it alone.
    pub keep_alive: Option<KeepAlive>,
    /// Received bytes that may wait before reading stops and TCP slows the peer.
    pub max_buffered: usize,
    /// Bytes that may wait to be sent before [`crate::error::SendError::Full`].
    pub max_pending_send: usize,
    /// Time for name lookup, connect and TLS together; `None` leaves it to the system.
    pub connect_timeout: Option<Duration>,
    /// TLS from the first byte, for a connection that this side makes.
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

/// The options of a listening TCP socket.
#[derive(Debug, Clone)]
pub struct ListenOptions {
    /// Connections that the system may hold before they are accepted.
    pub backlog: i32,
    /// Connections at once. `None` sets no limit.
    pub max_clients: Option<usize>,
    /// Memory that all accepted connections together may take, in bytes: what was received and not taken by the user, and
    /// what waits to be sent. When it is reached, those that hold most end with
    /// [`crate::event::CloseReason::Error`] and an error of [`std::io::ErrorKind::OutOfMemory`]; the user is to drop what
    /// it has of them. 0 sets no limit.
    pub max_total: usize,
    /// Who may connect, by address.
    pub admission: AdmissionRules,
    /// What a connection beyond [`Self::max_clients`] is sent before it is closed (nothing, if empty). `None`: it waits in
    /// the backlog instead.
    pub farewell: Option<Bytes>,
    /// What every accepted connection starts with.
    pub tcp: TcpOptions,
    /// TLS from the first byte: only connections whose handshake has succeeded are accepted.
    pub tls: Option<TlsServerConfig>,
    /// Time for that handshake.
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

/// The largest datagram that is sent: an IPv4 packet (65,535 bytes) without its own head and UDP's (RFC 768, RFC 791).
pub const MAX_DATAGRAM: usize = 65_507;

/// Datagrams received and not yet taken by the user, per socket: the default.
pub const DEFAULT_MAX_DATAGRAMS: usize = 16_384;

/// Bytes of the datagrams received and not yet taken by the user, per socket: the default.
pub const DEFAULT_MAX_DATAGRAM_BYTES: usize = 16 * 1024 * 1024;

/// What a datagram weighs in the queue of unsent ones beside its bytes.
pub const DATAGRAM_OVERHEAD: usize = 128;

/// Events of a UDP socket that wait for the main thread before failed sends that nobody awaits are left out.
pub const MAX_UDP_EVENTS: usize = 1024;

/// The system's buffers of a UDP socket, in bytes, as asked for; the system may give less. They hold what comes between
/// two visits of the task.
pub const UDP_SYSTEM_BUFFER: usize = 1024 * 1024;

/// How long a name stays known after its lookup.
pub const NAME_LIFETIME: Duration = Duration::from_secs(60);

/// How long a failed lookup is answered with the same failure.
pub const NAME_FAILURE_LIFETIME: Duration = Duration::from_secs(2);

/// The longest lookup of a name.
pub const NAME_LOOKUP_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a closed UDP socket waits for the names of datagrams that still have to go out. Only one whose port the
/// system chose: a port that the user chose is free at once.
pub const UDP_CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The options of one UDP socket.
#[derive(Debug, Clone)]
pub struct UdpOptions {
    /// Datagrams that may wait for the user; the oldest is dropped for one more. At least 1 is kept.
    pub max_datagrams: usize,
    /// Bytes of datagrams that may wait for the user, likewise.
    pub max_datagram_bytes: usize,
    /// Bytes that may wait to be sent ([`DATAGRAM_OVERHEAD`] counts for each datagram) before
    /// [`crate::error::SendError::Full`].
    pub max_pending_send: usize,
    /// Allow sending to broadcast addresses.
    pub broadcast: bool,
    /// Routers that a datagram may pass, unicast and multicast; `None` leaves the system's (64, and 1 for multicast).
    pub ttl: Option<NonZeroU8>,
    /// Let other sockets that ask for the same have the same port, as receivers of one multicast group on one machine
    /// need it.
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
