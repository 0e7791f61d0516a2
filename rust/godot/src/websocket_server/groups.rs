//! Groups of clients.

use async_sockets_net::websocket_server::Audience;
use godot::builtin::{Array, GString, PackedByteArray, PackedInt64Array, StringName};
use godot::global::Error;
use godot::register::godot_api;

use super::{Server, WebSocketServer};
use crate::convert::utf8;

#[godot_api(secondary)]
impl WebSocketServer {
    /// Adds a client to a group, which it leaves when it is disconnected. Errors as for [method send_text].
    #[func]
    fn add_to_group(&self, client_id: i64, group: StringName) -> Error {
        self.to_client(|server| server.add_to_group(client_id, &group.to_string()))
    }

    /// Removes a client from a group. Errors as for [method send_text].
    #[func]
    fn remove_from_group(&self, client_id: i64, group: StringName) -> Error {
        self.to_client(|server| server.remove_from_group(client_id, &group.to_string()).map(|_| ()))
    }

    /// The ids of the clients in a group.
    #[func]
    fn get_group_clients(&self, group: StringName) -> Array<i64> {
        let members = |server: &Server| server.groups().members(&group.to_string()).collect();
        self.core.with(members).unwrap_or_default()
    }

    /// Queues a text message for the clients of a group. Otherwise as [method broadcast_text].
    #[func]
    fn broadcast_text_to_group(
        &self,
        group: StringName,
        message: GString,
        #[opt(default = &PackedInt64Array::new())] exclude: PackedInt64Array,
    ) -> Error {
        let (group, text) = (group.to_string(), utf8(&message));
        self.to_many(|server| server.broadcast_text(&text, Audience::Group(&group), exclude.as_slice()))
    }

    /// Queues a binary message for the clients of a group. Otherwise as [method broadcast_text].
    #[func]
    fn broadcast_binary_to_group(
        &self,
        group: StringName,
        data: PackedByteArray,
        #[opt(default = &PackedInt64Array::new())] exclude: PackedInt64Array,
    ) -> Error {
        let group = group.to_string();
        self.to_many(|server| server.broadcast_binary(data.as_slice(), Audience::Group(&group), exclude.as_slice()))
    }
}
