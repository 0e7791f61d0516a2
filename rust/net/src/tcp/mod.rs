//! The task behind a TCP connection: how the connection is established, run and closed.

pub(crate) mod connection;
pub(crate) mod dial;
pub(crate) mod farewell;
pub(crate) mod stream;
pub(crate) mod watch;
pub(crate) mod write_queue;
