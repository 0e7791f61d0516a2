//! Errors that end a run early.

use std::io;

use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum Fault {
    #[error("{0}")]
    Usage(String),
    /// The server sent unexpected data, or closed the connection.
    #[error("client {client}: {what}")]
    Peer { client: usize, what: String },
    #[error("{0} after the time limit")]
    Late(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Fault {
    pub(crate) fn peer(client: usize, what: impl Into<String>) -> Self {
        Self::Peer {
            client,
            what: what.into(),
        }
    }
}
