//! HTTP/1.1 messages (RFC 9110, RFC 9112) as functions of bytes, without sockets.

pub mod headers;
pub mod trusted;

pub(crate) mod content_type;
pub(crate) mod encoding;
pub(crate) mod framing;
pub(crate) mod head;
pub(crate) mod path;
pub(crate) mod range;
pub(crate) mod response;
pub(crate) mod validators;
