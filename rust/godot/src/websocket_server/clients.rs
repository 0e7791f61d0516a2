//! Information about clients.

use async_sockets_net::websocket::request::Request;
use godot::builtin::{Array, GString, VarDictionary};
use godot::register::godot_api;

use super::{Server, WebSocketServer};
use crate::convert::{entry, header, headers, int, query, text};

#[godot_api(secondary)]
impl WebSocketServer {
    /// Number of established clients.
    #[func]
    fn get_client_count(&self) -> i64 {
        self.core.with(Server::client_count).map_or(0, int)
    }

    /// The ids of all established clients, in the order of connection.
    #[func]
    fn get_client_ids(&self) -> Array<i64> {
        self.core
            .with(Server::client_ids)
            .unwrap_or_default()
            .into_iter()
            .collect()
    }

    /// The IP address of a client; empty for an unknown id.
    #[func]
    fn get_client_address(&self, client_id: i64) -> GString {
        let address = |server: &Server| Some(server.client_info(client_id)?.peer.ip().to_string());
        self.core
            .of_client(address)
            .map(|address| GString::from(&address))
            .unwrap_or_default()
    }

    /// The port of a client; 0 for an unknown id.
    #[func]
    fn get_client_port(&self, client_id: i64) -> i64 {
        self.core
            .of_client(|server| Some(server.client_info(client_id)?.peer.port().into()))
            .unwrap_or(0)
    }

    /// The path that a client requested, decoded and without the query, as [member WebSocketHandshakeRequest.path] has
    /// it; empty for an unknown id.
    #[func]
    fn get_client_path(&self, client_id: i64) -> GString {
        self.of_request(client_id, |request| text(&request.decoded_path()))
    }

    /// The path that a client requested as received, not decoded; empty for an unknown id.
    #[func]
    fn get_client_raw_path(&self, client_id: i64) -> GString {
        self.of_request(client_id, |request| GString::from(&request.path))
    }

    /// The query of a client's request, decoded: values by name, as [member WebSocketHandshakeRequest.query] has them;
    /// empty for an unknown id.
    #[func]
    fn get_client_query(&self, client_id: i64) -> VarDictionary {
        self.of_request(client_id, |request| query(&request.query_pairs()))
    }

    /// The query of a client's request as received, without the [code]?[/code]; empty for an unknown id.
    #[func]
    fn get_client_raw_query(&self, client_id: i64) -> GString {
        self.of_request(client_id, |request| GString::from(&request.query))
    }

    /// The decoded value of a name in the query of a client's request; empty if there is none, or for an unknown id.
    #[func]
    fn get_client_query_param(&self, client_id: i64, name: GString) -> GString {
        entry(&self.get_client_query(client_id), &name)
    }

    /// The value of a header of a client's request, whose name may be in any case; empty if there is none, or for an
    /// unknown id.
    #[func]
    fn get_client_header(&self, client_id: i64, name: GString) -> GString {
        header(&self.get_client_headers(client_id), &name)
    }

    /// The request headers of a client by lower-case name; values of repeated headers are joined by commas. Empty for
    /// an unknown id.
    #[func]
    fn get_client_headers(&self, client_id: i64) -> VarDictionary {
        self.of_request(client_id, |request| headers(&request.headers))
    }

    /// The subprotocol negotiated with a client; empty if there is none.
    #[func]
    fn get_client_protocol(&self, client_id: i64) -> GString {
        let protocol = |server: &Server| Some(GString::from(&server.client_info(client_id)?.protocol));
        self.core.of_client(protocol).unwrap_or_default()
    }

    /// The round-trip time of the last answered ping to a client, in milliseconds; -1 if there is none (see
    /// [member heartbeat_interval] and [method ping]).
    #[func]
    fn get_client_latency(&self, client_id: i64) -> f64 {
        let latency = |server: &Server| server.client_latency(client_id);
        self.core
            .of_client(latency)
            .map_or(-1.0, |time| time.as_secs_f64() * 1000.0)
    }

    /// Number of bytes queued for a client and not yet handed to the system; 0 for an unknown id.
    #[func]
    fn get_client_pending_bytes(&self, client_id: i64) -> i64 {
        self.core
            .of_client(|server| server.client_pending_bytes(client_id))
            .map_or(0, int)
    }

    /// The reason in words beside the code of [signal client_disconnected]; valid only inside its handlers.
    #[func]
    fn get_close_reason(&self, client_id: i64) -> GString {
        self.core
            .close_reason(client_id)
            .map(|reason| GString::from(&reason))
            .unwrap_or_default()
    }
}

impl WebSocketServer {
    /// Reads from the request of a client; the default for an unknown id.
    fn of_request<R: Default>(&self, client_id: i64, read: impl Fn(&Request) -> R) -> R {
        let read = |server: &Server| Some(read(&server.client_info(client_id)?.request));
        self.core.of_client(read).unwrap_or_default()
    }
}
