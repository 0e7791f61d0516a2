//! Requests that the main thread answers.

use std::net::SocketAddr;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::answer::Answer;
use crate::budget::Queued;
use crate::http::headers::Headers;
use crate::http::path::{decoded, query_pairs};

/// Identifies a request, among those of all servers. Never reused.
pub type HttpRequestId = u64;

/// A request.
#[derive(Debug)]
pub struct HttpRequest {
    /// Its id.
    pub id: HttpRequestId,
    /// The method, such as `GET`.
    pub method: String,
    /// The path, beginning with `/`, as received: percent-encoding is not decoded. That of `OPTIONS *` is `*`.
    pub path: String,
    /// The query, without the `?`; empty if there is none.
    pub query: String,
    /// All header lines.
    pub headers: Headers,
    /// The body; empty if there is none.
    pub body: Bytes,
    /// The client's address. That of the client behind a trusted proxy, with port 0 unless the proxy gave it.
    pub peer: SocketAddr,
    /// Whether the client's connection is encrypted, to this server or to a trusted proxy.
    pub secure: bool,
    /// Counts the request as memory of the server until this is dropped.
    pub(crate) _queued: Queued,
}

impl HttpRequest {
    /// The path, decoded; as received if that is not possible.
    #[must_use]
    pub fn decoded_path(&self) -> String {
        decoded(&self.path)
    }

    /// The decoded names and values of the query, in order.
    #[must_use]
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        query_pairs(&self.query)
    }
}

/// Where the answer to a request goes. If it is dropped without an answer, the response is 504.
#[derive(Debug)]
pub struct HttpReply(pub(crate) oneshot::Sender<Answer>);

/// The request was answered by 504 already, or its connection is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request is over: it was answered by 504, or its connection is gone")]
pub struct RequestOver;

impl HttpReply {
    /// Sends the answer.
    ///
    /// # Errors
    /// [`RequestOver`].
    pub fn send(self, answer: Answer) -> Result<(), RequestOver> {
        self.0.send(answer).map_err(|_| RequestOver)
    }

    /// Whether an answer would still be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.0.is_closed()
    }
}
