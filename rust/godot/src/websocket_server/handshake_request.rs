//! The class `WebSocketHandshakeRequest`: a client that waits for the script's decision.

#![expect(unreachable_pub, reason = "the getters that gdext makes are pub")]

use std::rc::Weak;

use async_sockets_net::websocket::ClientId;
use async_sockets_net::websocket::request::HandshakeRequest as Request;
use async_sockets_net::websocket_server::DecisionError;
use godot::builtin::{GString, PackedStringArray, VarDictionary};
use godot::classes::RefCounted;
use godot::global::Error;
use godot::obj::{Base, Gd, NewGd};
use godot::register::{GodotClass, godot_api};

use super::core::ServerCore;
use crate::convert::headers;
use crate::guard::{WeakState, misuse, on_main_thread};

/// A client that asks to come in, given by [signal WebSocketServer.handshake_requested]. Answer with [method accept] or
/// [method reject], now or later; without an answer within [member WebSocketServer.handshake_timeout] it is refused with
/// 503.
#[derive(GodotClass)]
#[class(base = RefCounted, init, tool)]
pub(crate) struct WebSocketHandshakeRequest {
    server: WeakState<ServerCore>,
    client: ClientId,

    /// The path asked for, beginning with [code]/[/code], as it came.
    #[var(no_set)]
    path: GString,
    /// What followed the [code]?[/code]; empty if there was none.
    #[var(no_set)]
    query: GString,
    /// The header lines by their names in lower case; several lines of a name are joined by commas.
    #[var(no_set)]
    headers: VarDictionary,
    /// The subprotocols that the client offers, its favourite first.
    #[var(no_set)]
    protocols: PackedStringArray,
    /// The IP address of the client.
    #[var(no_set)]
    address: GString,
    /// The port of the client.
    #[var(no_set)]
    port: i64,

    base: Base<RefCounted>,
}

#[godot_api]
impl WebSocketHandshakeRequest {
    /// The id that the client will have.
    #[func]
    fn get_client_id(&self) -> i64 {
        self.client
    }

    /// Lets the client in. [param protocol] is one of those it offers; empty leaves the choice to
    /// [member WebSocketServer.supported_protocols]. [constant ERR_DOES_NOT_EXIST] if it is too late,
    /// [constant ERR_INVALID_PARAMETER] for a subprotocol that was not offered.
    #[func]
    fn accept(&self, #[opt(default = "")] protocol: GString) -> Error {
        self.decide(|core| {
            core.decide(self.client, |server| {
                server.accept_handshake(self.client, &protocol.to_string())
            })
        })
    }

    /// Refuses the client with an HTTP status from 400 to 599 and a plain text. [constant ERR_DOES_NOT_EXIST] if it is
    /// too late, [constant ERR_INVALID_PARAMETER] for another status.
    #[func]
    fn reject(&self, #[opt(default = 403)] status: i64, #[opt(default = "")] body: GString) -> Error {
        self.decide(|core| {
            core.decide(self.client, |server| {
                server.reject_handshake(self.client, status, &body.to_string())
            })
        })
    }
}

impl WebSocketHandshakeRequest {
    pub(crate) fn ask(server: Weak<ServerCore>, client: ClientId, asked: &Request) -> Gd<Self> {
        let mut this = Self::new_gd();
        {
            let mut this = this.bind_mut();
            let request = &asked.request;
            this.server = WeakState::new(server);
            this.client = client;
            this.path = GString::from(&request.path);
            this.query = GString::from(&request.query);
            this.headers = headers(&request.headers);
            this.protocols = request.protocols().into_iter().map(GString::from).collect();
            this.address = GString::from(&asked.peer.ip().to_string());
            this.port = asked.peer.port().into();
        }
        this
    }

    fn decide(&self, decide: impl FnOnce(&ServerCore) -> Result<(), DecisionError>) -> Error {
        if !on_main_thread() {
            return Error::ERR_UNAVAILABLE;
        }
        let Some(core) = self.server.upgrade() else {
            return Error::ERR_DOES_NOT_EXIST;
        };
        match decide(&core) {
            Ok(()) => Error::OK,
            Err(DecisionError::Unknown(_)) => Error::ERR_DOES_NOT_EXIST,
            Err(error) => {
                misuse(&format!("WebSocketHandshakeRequest: {error}"));
                Error::ERR_INVALID_PARAMETER
            }
        }
    }
}
