//! What every socket class has for the pump.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_sockets_net::mailbox::SocketId;
use godot::builtin::{StringName, Variant};
use godot::classes::RefCounted;
use godot::obj::{Gd, InstanceId};

use crate::pump::Pump;

/// Tells the states behind the engine objects apart, in any thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SocketKey(u64);

/// The part of a socket class that the pump works with.
pub(crate) struct SocketBase {
    key: SocketKey,
    /// The engine object that emits the signals.
    instance: OnceCell<InstanceId>,
    pub(crate) auto_process: Cell<bool>,
    pub(crate) in_ring: Cell<bool>,
    pub(crate) in_turn: Cell<bool>,
    /// Asked for another turn during its turn.
    pub(crate) wants_turn: Cell<bool>,
    /// When the pump looks for expired operations of this socket.
    pub(crate) alarm: Cell<Option<Instant>>,
}

impl Default for SocketBase {
    fn default() -> Self {
        static NEXT_KEY: AtomicU64 = AtomicU64::new(0);
        Self {
            key: SocketKey(NEXT_KEY.fetch_add(1, Ordering::Relaxed)),
            instance: OnceCell::new(),
            auto_process: Cell::new(true),
            in_ring: Cell::new(false),
            in_turn: Cell::new(false),
            wants_turn: Cell::new(false),
            alarm: Cell::new(None),
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
        if let Some(mut object) = self.object() {
            object.emit_signal(signal, args);
        }
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

    /// The listener whose `process()` handles this socket too.
    fn listener(&self) -> Option<SocketId> {
        None
    }

    /// Handles what is queued, until [`Pump::turn_over`]. Says whether there is more.
    fn turn(self: Rc<Self>, pump: &Pump) -> bool;

    /// Resolves the operations whose time is over and says when the next one's is.
    fn expire(self: Rc<Self>, pump: &Pump, now: Instant) -> Option<Instant>;

    /// Closes it and resolves everything that waits: the engine quits, or the user stops everything.
    fn stop(self: Rc<Self>, pump: &Pump);

    /// The engine object is gone: closes it, and has everything that waits resolved at the next drain.
    fn release(&self, pump: &Pump);
}
