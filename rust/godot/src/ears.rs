//! Whether anybody listens to a signal.

use std::cell::OnceCell;

use godot::builtin::{StringName, Variant};
use godot::classes::Object;
use godot::meta::ToGodot;

/// Asks the engine: by `Object.has_connections()` where there is one (Godot 4.5 and newer), since a list of all
/// connections costs as much as an emission.
pub(crate) struct Ears {
    has_connections: StringName,
    is_there: OnceCell<bool>,
}

impl Ears {
    pub(crate) fn new() -> Self {
        Self {
            has_connections: StringName::from("has_connections"),
            is_there: OnceCell::new(),
        }
    }

    /// Whether anything is connected to the signal. Runs no user code.
    pub(crate) fn are_on(&self, object: &mut Object, signal: &StringName) -> bool {
        if *self.is_there.get_or_init(|| object.has_method(&self.has_connections)) {
            let args: [Variant; 1] = [signal.to_variant()];
            object.call(&self.has_connections, &args).booleanize()
        } else {
            !object.get_signal_connection_list(signal).is_empty()
        }
    }
}
