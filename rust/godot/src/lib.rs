//! Godot classes.

/// The library's entry point; the one place where gdext asks for `unsafe`.
mod entry {
    #![allow(unsafe_code)]
    use godot::prelude::*;

    struct AsyncSocketsExtension;

    #[gdextension]
    unsafe impl ExtensionLibrary for AsyncSocketsExtension {}
}
