//! Information about clients.

use godot::builtin::{Array, GString, VarDictionary};
use godot::register::godot_api;

use super::{Server, WebSocketServer};
use crate::convert::{headers, int};

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

    /// The path that a client requested, with its query; empty for an unknown id.
    #[func]
    fn get_client_path(&self, client_id: i64) -> GString {
        let path = |server: &Server| {
            let request = &server.client_info(client_id)?.request;
            let mark = if request.query.is_empty() { "" } else { "?" };
            Some(format!("{}{mark}{}", request.path, request.query))
        };
        self.core
            .of_client(path)
            .map(|path| GString::from(&path))
            .unwrap_or_default()
    }

    /// The request headers of a client by lower-case name; values of repeated headers are joined by commas. Empty for
    /// an unknown id.
    #[func]
    fn get_client_headers(&self, client_id: i64) -> VarDictionary {
        let lines = |server: &Server| Some(headers(&server.client_info(client_id)?.request.headers));
        self.core.of_client(lines).unwrap_or_default()
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
