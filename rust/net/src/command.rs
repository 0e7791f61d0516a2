//! Commands from the main thread to the sockets: everything that crosses in this direction.

use bytes::{Bytes, BytesMut};

use crate::address::Destination;
use crate::options::KeepAlive;
use crate::tls::TlsUpgrade;
use crate::websocket::close_code::CloseFrame;

/// A command to a TCP connection. Commands are carried out in order, except [`TcpCommand::Abort`], [`TcpCommand::Shed`]
/// and the options, which overtake bytes still waiting to be sent.
#[derive(Debug)]
pub enum TcpCommand {
    /// Send these bytes.
    Send(BytesMut),
    /// Report [`crate::event::TcpEvent::Flushed`] with this token once everything before it was handed to the system.
    Flush(u64),
    /// Send all preceding bytes unencrypted, then switch to TLS. The bytes here are the beginning of the peer's TLS
    /// data, if some was read already. Answered by [`crate::event::TcpEvent::TlsReady`],
    /// [`crate::event::TcpEvent::TlsFailed`] or a close.
    StartTls(Box<(TlsUpgrade, Bytes)>),
    /// Send FIN (with TLS, close_notify first) after all preceding bytes; receiving continues.
    ShutdownSend,
    /// Send all preceding bytes, then FIN, and end the connection.
    Close,
    /// Drop all unsent bytes and end the connection with RST.
    Abort,
    /// Like [`TcpCommand::Abort`], because the connection is among those that hold most of the memory of its listener's
    /// clients.
    Shed,
    /// Disable (`true`) or enable Nagle's algorithm.
    SetNoDelay(bool),
    /// Enable keep-alive probes with these settings; `None` disables them.
    SetKeepAlive(Option<KeepAlive>),
}

/// A command to a UDP socket. Commands are carried out in order, except that a datagram to a name that is being looked
/// up holds up only later ones to the same name.
#[derive(Debug)]
pub(crate) enum UdpCommand {
    /// Connect to this host: send to it by default, and receive from no other.
    Connect(Destination),
    /// Send a datagram.
    Send {
        /// The payload.
        data: Bytes,
        /// The destination; `None` is the host that the socket is connected to.
        to: Option<Destination>,
        /// Report [`crate::event::UdpEvent::Sent`] or [`crate::event::UdpEvent::SendFailed`] with this token.
        token: Option<u64>,
    },
    /// Send what is queued, then close.
    Close,
}

/// A command to one WebSocket client, carried out in order. Messages are encoded frames: a server's frames are not
/// masked (RFC 6455 section 5.1), so one encoded frame serves every client.
#[derive(Debug)]
pub(crate) enum WebSocketCommand {
    /// Send these frames. Consecutive small messages share one block.
    Frames(Vec<u8>),
    /// Send this frame, which is shared with other clients.
    Shared(Bytes),
    /// Send a ping with this payload of at most 125 bytes, and measure the time until its pong.
    Ping(Bytes),
    /// Answer [`crate::event::WebSocketClientEvent::Flushed`] with this token once everything before it was handed to
    /// the system.
    Flush(u64),
    /// Send all preceding frames, then this close frame; end the connection once the peer has answered.
    Close(CloseFrame),
    /// The same, but drop preceding frames that are not being sent yet.
    CloseNow(CloseFrame),
}
