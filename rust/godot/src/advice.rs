//! Warnings that teach: for what a script may do, and what its author hardly wants. Each is printed once per class and
//! run, however many objects there are.

use std::cell::{Cell, RefCell};

use godot::builtin::Variant;
use godot::global::push_warning;
use godot::meta::ToGodot;

use crate::pump::Pump;

/// What a warning is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advice {
    /// A server was dropped before it could serve anybody, as one in a local variable is.
    Dropped,
    /// Something was called before the socket was ever started.
    NotStarted,
    /// Clients wait for a decision that nobody takes.
    Undecided,
    /// The main thread has not got through the queued events for a while.
    Overload,
    /// A socket without automatic processing has events, and nobody calls its `process()`.
    NeverProcessed,
    /// `process()` takes more than a frame's time in every frame.
    LongProcess,
}

thread_local! {
    /// The warnings that were printed, with the class.
    static GIVEN: RefCell<Vec<(Advice, &'static str)>> = const { RefCell::new(Vec::new()) };
}

/// Prints a warning, unless it was printed for this class. May run user code: hold nothing.
pub(crate) fn give(advice: Advice, class: &'static str, words: impl FnOnce() -> String) {
    let is_new = GIVEN.with_borrow_mut(|given| {
        let is_new = !given.contains(&(advice, class));
        if is_new {
            given.push((advice, class));
        }
        is_new
    });
    if is_new {
        push_warning(&[words().to_variant()] as &[Variant]);
    }
}

/// When a server was started last, in steps of the pump.
#[derive(Default)]
pub(crate) struct Started(Cell<u64>);

impl Started {
    pub(crate) fn note(&self, pump: &Pump) {
        self.0.set(pump.steps());
    }

    /// Warns of a server that was dropped while it listened, if the script has not waited for anything since the start.
    /// Later it may be meant: a scene was left, and with it the server in a member of a node. May run user code: hold
    /// nothing.
    pub(crate) fn warn_if_dropped_at_once(&self, class: &'static str, pump: &Pump) {
        if pump.is_closed() || self.0.get() != pump.steps() {
            return;
        }
        give(Advice::Dropped, class, || {
            format!(
                "{class}: its last reference was dropped right after start(), so it has stopped before it could serve \
                 anybody. Keep it in a variable that lives as long as the server is to run, such as a member variable \
                 of a node. To end it on purpose, call stop()."
            )
        });
    }
}
