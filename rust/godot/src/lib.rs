//! Godot classes.
use godot::prelude::*;

struct AsyncSocketsExtension;

#[allow(unsafe_code, reason = "the entry point that gdext asks for")]
#[gdextension]
unsafe impl ExtensionLibrary for AsyncSocketsExtension {}
