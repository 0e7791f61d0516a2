//! Sockets on a background tokio runtime.
