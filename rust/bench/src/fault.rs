//! What ends a run before its time.

use std::io;

use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum Fault {
    #[error("{0}")]
    Usage(String),
    /// The server sent what it should not have, or closed.
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
