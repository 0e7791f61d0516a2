//! What every socket class has for the pump.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_sockets_net::mailbox::SocketId;
use godot::builtin::{StringName, Variant};
use godot::classes::RefCounted;
use godot::global::Error;
use godot::obj::{Gd, InstanceId};

use crate::line::{Line, Ticket, Waits};
use crate::pump::Pump;

/// Tells the states behind the engine objects apart, in any thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SocketKey(u64);

/// The part of a socket class that the pump works with.
pub(crate) struct SocketBase {
    key: SocketKey,
    /// The engine object that emits the signals.
    instance: OnceCell<InstanceId>,
    /// Drained once a frame. Set by [`Pump::set_automatic`].
    pub(crate) auto_process: Cell<bool>,
    /// Its place in the order, while it waits for a turn.
    pub(crate) ticket: Cell<Option<Ticket>>,
    pub(crate) in_turn: Cell<bool>,
    /// Asked for another turn during its turn.
    pub(crate) wants_turn: Cell<bool>,
    /// The sockets that wait for a turn and that this one's `process()` handles too: a listener's clients.
    pub(crate) line: Line<dyn Socket>,
    /// The engine object is gone: nobody calls its `process()` any more.
    pub(crate) released: Cell<bool>,
    /// When the pump looks for expired operations of this socket.
    pub(crate) alarm: Cell<Option<Instant>>,
    /// That time has come: its operations expire in its next turn, after what is queued was handled.
    pub(crate) alarmed: Cell<bool>,
    /// Which turn that is.
    pub(crate) expiry: Cell<Option<Expiry>>,
    /// Events handled since the start.
    pub(crate) handled: Cell<u64>,
    /// It has no queue of its own and is looked at in every drain.
    pub(crate) polled: Cell<bool>,
    /// It stands among those that have something for a signal to which nobody listens.
    pub(crate) unheard: Cell<bool>,
}

/// Operations whose time is over at a moment, and what comes before that.
#[derive(Clone, Copy)]
pub(crate) struct Expiry {
    pub(crate) when: Instant,
    /// The number of the last event that was queued at that moment.
    pub(crate) after: u64,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// What was queued when it began is handled, and there is nothing else.
    Done,
    /// The same, and more has come.
    More,
    /// Its time was over before.
    Cut,
}

impl Turn {
    /// Of a turn that got through what was queued.
    pub(crate) fn through(more: bool) -> Self {
        if more { Self::More } else { Self::Done }
    }
}

impl Default for SocketBase {
    fn default() -> Self {
        static NEXT_KEY: AtomicU64 = AtomicU64::new(0);
        Self {
            key: SocketKey(NEXT_KEY.fetch_add(1, Ordering::Relaxed)),
            instance: OnceCell::new(),
            auto_process: Cell::new(true),
            ticket: Cell::new(None),
            in_turn: Cell::new(false),
            wants_turn: Cell::new(false),
            line: Line::default(),
            released: Cell::new(false),
            alarm: Cell::new(None),
            alarmed: Cell::new(false),
            expiry: Cell::new(None),
            handled: Cell::new(0),
            polled: Cell::new(false),
            unheard: Cell::new(false),
        }
    }
}

impl SocketBase {
    pub(crate) fn key(&self) -> SocketKey {
        self.key
    }

    pub(crate) fn set_instance(&self, id: impl FnOnce() -> InstanceId) {
        self.instance.get_or_init(id);
    }

    pub(crate) fn instance(&self) -> Option<InstanceId> {
        self.instance.get().copied()
    }

    /// The engine object, if it still lives.
    pub(crate) fn object(&self) -> Option<Gd<RefCounted>> {
        Gd::try_from_instance_id(self.instance()?).ok()
    }

    /// Emits a signal. Runs user code: hold nothing.
    pub(crate) fn emit(&self, signal: &StringName, args: &[Variant]) {
        self.emit_heard(signal, args);
    }

    /// The same, and whether anybody was there to hear it. What costs nothing here costs as much as the emission when it is
    /// asked before: the engine keeps no entry for a signal of a native class without a connection, and says so.
    pub(crate) fn emit_heard(&self, signal: &StringName, args: &[Variant]) -> bool {
        let Some(mut object) = self.object() else { return false };
        let error = object.emit_signal(signal, args);
        !matches!(error, Error::ERR_UNAVAILABLE | Error::ERR_CANT_ACQUIRE_RESOURCE)
    }

    /// Whether anything is connected to a signal.
    pub(crate) fn is_heard(&self, signal: &StringName, pump: &Pump) -> bool {
        self.object()
            .is_some_and(|mut object| pump.ears.are_on(&mut object, signal))
    }
}

impl Waits for dyn Socket {
    fn ticket(&self) -> Option<Ticket> {
        self.base().ticket.get()
    }
}

/// A socket that the pump drains.
pub(crate) trait Socket {
    fn base(&self) -> &SocketBase;

    /// The name under which it is registered now.
    fn id(&self) -> Option<SocketId>;

    /// What waits to be handled.
    fn queued(&self) -> usize;

    /// The connections that stand.
    fn connections(&self) -> usize {
        0
    }

    /// The listener whose `process()` handles this socket too, also once it has stopped.
    fn listener(&self) -> Option<Rc<dyn Socket>> {
        None
    }

    /// Whether something waits for a signal, and somebody listens to it by now. `None` if nothing waits.
    fn finds_ears(&self, _pump: &Pump) -> Option<bool> {
        None
    }

    /// Handles what is queued, until [`Pump::turn_over`].
    fn turn(self: Rc<Self>, pump: &Pump) -> Turn;

    /// Resolves the operations whose time is over and says when the next one's is.
    fn expire(self: Rc<Self>, pump: &Pump, now: Instant) -> Option<Instant>;

    /// Closes it and resolves everything that waits: the engine quits, or the user stops everything.
    fn stop(self: Rc<Self>, pump: &Pump);

    /// The engine object is gone: closes it, and has everything that waits resolved at the next drain.
    fn release(&self, pump: &Pump);
}
