//! The names of all signals, made once: building a `StringName` costs more than emitting by it.

use godot::builtin::StringName;
use godot::classes::Object;
use godot::meta::ToGodot;

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
    client_connected,
    client_disconnected,
    closed,
    completed,
    connect_failed,
    connected,
    data_received,
    datagram_received,
    disconnected,
    handshake_failed,
    handshake_requested,
    has_connections,
    message_received,
    send_failed,
    server_error,
    text_data_received,
}

impl Names {
    /// Whether anything is connected to a signal of the object. Runs no user code.
    pub(crate) fn has_connections(&self, object: &mut Object, signal: &StringName) -> bool {
        object.call(&self.has_connections, &[signal.to_variant()]).booleanize()
    }
}
