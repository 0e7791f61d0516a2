//! What a socket tells the main thread: the whole traffic in this direction.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::ConnectError;
use crate::tcp_client::TcpClient;
use crate::websocket::ClientId;
use crate::websocket::close_code::Disconnect;
use crate::websocket::messages::Messages;
use crate::websocket::request::{ClientInfo, HandshakeRequest};

/// What happened on a TCP connection, in order.
#[derive(Debug)]
pub enum TcpEvent {
    /// The connection stands.
    Connected(Box<Endpoints>),
    /// It could not be made. The last event.
    ConnectFailed(Box<ConnectError>),
    /// Bytes from the peer. They count against the mailbox until [`crate::mailbox::Mailbox::release`].
    Data(Bytes),
    /// Everything sent before [`crate::command::TcpCommand::Flush`] with this token has been handed to the system.
    Flushed(u64),
    /// The peer sends no more (its FIN). Sending goes on until a close.
    PeerClosed,
    /// The connection is over. The last event.
    Closed(CloseReason, Option<io::Error>),
}

/// What happened on a listening TCP socket.
#[derive(Debug)]
pub enum ListenerEvent {
    /// A connection that stands, and its addresses.
    Accepted(TcpClient, Box<Endpoints>),
    /// The process is out of file descriptors or memory for sockets: accepting waits and tries again. Said once.
    Paused(io::Error),
    /// Accepting works again after [`ListenerEvent::Paused`].
    Resumed,
}

/// What happened on a WebSocket server. For one client the order is: a handshake's events, `Connected`, `Messages`,
/// `Disconnected`; each client that connected is disconnected once.
#[derive(Debug)]
pub enum WebSocketEvent {
    /// A client asks to come in, and the server was told to ask
    /// ([`crate::websocket::options::HandshakeOptions::manual`]): answer with
    /// [`crate::websocket_server::WebSocketServer::accept_handshake`] or `reject_handshake`.
    HandshakeRequested(ClientId, Box<HandshakeRequest>),
    /// Nobody answered [`WebSocketEvent::HandshakeRequested`] in time, or the server stopped: the client was refused.
    HandshakeExpired(ClientId),
    /// A client is in.
    Connected(ClientId, Arc<ClientInfo>),
    /// Everything that a client sent since the last such event. Taking it makes the client's room free again.
    Messages(ClientId, Messages),
    /// A client is gone. Its id is unknown from now on.
    Disconnected(ClientId, Box<Disconnect>),
    /// The process is out of file descriptors or memory for sockets: accepting waits and tries again. Said once.
    Paused(io::Error),
    /// Accepting works again after [`WebSocketEvent::Paused`].
    Resumed,
    /// The server has stopped, and all its clients are gone. The last event, unless the whole runtime was stopped under
    /// the server: then `Disconnected` events may follow.
    Stopped,
}

/// The two addresses of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoints {
    /// This side.
    pub local: SocketAddr,
    /// The other side. An IPv4 peer of a dual-stack socket is given as IPv4.
    pub peer: SocketAddr,
}

/// Who ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// A failure of the network or the system, among them the peer's RST.
    Error,
    /// This side.
    ByHost,
    /// The peer, in good order.
    ByPeer,
    /// The peer did not answer in time: the connect timeout, or the system's own (keep-alive, retransmission).
    TimedOut,
}
