//! Loading and unloading of the library, its hooks into the engine's main loop, and the orderly end.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use async_sockets_net::{runtime, termination};
use godot::builtin::{Callable, Variant};
use godot::classes::node::InternalMode;
use godot::classes::{Engine, Node, SceneTree, Window};
use godot::obj::{Gd, InstanceId, NewAlloc, Singleton};

use crate::async_sockets::{self, AsyncSockets};
use crate::project_settings;
use crate::pump::Pump;

/// Maximum time that the end waits for pending bytes.
const FLUSH_GRACE: Duration = Duration::from_secs(1);

thread_local! {
    /// Whether [`hook`] was deferred once: a program may have no scene tree at all.
    static HOOKS_LATER: Cell<bool> = const { Cell::new(false) };
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// The connections to the engine that must be undone before the library goes.
struct Hook {
    tree: InstanceId,
    root: InstanceId,
    frame: Callable,
    exit: Callable,
    /// `None` in the editor.
    sentinel: Option<Sentinel>,
}

/// A node that is the root's last child. The engine does not announce that it quits before the nodes leave the tree,
/// from the last to the first: when this one leaves, the others are still in the tree, and pending awaitables can
/// complete there.
struct Sentinel {
    node: InstanceId,
    /// Moves it behind children that were added later.
    stay_last: Callable,
    /// It is leaving the tree only to be moved.
    moves: bool,
    /// It will be moved in this frame.
    is_called: bool,
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
    // Last, so that a first request while the engine quits does not cut the end short.
    termination::release();
}

/// Connects the automatic drain, before the nodes' `_process`, and the end to the main loop, once there is one.
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
    // Methods, not closures: an emission holds copies of its callables, and if the library is unloaded during it, a
    // copy of a closure would be destroyed by code that is no longer loaded.
    let singleton = AsyncSockets::singleton();
    let frame = Callable::from_object_method(&singleton, "_frame");
    let exit = Callable::from_object_method(&singleton, "_exit");
    tree.connect("process_frame", &frame);
    root.connect("tree_exiting", &exit);
    async_sockets::add_monitors();
    let sentinel = (!Engine::singleton().is_editor_hint()).then(|| stand_sentinel(&mut root, &singleton));
    let hook = Hook {
        tree: tree.instance_id(),
        root: root.instance_id(),
        frame,
        exit,
        sentinel,
    };
    let before = HOOK.with_borrow_mut(|slot| slot.replace(hook));
    drop(before);
}

fn stand_sentinel(root: &mut Gd<Window>, singleton: &Gd<AsyncSockets>) -> Sentinel {
    let mut node = Node::new_alloc();
    node.set_name("_async_sockets_exit");
    node.connect(
        "tree_exiting",
        &Callable::from_object_method(singleton, "_sentinel_goes"),
    );
    let stay_last = Callable::from_object_method(singleton, "_child_entered");
    root.connect("child_entered_tree", &stay_last);
    // Deferred: the root may be adding a child now.
    Callable::from_object_method(singleton, "_move_sentinel").call_deferred(&[]);
    Sentinel {
        node: node.instance_id(),
        stay_last,
        moves: false,
        is_called: true,
    }
}

/// Handles a new child of the root.
pub(crate) fn child_entered(child: &Gd<Node>, singleton: &Gd<AsyncSockets>) {
    let id = child.instance_id();
    let must_call = with_sentinel(|sentinel| sentinel.node != id && !std::mem::replace(&mut sentinel.is_called, true));
    if must_call == Some(true) {
        Callable::from_object_method(singleton, "_move_sentinel").call_deferred(&[]);
    }
}

/// Makes the sentinel the root's last child.
pub(crate) fn move_sentinel() {
    let Some((mut root, node)) = HOOK.with_borrow(|hook| {
        let hook = hook.as_ref()?;
        let root = Gd::<Window>::try_from_instance_id(hook.root).ok()?;
        let node = Gd::<Node>::try_from_instance_id(hook.sentinel.as_ref()?.node).ok()?;
        Some((root, node))
    }) else {
        return;
    };
    with_sentinel(|sentinel| (sentinel.moves, sentinel.is_called) = (true, false));
    if node.is_inside_tree() {
        root.remove_child(&node);
    }
    root.add_child_ex(&node).internal(InternalMode::BACK).done();
    with_sentinel(|sentinel| sentinel.moves = false);
}

/// Whether the sentinel is leaving the tree because the engine quits.
pub(crate) fn sentinel_says_quit() -> bool {
    with_sentinel(|sentinel| !sentinel.moves).unwrap_or(false)
}

fn with_sentinel<R>(f: impl FnOnce(&mut Sentinel) -> R) -> Option<R> {
    HOOK.with_borrow_mut(|hook| hook.as_mut()?.sentinel.as_mut().map(f))
}

/// Tries again in the first frame: before the main loop runs (in the `_init` of the first script) there is no scene
/// tree.
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
    if let Ok(mut root) = Gd::<Window>::try_from_instance_id(hook.root) {
        root.disconnect("tree_exiting", &hook.exit);
        if let Some(sentinel) = &hook.sentinel {
            root.disconnect("child_entered_tree", &sentinel.stay_last);
        }
    }
    let node = hook
        .sentinel
        .map(|sentinel| Gd::<Node>::try_from_instance_id(sentinel.node));
    if let Some(Ok(mut node)) = node {
        let goes = Callable::from_object_method(&AsyncSockets::singleton(), "_sentinel_goes");
        node.disconnect("tree_exiting", &goes);
        if node.is_inside_tree() {
            node.queue_free();
        } else {
            node.free();
        }
    }
}

fn tree(id: InstanceId) -> Option<Gd<SceneTree>> {
    Gd::try_from_instance_id(id).ok()
}
