//! The class `WebSocketHandshakeRequest`: a client that waits for the script's decision.

#![expect(unreachable_pub, reason = "the getters that gdext makes are pub")]

use std::cell::RefCell;
use std::rc::Weak;

use async_sockets_net::websocket::ClientId;
use async_sockets_net::websocket::options::ResponseHeader;
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
/// 503. As many as 1024 may wait; more are refused with 503, and so are those of an address that has 256 while 512 wait.
#[derive(GodotClass)]
#[class(base = RefCounted, init, tool)]
pub(crate) struct WebSocketHandshakeRequest {
    server: WeakState<ServerCore>,
    client: ClientId,
    last_error: RefCell<String>,

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

    /// The last error that this object gave, in words; empty if there was none.
    #[func]
    fn get_last_error_message(&self) -> GString {
        GString::from(&*self.last_error.borrow())
    }

    /// Lets the client in. [param protocol] is one of those it offers; empty leaves the choice to
    /// [member WebSocketServer.supported_protocols]. [constant ERR_DOES_NOT_EXIST] if it is too late,
    /// [constant ERR_INVALID_PARAMETER] for a subprotocol that was not offered.
    #[func]
    fn accept(&self, #[opt(default = "")] protocol: GString) -> Error {
        self.decide("accept", |core| {
            core.decide(self.client, |server| {
                server.accept_handshake(self.client, &protocol.to_string())
            })
        })
    }

    /// Refuses the client with an HTTP status from 400 to 599, a text, and more header lines as
    /// [code]"Name: value"[/code]: a 401 carries [code]"WWW-Authenticate: Bearer"[/code]. The text is plain unless these
    /// name another [code]Content-Type[/code]. [constant ERR_DOES_NOT_EXIST] if it is too late,
    /// [constant ERR_INVALID_PARAMETER] for another status or a line that is none or that the server writes itself
    /// (the length, and what is about the connection); the client still waits then.
    #[func]
    fn reject(
        &self,
        #[opt(default = 403)] status: i64,
        #[opt(default = "")] body: GString,
        #[opt(default = &PackedStringArray::new())] headers: PackedStringArray,
    ) -> Error {
        let lines = headers.as_slice().iter();
        let parsed: Result<Vec<_>, _> = lines.map(|line| ResponseHeader::parse(&line.to_string())).collect();
        let headers = match parsed {
            Ok(headers) => headers,
            Err(_) if !on_main_thread() => return Error::ERR_UNAVAILABLE,
            Err(error) => return self.refuse("reject", error.to_string()),
        };
        self.decide("reject", |core| {
            core.decide(self.client, |server| {
                server.reject_handshake(self.client, status, &body.to_string(), headers)
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

    fn decide(&self, method: &str, decide: impl FnOnce(&ServerCore) -> Result<(), DecisionError>) -> Error {
        if !on_main_thread() {
            return Error::ERR_UNAVAILABLE;
        }
        let Some(core) = self.server.upgrade() else {
            "the server is gone".clone_into(&mut self.last_error.borrow_mut());
            return Error::ERR_DOES_NOT_EXIST;
        };
        let Err(error) = decide(&core) else { return Error::OK };
        let words = error.to_string();
        match error {
            DecisionError::Unknown(_) => {
                *self.last_error.borrow_mut() = words;
                Error::ERR_DOES_NOT_EXIST
            }
            _ => self.refuse(method, words),
        }
    }

    /// Refuses what the script asks, in words to its author.
    fn refuse(&self, method: &str, words: String) -> Error {
        misuse(&format!("WebSocketHandshakeRequest.{method}: {words}"));
        *self.last_error.borrow_mut() = words;
        Error::ERR_INVALID_PARAMETER
    }
}
