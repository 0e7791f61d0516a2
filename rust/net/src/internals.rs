//! Access to private parts, for the benchmarks only.

use std::net::{IpAddr, Ipv4Addr};

use tokio_tungstenite::tungstenite::protocol::Role;

use crate::budget::{Budget, Share};
use crate::http::head::{Parsed, RequestHead};
use crate::websocket::frame::{Kind, encode};
use crate::websocket::handshake::{check, websocket_request};
use crate::websocket::messages::Messages;
use crate::websocket::options::HandshakeOptions;
use crate::websocket::protocol::{Protocol, Received};
use crate::websocket::response::switching_protocols;

/// Parses a WebSocket handshake request, checks it, and builds the response. Empty if the request is incomplete or
/// refused.
#[must_use]
pub fn answer_handshake(request: &[u8], options: &HandshakeOptions) -> Vec<u8> {
    let Ok(Parsed::Complete(head, _)) = RequestHead::parse(request, options.head_limits()) else {
        return Vec::new();
    };
    let Ok(request) = websocket_request(head) else {
        return Vec::new();
    };
    match check(&request, options) {
        Ok(protocol) => switching_protocols(&request.key, &protocol, &options.response_headers),
        Err(_) => Vec::new(),
    }
}

/// Writes the frame of a binary message behind what `out` holds: a client's is masked, a server's is not.
pub fn encode_frame(role: Role, payload: &[u8], out: &mut Vec<u8>) {
    encode(role, Kind::Binary, payload, out);
}

/// The receiving side of one WebSocket client.
pub struct Decoder(Protocol, #[expect(dead_code, reason = "held")] Share);

impl Decoder {
    /// Creates a decoder for messages of at most `max_message_size` bytes.
    #[must_use]
    pub fn new(max_message_size: usize) -> Self {
        let share = Budget::new(0, usize::MAX).open(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Self(Protocol::new(Role::Server, max_message_size, share.0.clone()), share)
    }

    /// Decodes the messages in `input`. Returns `None` if the connection would end.
    pub fn receive(&mut self, input: &[u8]) -> Option<Messages> {
        let mut messages = Messages::default();
        match self
            .0
            .receive(&mut input.to_vec(), &mut Vec::new(), &mut messages, |_| {})
        {
            Received::More => Some(messages),
            Received::Closed(_) | Received::Failed(_) => None,
        }
    }
}
