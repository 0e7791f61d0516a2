//! From the library's load to its unload: the hooks into the engine's main loop, and the orderly end.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use async_sockets_net::runtime;
use godot::builtin::{Callable, Variant};
use godot::classes::{Engine, SceneTree};
use godot::obj::{Gd, InstanceId, Singleton};

use crate::async_sockets::{self, AsyncSockets};
use crate::project_settings;
use crate::pump::Pump;

/// How long the end may wait for bytes that were sent and are not out yet.
const FLUSH_GRACE: Duration = Duration::from_secs(1);

thread_local! {
    /// Whether [`hook`] was put off once: a program may well have no scene tree at all.
    static HOOKS_LATER: Cell<bool> = const { Cell::new(false) };
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// The connections to the engine that must be undone before the library goes.
struct Hook {
    tree: InstanceId,
    root: InstanceId,
    frame: Callable,
    exit: Callable,
}

/// The engine has loaded the library.
pub(crate) fn loaded() {
    project_settings::register();
    runtime::set_worker_threads(project_settings::worker_threads());
}

/// The engine unloads the library, or quits.
pub(crate) fn unloading() {
    if let Some(pump) = Pump::existing() {
        pump.close();
    }
    unhook();
    Pump::discard();
    runtime::stop(FLUSH_GRACE);
}

/// Connects to the main loop, once there is one: the automatic drain before the nodes' `_process`, and the end.
pub(crate) fn hook() {
    let hooked = HOOK.with_borrow(|hook| hook.as_ref().is_some_and(|hook| tree(hook.tree).is_some()));
    if hooked {
        return;
    }
    let Some(mut tree) = Engine::singleton()
        .get_main_loop()
        .and_then(|main| main.try_cast::<SceneTree>().ok())
    else {
        hook_later();
        return; // No scene tree, or not yet: `process()` works without.
    };
    let Some(mut root) = tree.get_root() else { return };
    // Methods, not closures: an emission holds copies of what it calls, and if the library is unloaded inside of it, a copy
    // of a closure would be destroyed by code that is gone.
    let singleton = AsyncSockets::singleton();
    let frame = Callable::from_object_method(&singleton, "_frame");
    let exit = Callable::from_object_method(&singleton, "_exit");
    tree.connect("process_frame", &frame);
    root.connect("tree_exiting", &exit);
    async_sockets::add_monitors();
    let hook = Hook {
        tree: tree.instance_id(),
        root: root.instance_id(),
        frame,
        exit,
    };
    let before = HOOK.with_borrow_mut(|slot| slot.replace(hook));
    drop(before);
}

/// Before the main loop runs (in the `_init` of the first script) there is no scene tree yet: another try in its first
/// frame.
fn hook_later() {
    if !HOOKS_LATER.replace(true) {
        let again = Callable::from_fn("async_sockets_hook", |_: &[&Variant]| hook());
        again.call_deferred(&[]);
    }
}

fn unhook() {
    let Some(hook) = HOOK.with_borrow_mut(Option::take) else {
        return;
    };
    if let Some(mut tree) = tree(hook.tree) {
        tree.disconnect("process_frame", &hook.frame);
        async_sockets::remove_monitors();
    }
    if let Ok(mut root) = Gd::<godot::classes::Window>::try_from_instance_id(hook.root) {
        root.disconnect("tree_exiting", &hook.exit);
    }
}

fn tree(id: InstanceId) -> Option<Gd<SceneTree>> {
    Gd::try_from_instance_id(id).ok()
}
