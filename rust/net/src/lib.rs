//! Sockets that live on a background tokio runtime, for a main thread that must never block.
//!
//! Commands go in ([`command`]) and events come out ([`event`]); those two modules are the whole vocabulary. A socket
//! is a small handle ([`tcp_client::TcpClient`], [`tcp_listener::TcpListener`], [`udp_socket::UdpSocket`],
//! [`websocket_server::WebSocketServer`]) whose methods only put commands into a queue. Events wait in the socket's
//! [`mailbox`], and the process-wide [`mailbox::ReadyList`] names the sockets that have any, so ten thousand idle
//! sockets cost nothing.
//!
//! This crate knows nothing of any game engine. Everything in it can be used from any thread.

#![warn(missing_docs)]

pub mod address;
pub mod admission;
pub mod command;
pub mod error;
pub mod event;
pub mod external;
pub mod http;
pub mod http_server;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
pub mod limits;
pub mod mailbox;
pub mod options;
pub mod receive;
pub mod recv_buffer;
pub mod runtime;
pub mod tcp_client;
pub mod tcp_listener;
pub mod termination;
pub mod tls;
pub mod traffic;
pub mod udp_socket;
pub mod wakes;
pub mod websocket;
pub mod websocket_client;
pub mod websocket_server;

mod accept;
mod bind;
mod budget;
mod datagram_queue;
mod exclusive;
mod keep_loaded;
mod names;
mod outbox;
mod port_release;
mod resolver;
mod scratch;
mod tcp;
mod transport;
mod udp;
