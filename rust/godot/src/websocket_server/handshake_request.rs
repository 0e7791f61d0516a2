//! The class `WebSocketHandshakeRequest`: a client that waits for the decision of the script.

#![expect(unreachable_pub, reason = "the getters that gdext makes are pub")]

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use async_sockets_net::http::headers::ResponseHeader;
use async_sockets_net::websocket::ClientId;
use async_sockets_net::websocket::request::HandshakeRequest as Request;
use async_sockets_net::websocket_server::DecisionError;
use godot::builtin::{GString, PackedStringArray, VarDictionary};
use godot::classes::RefCounted;
use godot::global::Error;
use godot::init::is_main_thread;
use godot::obj::{Base, Gd, NewGd};
use godot::register::{GodotClass, godot_api};

use super::core::ServerCore;
use crate::convert::{entry, header, headers, query, text};
use crate::guard::{WeakState, misuse, on_main_thread};

/// A client that requests to connect, see [signal WebSocketServer.handshake_requested].
///
/// Answer with [method accept] or [method reject], at once or later; keep a reference until then. Without an answer
/// within [member WebSocketServer.handshake_timeout], or once the last reference is gone, the client is refused with
/// 503. At most 1024 requests may be pending, and of one address at most 256 while 512 are pending; further ones are
/// refused with 503.
#[derive(GodotClass)]
#[class(base = RefCounted, init, tool)]
pub(crate) struct WebSocketHandshakeRequest {
    pending: Pending,
    last_error: RefCell<String>,

    /// The requested path, decoded, beginning with [code]/[/code] and without the query. Read-only.
    #[var(no_set)]
    path: GString,
    /// The requested path as received, not decoded. Read-only.
    #[var(no_set)]
    raw_path: GString,
    /// The query, decoded ([code]%20[/code] and [code]+[/code] are spaces): values by name, both of type [String]. Of a
    /// repeated name the last value counts. Read-only.
    #[var(no_set)]
    query: VarDictionary,
    /// The query as received, without the [code]?[/code]; empty if there is none. Read-only.
    #[var(no_set)]
    raw_query: GString,
    /// The request headers by lower-case name; values of repeated headers are joined by commas. Read-only.
    #[var(no_set)]
    headers: VarDictionary,
    /// The subprotocols that the client offers, in its order of preference. Read-only.
    #[var(no_set)]
    protocols: PackedStringArray,
    /// The IP address of the client. Read-only.
    #[var(no_set)]
    address: GString,
    /// The port of the client. Read-only.
    #[var(no_set)]
    port: i64,

    base: Base<RefCounted>,
}

/// The client that waits.
#[derive(Default)]
struct Pending {
    server: WeakState<ServerCore>,
    client: ClientId,
}

impl Drop for Pending {
    fn drop(&mut self) {
        if is_main_thread()
            && let Some(core) = self.server.upgrade()
        {
            core.command(|server| server.expire_handshake(self.client));
        }
    }
}

#[godot_api]
impl WebSocketHandshakeRequest {
    /// The id of the client, which it keeps once it is established.
    #[func]
    fn get_client_id(&self) -> i64 {
        self.pending.client
    }

    /// The value of a header, whose name may be in any case; empty if there is none. See also [member headers].
    #[func]
    fn get_header(&self, name: GString) -> GString {
        header(&self.headers, &name)
    }

    /// The decoded value of a name in the query; empty if there is none. See also [member query].
    #[func]
    fn get_query_param(&self, name: GString) -> GString {
        entry(&self.query, &name)
    }

    /// Whether the request can still be decided.
    #[func]
    fn is_pending(&self) -> bool {
        let is_pending = |core: Rc<ServerCore>| core.with(|server| server.is_handshake_pending(self.pending.client));
        on_main_thread() && self.pending.server.upgrade().and_then(is_pending).unwrap_or(false)
    }

    /// The last error of this object in words; empty if there was none.
    #[func]
    fn get_last_error_message(&self) -> GString {
        GString::from(&*self.last_error.borrow())
    }

    /// Accepts the client, with one of the subprotocols that it offers; an empty [param protocol] leaves the choice to
    /// [member WebSocketServer.supported_protocols]. Returns [constant ERR_DOES_NOT_EXIST] if the request is no longer
    /// pending, or [constant ERR_INVALID_PARAMETER] for a subprotocol that the client does not offer.
    /// [br][br][param peer_id], 2 to 2147483647, is for the server of an [AsyncMultiplayerPeer]: the id that the client
    /// gets there, for example that of a player who returns. 0, the default, leaves the choice to the peer. Returns
    /// [constant ERR_ALREADY_IN_USE] if another client has this id, and [constant ERR_INVALID_PARAMETER] for any other
    /// number or server; the request stays pending then.
    #[func]
    fn accept(&self, #[opt(default = "")] protocol: GString, #[opt(default = 0)] peer_id: i64) -> Error {
        if !on_main_thread() {
            return Error::ERR_UNAVAILABLE;
        }
        // A request that was decided keeps the id that it was given then.
        let reserves = peer_id != 0 && self.is_pending();
        if reserves && let Err(error) = self.reserve(peer_id) {
            return error;
        }
        let error = self.decide("accept", |core| {
            core.decide(self.pending.client, |server| {
                server.accept_handshake(self.pending.client, &protocol.to_string())
            })
        });
        if error != Error::OK
            && reserves
            && let Some(sink) = self.pending.server.upgrade().and_then(|core| core.sink())
        {
            sink.failed(self.pending.client);
        }
        error
    }

    /// Refuses the client with [param status], an HTTP status from 400 to 599, a body and additional headers, each as
    /// [code]"Name: value"[/code], such as [code]"WWW-Authenticate: Bearer"[/code] with 401. The body is plain text
    /// unless the headers contain another [code]Content-Type[/code]. Browsers show a page neither the status nor the
    /// body: to tell it something, accept the client and disconnect it with a code of your own. Returns [constant
    /// ERR_DOES_NOT_EXIST] if the request is no longer pending, or [constant ERR_INVALID_PARAMETER] for another status
    /// or an invalid header, such as the length and headers of the connection, which the server writes itself; the
    /// request stays pending then.
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
            core.decide(self.pending.client, |server| {
                server.reject_handshake(self.pending.client, status, &body.to_string(), headers)
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
            this.pending.server = WeakState::new(server);
            this.pending.client = client;
            this.path = text(&request.decoded_path());
            this.raw_path = GString::from(&request.path);
            this.query = query(&request.query_pairs());
            this.raw_query = GString::from(&request.query);
            this.headers = headers(&request.headers);
            this.protocols = request.protocols().into_iter().map(GString::from).collect();
            this.address = GString::from(&asked.peer.ip().to_string());
            this.port = asked.peer.port().into();
        }
        this
    }

    /// Reserves the id that the client gets as a peer.
    fn reserve(&self, peer_id: i64) -> Result<(), Error> {
        let Some(sink) = self.pending.server.upgrade().and_then(|core| core.sink()) else {
            let words = "only the server of an AsyncMultiplayerPeer gives its clients peer ids";
            return Err(self.refuse("accept", words.to_owned()));
        };
        sink.reserve(self.pending.client, peer_id).map_err(|(error, words)| {
            if error == Error::ERR_INVALID_PARAMETER {
                return self.refuse("accept", words);
            }
            *self.last_error.borrow_mut() = words;
            error
        })
    }

    fn decide(&self, method: &str, decide: impl FnOnce(&ServerCore) -> Result<(), DecisionError>) -> Error {
        if !on_main_thread() {
            return Error::ERR_UNAVAILABLE;
        }
        let Some(core) = self.pending.server.upgrade() else {
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

    /// Reports misuse to the author of the script, once and in words, which become the last error too.
    fn refuse(&self, method: &str, words: String) -> Error {
        misuse(&format!("WebSocketHandshakeRequest.{method}: {words}"));
        *self.last_error.borrow_mut() = words;
        Error::ERR_INVALID_PARAMETER
    }
}
