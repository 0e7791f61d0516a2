//! What the main thread asks of a socket: the whole traffic in this direction.

use bytes::{Bytes, BytesMut};

use crate::address::Destination;
use crate::limits::KeepAlive;

/// An order to a TCP connection. They are carried out in the order given, except [`TcpCommand::Abort`] and the options,
/// which overtake the bytes that still wait.
#[derive(Debug)]
pub enum TcpCommand {
    /// Send these bytes.
    Send(BytesMut),
    /// Answer [`crate::event::TcpEvent::Flushed`] with this token once everything before it went to the system.
    Flush(u64),
    /// Send FIN after the bytes before it; receiving goes on.
    ShutdownSend,
    /// Send the bytes before it, then FIN, and end the connection.
    Close,
    /// Drop what waits and end the connection with RST.
    Abort,
    /// Switch Nagle's algorithm off (`true`) or on.
    SetNoDelay(bool),
    /// Probe an idle peer, or do not.
    SetKeepAlive(Option<KeepAlive>),
}

/// An order to a UDP socket. They are carried out in the order given, except that a datagram to a name that is being
/// looked up holds up only the later ones to the same name.
#[derive(Debug)]
pub enum UdpCommand {
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
