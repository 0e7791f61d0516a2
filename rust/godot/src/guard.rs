//! Checks of a script's calls: the calling thread, and reports of misuse.

use std::cell::Cell;
use std::mem;
use std::ops::Deref;
use std::panic::resume_unwind;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use godot::builtin::Variant;
use godot::global::push_error;
use godot::init::is_main_thread;
use godot::meta::ToGodot;

use crate::pump::Pump;
use crate::socket::{Socket, SocketKey};

const NOT_HERE: &str = "Async Sockets: call this from the main thread (from another one, use call_deferred())";

/// Reports misuse to the author of the script, as an error of the engine.
pub(crate) fn misuse(message: &str) {
    push_error(&[message.to_variant()] as &[Variant]);
}

thread_local! {
    static IS_MAIN: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Whether this is the main thread. Asked several times for each packet, so the answer is kept.
fn is_main() -> bool {
    IS_MAIN.get().unwrap_or_else(|| {
        let is_main = is_main_thread();
        IS_MAIN.set(Some(is_main));
        is_main
    })
}

/// Whether this is the main thread; reports misuse if not. The classes may be used there only, as signals may.
pub(crate) fn on_main_thread() -> bool {
    let main = is_main();
    if !main {
        misuse(NOT_HERE);
    }
    main
}

/// Aborts the call of a script in another thread. Unlike a panic, it runs no hook, which would print the error as one of
/// this library's own.
#[cold]
fn abort_call() -> ! {
    misuse(NOT_HERE);
    resume_unwind(Box::new(NOT_HERE))
}

/// The state behind an engine object. It belongs to the main thread, but the last reference to the object may be
/// dropped in any. Another thread only marks the state, and the main thread releases it at its next drain. Its memory
/// stays allocated then, since another thread must not touch its reference count.
pub(crate) struct State<T: Socket>(Option<Rc<T>>);

impl<T: Socket> State<T> {
    pub(crate) fn new(state: Rc<T>) -> Self {
        Self(Some(state))
    }
}

impl<T: Socket> Deref for State<T> {
    type Target = Rc<T>;

    /// In another thread, reports misuse and unwinds to gdext: for properties, and methods that have no error to return.
    /// The others check the thread first.
    fn deref(&self) -> &Rc<T> {
        match &self.0 {
            Some(state) if is_main() => state,
            _ => abort_call(),
        }
    }
}

impl<T: Socket> Drop for State<T> {
    fn drop(&mut self) {
        let Some(state) = self.0.take() else { return };
        if is_main() {
            if let Some(pump) = Pump::existing() {
                pump.released(state.base());
                state.release(&pump);
            }
        } else {
            orphans().push(state.base().key());
            HAS_ORPHANS.store(true, Ordering::Release);
            mem::forget(state);
        }
    }
}

/// A weak reference to a state inside another engine object.
pub(crate) struct WeakState<T>(Weak<T>);

impl<T> WeakState<T> {
    pub(crate) fn new(state: Weak<T>) -> Self {
        Self(state)
    }

    pub(crate) fn upgrade(&self) -> Option<Rc<T>> {
        self.0.upgrade()
    }
}

impl<T> Default for WeakState<T> {
    fn default() -> Self {
        Self(Weak::new())
    }
}

impl<T> Drop for WeakState<T> {
    fn drop(&mut self) {
        if !is_main() {
            mem::forget(mem::take(&mut self.0));
        }
    }
}

static ORPHANS: Mutex<Vec<SocketKey>> = Mutex::new(Vec::new());
static HAS_ORPHANS: AtomicBool = AtomicBool::new(false);

/// The sockets whose engine objects were dropped in another thread since the last call.
pub(crate) fn take_orphans() -> Vec<SocketKey> {
    if HAS_ORPHANS.swap(false, Ordering::AcqRel) {
        mem::take(&mut *orphans())
    } else {
        Vec::new()
    }
}

fn orphans() -> MutexGuard<'static, Vec<SocketKey>> {
    ORPHANS.lock().unwrap_or_else(PoisonError::into_inner)
}
