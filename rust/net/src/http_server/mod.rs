//! Plain HTTP/1.1 on the port of a WebSocket server: its public types, and the tasks behind them.
//!
//! A connection whose first request asks for no WebSocket comes here from the opening handshake. From then on, `gate`
//! holds back each request until the response before it is sent, and refuses heads that two readers could take
//! differently; hyper reads and writes the messages that the gate lets through; `service` decides what answers a
//! request: the health check, a folder ([`site`], [`folder`]), or the main thread ([`exchange`]). A request for a
//! WebSocket that comes later on such a connection leaves it again, with the stream, for the opening handshake.

pub mod answer;
pub mod exchange;
pub mod folder;
pub mod options;
pub mod site;

pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod files;
pub(crate) mod gate;
pub(crate) mod memory;
pub(crate) mod service;
pub(crate) mod state;
pub(crate) mod turn;
