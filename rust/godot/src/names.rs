//! The names of all signals, and of the method that emits them, created once: creating a `StringName` costs more than an
//! emission.

use async_sockets_net::websocket::messages::Message;
use godot::builtin::StringName;

macro_rules! names {
    ($($name:ident),* $(,)?) => {
        /// The cached names.
        pub(crate) struct Names {
            $(pub(crate) $name: StringName,)*
        }

        impl Names {
            pub(crate) fn new() -> Self {
                Self { $($name: StringName::from(stringify!($name)),)* }
            }
        }
    };
}

names! {
    _flush,
    client_connected,
    client_disconnected,
    client_left,
    client_refused,
    closed,
    completed,
    connect_failed,
    connected,
    data_received,
    datagram_received,
    disconnected,
    emit_signal,
    gave_up,
    handshake_failed,
    handshake_requested,
    http_requested,
    message_received,
    peer_connected,
    peer_disconnected,
    reconnecting,
    send_failed,
    server_error,
    terminate_requested,
    text_data_received,
}

impl Names {
    /// The signal for a WebSocket message; with `as_data`, text comes as its UTF-8 bytes.
    pub(crate) fn of_message(&self, message: &Message<'_>, as_data: bool) -> &StringName {
        match message {
            Message::Binary(_) => &self.data_received,
            _ if as_data => &self.text_data_received,
            _ => &self.message_received,
        }
    }
}
