//! Sending to clients and disconnecting them.

use async_sockets_net::websocket::close_code::CloseFrame;
use async_sockets_net::websocket_server::{Audience, Broadcast, ClientError};
use godot::builtin::{GString, PackedByteArray, PackedInt64Array};
use godot::global::Error;
use godot::register::godot_api;

use super::{Server, WebSocketServer};
use crate::class::SocketClass;
use crate::convert::utf8;
use crate::socket::Socket;

const NOT_RUNNING: &str = "the server is not running; call start() first";

#[godot_api(secondary)]
impl WebSocketServer {
    /// Queues a text message; never blocks. Returns [constant ERR_UNCONFIGURED] if the server is not running, [constant
    /// ERR_DOES_NOT_EXIST] for an unknown client, [constant ERR_OUT_OF_MEMORY] over [member max_pending_bytes], or
    /// [constant ERR_UNAVAILABLE] if the client is being disconnected. Messages sent by the handlers of one client's
    /// messages leave together once these handlers have returned.
    #[func]
    fn send_text(&self, client_id: i64, message: GString) -> Error {
        self.to_client(|server| server.send_text(client_id, &utf8(&message)))
    }

    /// Queues a binary message. Otherwise as [method send_text].
    #[func]
    fn send_binary(&self, client_id: i64, data: PackedByteArray) -> Error {
        self.to_client(|server| server.send_binary(client_id, data.as_slice()))
    }

    /// Queues UTF-8 bytes as a text message, unchanged. Returns [constant ERR_INVALID_DATA] if they are not valid
    /// UTF-8. Otherwise as [method send_text].
    #[func]
    fn send_text_data(&self, client_id: i64, utf8: PackedByteArray) -> Error {
        match std::str::from_utf8(utf8.as_slice()) {
            Ok(text) => self.to_client(|server| server.send_text(client_id, text)),
            Err(error) => self.run(|core| core.refuse(Error::ERR_INVALID_DATA, "send_text_data", error)),
        }
    }

    /// Queues a text message for every client except those in [param exclude]. Returns [constant ERR_UNCONFIGURED] if
    /// the server is not running, or [constant ERR_OUT_OF_MEMORY] if clients over [member max_pending_bytes] did not
    /// get it; the others did.
    #[func]
    fn broadcast_text(
        &self,
        message: GString,
        #[opt(default = &PackedInt64Array::new())] exclude: PackedInt64Array,
    ) -> Error {
        let text = utf8(&message);
        self.to_many(|server| server.broadcast_text(&text, Audience::All, exclude.as_slice()))
    }

    /// Queues a binary message for every client. Otherwise as [method broadcast_text].
    #[func]
    fn broadcast_binary(
        &self,
        data: PackedByteArray,
        #[opt(default = &PackedInt64Array::new())] exclude: PackedInt64Array,
    ) -> Error {
        self.to_many(|server| server.broadcast_binary(data.as_slice(), Audience::All, exclude.as_slice()))
    }

    /// Sends a ping with at most 125 bytes of payload; [method get_client_latency] returns the round-trip time. Returns
    /// [constant ERR_INVALID_PARAMETER] for a longer payload. Otherwise as [method send_text].
    #[func]
    fn ping(&self, client_id: i64, #[opt(default = &PackedByteArray::new())] payload: PackedByteArray) -> Error {
        self.to_client(|server| server.ping(client_id, payload.as_slice()))
    }

    /// Sends pending messages and then a close frame; [signal client_disconnected] follows when the client has
    /// answered, at the latest after [member close_timeout]. Returns [constant ERR_INVALID_PARAMETER] for a code that
    /// must not be sent (allowed: 1000 to 1003, 1007 to 1014, 3000 to 4999) or a reason of more than 123 bytes of
    /// UTF-8. Otherwise as [method send_text].
    #[func]
    fn disconnect_client(
        &self,
        client_id: i64,
        #[opt(default = 1000)] code: i64,
        #[opt(default = "")] reason: GString,
    ) -> Error {
        self.run(|core| match CloseFrame::parse(code, &reason.to_string()) {
            Ok(frame) => {
                core.flush_sink();
                self.to_client(|server| server.disconnect(client_id, frame))
            }
            Err(error) => self.refuse("disconnect_client", error),
        })
    }
}

impl WebSocketServer {
    /// Runs a command for one client and returns its error.
    pub(super) fn to_client(&self, command: impl FnOnce(&mut Server) -> Result<(), ClientError>) -> Error {
        self.run(|core| {
            let error = match core.command(command) {
                None => return core.not_started(NOT_RUNNING),
                Some(Ok(())) => return Error::OK,
                Some(Err(error)) => error,
            };
            match error {
                ClientError::Unknown(_) => core.fail(Error::ERR_DOES_NOT_EXIST, error),
                ClientError::Full(_) => core.fail(Error::ERR_OUT_OF_MEMORY, error),
                ClientError::Closing(_) => core.fail(Error::ERR_UNAVAILABLE, error),
                ClientError::PingTooLong(_) => self.refuse("ping", error),
            }
        })
    }

    /// Runs a broadcast and returns its error.
    pub(super) fn to_many(&self, command: impl FnOnce(&mut Server) -> Broadcast) -> Error {
        self.run(|core| match core.command(command) {
            None => core.fail(Error::ERR_UNCONFIGURED, NOT_RUNNING),
            Some(Broadcast { refused: 0, .. }) => Error::OK,
            Some(Broadcast { refused, .. }) => core.fail(
                Error::ERR_OUT_OF_MEMORY,
                format_args!("{refused} clients are over max_pending_bytes, and did not get the message"),
            ),
        })
    }
}
