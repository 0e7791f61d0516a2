//! What the main thread asks of a socket: the whole traffic in this direction.

use bytes::{Bytes, BytesMut};

use crate::address::Destination;
use crate::options::KeepAlive;
use crate::tls::TlsUpgrade;
use crate::websocket::close_code::CloseFrame;

/// An order to a TCP connection. They are carried out in the order given, except [`TcpCommand::Abort`],
/// [`TcpCommand::Shed`] and the options, which overtake the bytes that still wait.
#[derive(Debug)]
pub enum TcpCommand {
    /// Send these bytes.
    Send(BytesMut),
    /// Answer [`crate::event::TcpEvent::Flushed`] with this token once everything before it went to the system.
    Flush(u64),
    /// Send the bytes before it in plain, then go on with TLS. The bytes are the peer's first in TLS, if some were read
    /// already. Answered by [`crate::event::TcpEvent::TlsReady`], [`crate::event::TcpEvent::TlsFailed`] or a close.
    StartTls(Box<(TlsUpgrade, Bytes)>),
    /// Send FIN (with TLS, close_notify before it) after the bytes before it; receiving goes on.
    ShutdownSend,
    /// Send the bytes before it, then FIN, and end the connection.
    Close,
    /// Drop what waits and end the connection with RST.
    Abort,
    /// The same, because the connection holds most of the memory of its listener's clients.
    Shed,
    /// Switch Nagle's algorithm off (`true`) or on.
    SetNoDelay(bool),
    /// Probe an idle peer, or do not.
    SetKeepAlive(Option<KeepAlive>),
}

/// An order to a UDP socket. They are carried out in the order given, except that a datagram to a name that is being
/// looked up holds up only the later ones to the same name.
#[derive(Debug)]
pub(crate) enum UdpCommand {
    /// Send to this host from now on, and hear no other.
    Connect(Destination),
    /// Send a datagram.
    Send {
        /// Its bytes.
        data: Bytes,
        /// Where to; `None` is the host that the socket is connected to.
        to: Option<Destination>,
        /// Answer [`crate::event::UdpEvent::Sent`] or [`crate::event::UdpEvent::SendFailed`] with this token.
        token: Option<u64>,
    },
    /// Send what waits, then close.
    Close,
}

/// An order to one WebSocket client, carried out in the order given. Messages come as frames ready for the wire: a
/// server's frames are not masked (RFC 6455 section 5.1), so that one serialised frame serves every client.
#[derive(Debug)]
pub(crate) enum WebSocketCommand {
    /// Send these frames. Small messages in a row share one block.
    Frames(Vec<u8>),
    /// Send this frame, which other clients get too.
    Shared(Bytes),
    /// Send a ping with this payload of at most 125 bytes, and measure the time to its pong.
    Ping(Bytes),
    /// Send what was given before, then this close frame; end the connection when the peer has answered.
    Close(CloseFrame),
    /// The same, without what was given before and is not on its way yet.
    CloseNow(CloseFrame),
}
