//! Events from the sockets to the main thread: everything that crosses in this direction. Only
//! [`crate::tcp_listener::ListenerEvent`], which hands over the handle of a connection, is defined with the listener.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{ConnectError, DatagramLost, TlsError};
use crate::http::headers::Headers;
use crate::websocket::close_code::Disconnect;
use crate::websocket::connect_error::WebSocketConnectError;
use crate::websocket::request::{ClientInfo, HandshakeFailure, HandshakeRequest};
use crate::websocket::{Arrived, ClientId};

/// An event of a TCP connection. Events come in the order in which they happened.
#[derive(Debug)]
pub enum TcpEvent {
    /// The connection is established, including TLS if [`crate::options::TcpOptions::tls`] is set.
    Connected(Box<Endpoints>),
    /// The connection could not be established. The last event.
    ConnectFailed(Box<ConnectError>),
    /// Bytes from the peer. They count against the mailbox until [`crate::mailbox::Mailbox::release`].
    Data(Bytes),
    /// Everything sent before [`crate::command::TcpCommand::Flush`] with this token has been handed to the system.
    Flushed(u64),
    /// TLS is established after [`crate::command::TcpCommand::StartTls`]: all further data was encrypted.
    TlsReady(Box<TlsInfo>),
    /// The TLS handshake failed; [`TcpEvent::Closed`] follows.
    TlsFailed(Box<TlsError>),
    /// The peer has finished sending (FIN; with TLS, close_notify). Sending is possible until the connection is closed.
    PeerClosed,
    /// The connection is over. The last event.
    Closed(CloseReason, Option<io::Error>),
}

/// An event of a UDP socket. Received datagrams are not events; they are taken by
/// [`crate::udp_socket::UdpSocket::next_datagram`].
#[derive(Debug)]
pub enum UdpEvent {
    /// The socket is connected to this peer: it sends to it by default, and receives from no other.
    Connected(Box<Endpoints>),
    /// The socket could not be connected. It stays as it was; datagrams queued for the new peer meanwhile are lost.
    ConnectFailed(Box<ConnectError>),
    /// The datagram with this token was handed to the system.
    Sent(u64),
    /// A datagram was not sent. Always reported for one with a token; otherwise omitted while
    /// [`crate::limits::MAX_UDP_EVENTS`] events, or too many bytes of failed datagrams, are queued. Its data counts
    /// against the mailbox until it is released.
    SendFailed(Box<LostDatagram>),
    /// An earlier datagram to the peer of a connected socket was rejected (ICMP port or host unreachable). The socket
    /// stays usable. Omitted under the same conditions.
    Unreachable(SocketAddr, io::Error),
    /// The socket is closed. The last event.
    Closed(Option<io::Error>),
}

/// A datagram that was not sent.
#[derive(Debug)]
pub struct LostDatagram {
    /// The cause.
    pub error: DatagramLost,
    /// The payload.
    pub data: Bytes,
    /// The destination host as given; for a connected socket, that of its peer.
    pub host: String,
    /// The destination port, likewise.
    pub port: u16,
    /// The token given to [`crate::udp_socket::UdpSocket::send_to_awaited`].
    pub token: Option<u64>,
}

/// A received datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// The payload; may be empty.
    pub data: Bytes,
    /// The sender. An IPv4 sender to a dual-stack socket is given as IPv4.
    pub from: SocketAddr,
}

/// An event of a WebSocket server. For each client the order is: the events of its handshake, `Connected`, `Messages`,
/// `Disconnected`. Every client that connected is disconnected exactly once.
#[derive(Debug)]
pub enum WebSocketEvent {
    /// A client requests a connection and the server leaves the decision to the user
    /// ([`crate::websocket::options::HandshakeOptions::manual`]). Answer with
    /// [`crate::websocket_server::WebSocketServer::accept_handshake`] or `reject_handshake`.
    HandshakeRequested(ClientId, Box<HandshakeRequest>),
    /// The handshake of a client that [`WebSocketEvent::HandshakeRequested`] announced has failed, for a reason other
    /// than a rejection. Each request ends exactly once: with this, with `Connected`, or with a `reject_handshake` that
    /// succeeded.
    HandshakeFailed(ClientId, HandshakeFailure),
    /// A client is connected.
    Connected(ClientId, Arc<ClientInfo>),
    /// A client has sent messages since the last ones were taken.
    Messages(Arrived),
    /// A relayed message for this client exceeded its limit of pending bytes and is lost. Reported once per client.
    Missed(ClientId),
    /// A client is gone. Its id is unknown from now on.
    Disconnected(ClientId, Box<Disconnect>),
    /// The process is out of file descriptors or of memory for sockets. Accepting pauses and is retried; reported once
    /// per pause.
    Paused(io::Error),
    /// Accepting works again after [`WebSocketEvent::Paused`].
    Resumed,
    /// The server has stopped and all its clients are gone. The last event, also sent if the whole runtime was stopped
    /// while the server was running.
    Stopped,
}

/// What happened on a WebSocket connection that this side opens. Those that wait together come in the order in which
/// they are listed here.
#[derive(Debug)]
pub enum WebSocketClientEvent {
    /// The connection is established: the opening handshake has succeeded.
    Connected(Box<Established>),
    /// The attempt has failed. The last event.
    ConnectFailed(Box<WebSocketConnectError>),
    /// Everything sent before [`crate::websocket_client::WebSocketClient::flush`] with this token, or a smaller one,
    /// was handed to the system.
    Flushed(u64),
    /// Messages are queued: take them by [`crate::websocket_client::WebSocketClient::take_messages`].
    Messages,
    /// The connection is over; the number of bytes of accepted frames that were not handed to the system, and are lost.
    /// The last event.
    Disconnected(Box<Disconnect>, usize),
}

/// What is known of a WebSocket connection that this side has opened.
#[derive(Debug, Clone)]
pub struct Established {
    /// The two addresses.
    pub endpoints: Endpoints,
    /// The URL that the server answered at: that of the last redirect, if any was followed. Without user information.
    pub url: String,
    /// The subprotocol that was selected; empty if none.
    pub protocol: String,
    /// The header lines of the response.
    pub headers: Headers,
    /// What TLS has negotiated; `None` without TLS.
    pub tls: Option<Box<TlsInfo>>,
}

/// The two addresses of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoints {
    /// The local address.
    pub local: SocketAddr,
    /// The peer's address. An IPv4 peer of a dual-stack socket is given as IPv4.
    pub peer: SocketAddr,
}

/// The outcome of a TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsInfo {
    /// The TLS version.
    pub version: TlsVersion,
    /// The cipher suite, by its name in the RFCs.
    pub cipher_suite: String,
    /// The protocol negotiated by ALPN (RFC 7301), if any.
    pub alpn: Option<String>,
    /// The subject of the server's certificate, such as `CN=game.example, O=Games`. `None` on a server, which requests
    /// no client certificate.
    pub peer_subject: Option<String>,
    /// The host that the client requested (SNI, RFC 6066 section 3). Only known to a server.
    pub sni: Option<String>,
}

/// A TLS version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// A network or system error, such as the peer's RST.
    Error,
    /// Closed by this side.
    ByHost,
    /// Closed by the peer in an orderly way.
    ByPeer,
    /// A timeout: the system's own (keep-alive, retransmission), that of a TLS handshake, or that of a close whose
    /// unsent bytes the peer did not take.
    TimedOut,
}
