//! What a socket tells the main thread: the whole traffic in this direction. Only
//! [`crate::tcp_listener::ListenerEvent`], which hands a connection's handle over, is defined with the listener.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{ConnectError, DatagramLost, TlsError};
use crate::websocket::ClientId;
use crate::websocket::close_code::Disconnect;
use crate::websocket::messages::Messages;
use crate::websocket::request::{ClientInfo, HandshakeFailure, HandshakeRequest};

/// What happened on a TCP connection, in order.
#[derive(Debug)]
pub enum TcpEvent {
    /// The connection stands; with [`crate::options::TcpOptions::tls`], its TLS too.
    Connected(Box<Endpoints>),
    /// It could not be made. The last event.
    ConnectFailed(Box<ConnectError>),
    /// Bytes from the peer. They count against the mailbox until [`crate::mailbox::Mailbox::release`].
    Data(Bytes),
    /// Everything sent before [`crate::command::TcpCommand::Flush`] with this token has been handed to the system.
    Flushed(u64),
    /// TLS stands, after [`crate::command::TcpCommand::StartTls`]: what comes from now on was encrypted.
    TlsReady(Box<TlsInfo>),
    /// TLS did not come about; [`TcpEvent::Closed`] follows.
    TlsFailed(Box<TlsError>),
    /// The peer sends no more (its FIN; with TLS, its close_notify). Sending goes on until a close.
    PeerClosed,
    /// The connection is over. The last event.
    Closed(CloseReason, Option<io::Error>),
}

/// What happened on a UDP socket, apart from the datagrams it received: those wait in
/// [`crate::udp_socket::UdpSocket::next_datagram`].
#[derive(Debug)]
pub enum UdpEvent {
    /// The socket sends to this peer now, and hears no other.
    Connected(Box<Endpoints>),
    /// It could not be connected. It stays as it was, and what was sent meanwhile is lost.
    ConnectFailed(Box<ConnectError>),
    /// The datagram with this token was handed to the system.
    Sent(u64),
    /// A datagram did not go out. One with a token is always told of; others are left out while
    /// [`crate::limits::MAX_UDP_EVENTS`] wait. Its data counts against the mailbox until it is released.
    SendFailed(Box<LostDatagram>),
    /// The peer of a connected socket does not take datagrams: an earlier one has come back (ICMP port or host
    /// unreachable). The socket lives on. Left out as above.
    Unreachable(SocketAddr, io::Error),
    /// The socket is closed. The last event.
    Closed(Option<io::Error>),
}

/// A datagram that did not go out.
#[derive(Debug)]
pub struct LostDatagram {
    /// Why.
    pub error: DatagramLost,
    /// Its bytes.
    pub data: Bytes,
    /// The host as given; the peer's for a connected socket.
    pub host: String,
    /// The port, likewise.
    pub port: u16,
    /// The token given to [`crate::udp_socket::UdpSocket::send_to_awaited`].
    pub token: Option<u64>,
}

/// A datagram that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// Its bytes; none is a valid datagram too.
    pub data: Bytes,
    /// Who sent it. An IPv4 sender to a dual-stack socket is given as IPv4.
    pub from: SocketAddr,
}

/// What happened on a WebSocket server. For one client the order is: a handshake's events, `Connected`, `Messages`,
/// `Disconnected`; each client that connected is disconnected once.
#[derive(Debug)]
pub enum WebSocketEvent {
    /// A client asks to come in, and the server was told to ask
    /// ([`crate::websocket::options::HandshakeOptions::manual`]): answer with
    /// [`crate::websocket_server::WebSocketServer::accept_handshake`] or `reject_handshake`.
    HandshakeRequested(ClientId, Box<HandshakeRequest>),
    /// A client that [`WebSocketEvent::HandshakeRequested`] named does not come in, and not because it was rejected. Each
    /// request ends once: in this, in `Connected`, or in a `reject_handshake` that succeeded.
    HandshakeFailed(ClientId, HandshakeFailure),
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
    /// The server has stopped, and all its clients are gone. The last event, also when the whole runtime was stopped
    /// under the server.
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

/// What the two sides of a TLS connection have agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsInfo {
    /// The version of the protocol.
    pub version: TlsVersion,
    /// The cipher suite, by its name in the RFCs.
    pub cipher_suite: String,
    /// The protocol that was agreed on by ALPN (RFC 7301).
    pub alpn: Option<String>,
    /// The subject of the peer's certificate, as `CN=game.example, O=Games`. A server sees none.
    pub peer_subject: Option<String>,
    /// The host that the client asked for (SNI, RFC 6066 section 3). Only a server sees it.
    pub sni: Option<String>,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
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
    /// The peer did not answer in time: the connect timeout, the system's own (keep-alive, retransmission), or a peer that
    /// took nothing of what was sent before a close.
    TimedOut,
}
