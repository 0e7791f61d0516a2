//! Checks at the edge: the calling thread, and misuse told once in clear words.

use godot::builtin::Variant;
use godot::global::push_error;
use godot::init::is_main_thread;
use godot::meta::ToGodot;

/// Tells the script's author what is wrong with a call.
pub(crate) fn misuse(message: &str) {
    push_error(&[message.to_variant()] as &[Variant]);
}

/// Whether this is the main thread; tells the author if not. The classes live there alone, as signals do.
pub(crate) fn on_main_thread() -> bool {
    let main = is_main_thread();
    if !main {
        // Not by the engine: its values must not be made or dropped here, and in the debug library that would panic.
        eprintln!("ERROR: Async Sockets: call this from the main thread (from another one, use call_deferred())");
    }
    main
}
