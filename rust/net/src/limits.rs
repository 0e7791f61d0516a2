//! Fixed limits, and the defaults that several options share.

use std::time::Duration;

/// How long a closing connection waits for the peer to take some of what is queued. After this time without progress it
/// is reset.
pub(crate) const CLOSE_FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection that has sent FIN waits for a silent peer to send its own. Until then, received bytes are read
/// and discarded: closing at once would make the system answer them with RST, which can destroy data that the peer has
/// not read yet.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// The same for a peer that keeps sending.
pub(crate) const LINGER_LIMIT: Duration = Duration::from_secs(30);

/// Default of [`crate::options::TcpOptions::max_buffered`], in bytes.
pub(crate) const DEFAULT_MAX_BUFFERED: usize = 1024 * 1024;

/// Default of `max_pending_send` of a TCP connection or a UDP socket, in bytes.
pub(crate) const DEFAULT_MAX_PENDING_SEND: usize = 16 * 1024 * 1024;

/// Default limit on the memory of all connections of one server or listener together, in bytes.
pub const DEFAULT_MAX_TOTAL: usize = 256 * 1024 * 1024;

/// Maximum number of events queued for the main thread per TCP connection. At the limit, the connection is not read.
pub const MAX_QUEUED_EVENTS: usize = 1024;

/// Default time limit of a TLS handshake.
pub const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Stands for "no limit" where a duration is required: thirty years.
pub const NO_TIME_LIMIT: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Maximum number of TLS handshakes in progress per listener. At the limit, a new connection displaces the oldest
/// incomplete handshake of the address that has the most.
pub const MAX_TLS_HANDSHAKES: usize = 256;

/// Largest payload of a datagram, in bytes: an IPv4 packet (65,535 bytes) less the IPv4 and UDP headers (RFC 791,
/// RFC 768).
pub const MAX_DATAGRAM: usize = 65_507;

/// Default of [`crate::options::UdpOptions::max_datagrams`].
pub(crate) const DEFAULT_MAX_DATAGRAMS: usize = 16_384;

/// Default of [`crate::options::UdpOptions::max_datagram_bytes`], in bytes.
pub(crate) const DEFAULT_MAX_DATAGRAM_BYTES: usize = 16 * 1024 * 1024;

/// What each unsent datagram counts for in addition to its payload, in bytes.
pub const DATAGRAM_OVERHEAD: usize = 128;

/// Maximum number of events queued for the main thread per UDP socket. At the limit, unreachable peers and failed sends
/// without a token are not reported.
pub const MAX_UDP_EVENTS: usize = 1024;

/// Size requested for each of the two system buffers of a UDP socket, in bytes; the system may grant less. They hold
/// what arrives or is sent between two polls of the task.
pub(crate) const UDP_SYSTEM_BUFFER: usize = 1024 * 1024;

/// How long the addresses of a name are cached.
pub const NAME_LIFETIME: Duration = Duration::from_secs(60);

/// How long a failed lookup is cached.
pub(crate) const NAME_FAILURE_LIFETIME: Duration = Duration::from_secs(2);

/// Time limit of a name lookup.
pub(crate) const NAME_LOOKUP_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a closed UDP socket waits for the system to take what is unsent, including datagrams whose name is being
/// looked up. A socket on a port that the user chose drops the latter, so that its port is free at once.
pub(crate) const UDP_CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
