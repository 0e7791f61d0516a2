//! HTTP/1.1 messages (RFC 9110, RFC 9112) as functions of bytes, without sockets.

pub mod headers;

pub(crate) mod head;
pub(crate) mod response;
