//! What the main thread asks of a socket: the whole traffic in this direction.

use bytes::BytesMut;

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
