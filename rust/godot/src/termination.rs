//! The request of the system that the process end, for the script: `AsyncSockets.handle_termination`.

use async_sockets_net::termination;
use godot::classes::{Engine, SceneTree};
use godot::obj::Singleton;

use crate::async_sockets::AsyncSockets;
use crate::emission::emit_heard;
use crate::guard::misuse;
use crate::lifecycle;
use crate::pump::Pump;

/// Sets whether requests are caught; once one was, it catches the next one if set again.
pub(crate) fn set(on: bool) {
    if !on {
        return termination::release();
    }
    if Pump::get().is_closed() {
        return;
    }
    lifecycle::hook();
    if let Err(error) = termination::catch() {
        misuse(&format!("AsyncSockets.handle_termination: the system refuses: {error}"));
    }
}

/// Reports a request: by the signal, or if that has no connection, by quitting. False if there is none. Runs user code.
pub(crate) fn tell(pump: &Pump) -> bool {
    if !termination::take_request() || pump.is_closed() {
        return false;
    }
    if emit_heard(&AsyncSockets::singleton(), &pump.names.terminate_requested, &[], pump) {
        return true;
    }
    let main = Engine::singleton().get_main_loop();
    if let Some(mut tree) = main.and_then(|main| main.try_cast::<SceneTree>().ok()) {
        tree.quit();
    }
    true
}
