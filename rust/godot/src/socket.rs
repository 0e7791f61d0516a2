//! The state behind a socket class, as the pump and the class see it.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt::Display;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_sockets_net::mailbox::SocketId;
use godot::builtin::{GString, StringName, Variant};
use godot::classes::RefCounted;
use godot::global::Error;
use godot::obj::{Gd, InstanceId};

use crate::advice::{self, Advice};
use crate::emission::{emit, emit_heard};
use crate::guard::misuse;
use crate::pump::Pump;
use crate::pump::line::{Line, Ticket, Waits};

/// Identifies the state behind an engine object, in any thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SocketKey(u64);

/// What the state of every socket class contains: its last error, and what the pump knows of it.
pub(crate) struct SocketBase {
    key: SocketKey,
    /// The engine object that emits the signals.
    instance: OnceCell<InstanceId>,
    /// The last error in words; empty if there was none.
    last_error: RefCell<String>,
    /// Drained once a frame. Set by [`Pump::set_automatic`].
    pub(crate) auto_process: Cell<bool>,
    /// The ticket while it waits for a turn.
    pub(crate) ticket: Cell<Option<Ticket>>,
    /// The ticket that the pump saw when it looked for sockets that nobody processes, and since when.
    pub(crate) seen: Cell<Option<(Ticket, Instant)>>,
    pub(crate) in_turn: Cell<bool>,
    /// Another turn was requested during the present one.
    pub(crate) wants_turn: Cell<bool>,
    /// The waiting sockets that the `process()` of this one handles too: the clients of a listener.
    pub(crate) line: Line<dyn Socket>,
    /// The engine object is gone, so nobody calls its `process()` any more.
    pub(crate) released: Cell<bool>,
    /// When the pump checks this socket for expired operations.
    pub(crate) alarm: Cell<Option<Instant>>,
    /// That time has come: operations expire in the next turn, after the events that were queued by then.
    pub(crate) alarmed: Cell<bool>,
    /// The pending expiry, from the first turn after the alarm.
    pub(crate) expiry: Cell<Option<Expiry>>,
    /// Number of events handled since it was created.
    pub(crate) handled: Cell<u64>,
    /// It has no queue of its own and is checked in every drain.
    pub(crate) polled: Cell<bool>,
    /// The script has started it, or tried to.
    pub(crate) begun: Cell<bool>,
    /// It is listed among the sockets whose signal had no connection.
    pub(crate) unheard: Cell<bool>,
}

/// Operations with a deadline up to `when` expire once the events queued at that moment are handled.
#[derive(Clone, Copy)]
pub(crate) struct Expiry {
    pub(crate) when: Instant,
    /// The value of [`SocketBase::handled`] after those events.
    pub(crate) after: u64,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Everything queued at its start is handled, and nothing else is queued.
    Done,
    /// Everything queued at its start is handled, and more has been queued.
    More,
    /// Its time slice ended first.
    Cut,
}

impl Turn {
    /// The end of a turn that handled everything queued at its start.
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
            last_error: RefCell::default(),
            auto_process: Cell::new(true),
            ticket: Cell::new(None),
            seen: Cell::new(None),
            in_turn: Cell::new(false),
            wants_turn: Cell::new(false),
            line: Line::default(),
            released: Cell::new(false),
            alarm: Cell::new(None),
            alarmed: Cell::new(false),
            expiry: Cell::new(None),
            handled: Cell::new(0),
            polled: Cell::new(false),
            begun: Cell::new(false),
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

    pub(crate) fn last_error(&self) -> GString {
        GString::from(&*self.last_error.borrow())
    }

    pub(crate) fn set_last_error(&self, words: impl Into<String>) {
        *self.last_error.borrow_mut() = words.into();
    }

    /// Emits a signal. Runs user code: hold nothing.
    pub(crate) fn emit(&self, signal: &StringName, args: &[Variant]) {
        if let Some(object) = self.object() {
            emit(&object, signal, args);
        }
    }

    /// Emits a signal and returns whether it had a connection. Runs user code: hold nothing.
    pub(crate) fn emit_heard(&self, signal: &StringName, args: &[Variant], pump: &Pump) -> bool {
        self.object()
            .is_some_and(|object| emit_heard(&object, signal, args, pump))
    }

    /// Whether a signal has a connection.
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

/// The state behind a socket class, which the pump drains.
pub(crate) trait Socket {
    /// Name of the class, as a script knows it.
    fn class(&self) -> &'static str;

    fn base(&self) -> &SocketBase;

    /// The id under which it is registered now.
    fn id(&self) -> Option<SocketId>;

    /// Whether it is open, as a script sees it. One may stay registered longer, for what is still pending.
    fn is_open(&self) -> bool {
        true
    }

    /// Whether the script has not closed it.
    fn is_in_use(&self) -> bool {
        true
    }

    /// Number of queued events.
    fn queued(&self) -> usize;

    /// Number of established connections.
    fn connections(&self) -> usize {
        0
    }

    /// The listener whose `process()` handles this socket too, even after it was stopped.
    fn listener(&self) -> Option<Rc<dyn Socket>> {
        None
    }

    /// Whether the signal that something is pending for has a connection. `None` if nothing is pending.
    fn finds_ears(&self, _pump: &Pump) -> Option<bool> {
        None
    }

    /// Handles queued events until [`Pump::turn_over`].
    fn turn(self: Rc<Self>, pump: &Pump) -> Turn;

    /// Completes the expired operations and returns the next deadline.
    fn expire(self: Rc<Self>, pump: &Pump, now: Instant) -> Option<Instant>;

    /// Closes it and completes everything that waits: the engine quits, or the script stops everything.
    fn stop(self: Rc<Self>, pump: &Pump);

    /// Closes it because the engine object is gone; what waits is completed at the next drain.
    fn release(&self, pump: &Pump);

    /// Reports misuse to the author of the script, once and in words, which become the last error too.
    fn refuse(&self, error: Error, member: &str, words: impl Display) -> Error
    where
        Self: Sized,
    {
        misuse(&format!("{}.{member}: {words}", self.class()));
        self.fail(error, words)
    }

    /// The error of a call that needs something to be started first. The author is told if it never was; after a failed
    /// start, and after the end, such a call may be meant. May run user code: hold nothing.
    fn not_started(&self, words: &str) -> Error
    where
        Self: Sized,
    {
        if !self.base().begun.get() {
            let class = self.class();
            advice::give(Advice::NotStarted, class, || {
                format!("{class}: {words}. This call does nothing.")
            });
        }
        self.fail(Error::ERR_UNCONFIGURED, words)
    }

    /// Records the words of an error that is nobody's mistake.
    fn fail(&self, error: Error, words: impl Display) -> Error
    where
        Self: Sized,
    {
        self.base().set_last_error(words.to_string());
        error
    }
}
