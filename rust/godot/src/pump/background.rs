//! What has no queue of its own (wrapped engine streams) and is checked at an interval.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use crate::socket::{Socket, SocketBase, SocketKey};

/// How often it is checked while a drain waits.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Automatic sockets without a queue of their own.
#[derive(Default)]
pub(super) struct Polled(RefCell<BTreeMap<SocketKey, Weak<dyn Socket>>>);

impl Polled {
    pub(super) fn add(&self, socket: &Rc<dyn Socket>) {
        let base = socket.base();
        base.polled.set(true);
        if base.auto_process.get() {
            self.0.borrow_mut().insert(base.key(), Rc::downgrade(socket));
        }
    }

    pub(super) fn remove(&self, base: &SocketBase) {
        base.polled.set(false);
        self.0.borrow_mut().remove(&base.key());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// The sockets, in the order of their creation.
    pub(super) fn all(&self) -> Vec<Rc<dyn Socket>> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut sockets = self.0.borrow_mut();
        sockets.retain(|_, socket| socket.strong_count() > 0);
        sockets.values().filter_map(Weak::upgrade).collect()
    }
}

/// Work that is called until it returns false.
type Work = Box<dyn FnMut() -> bool>;

/// Bytes that still have to leave through sockets without a queue of their own, whose owners are gone.
#[derive(Default)]
pub(super) struct Leftovers {
    work: RefCell<VecDeque<Work>>,
    /// When it was called last.
    called_at: Cell<Option<Instant>>,
}

impl Leftovers {
    pub(super) fn add(&self, work: impl FnMut() -> bool + 'static) {
        self.work.borrow_mut().push_back(Box::new(work));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.work.borrow().is_empty()
    }

    /// Calls the work, at most once in [`POLL_INTERVAL`]: there may be many small drains.
    pub(super) fn call(&self) {
        let mut left = self.work.borrow().len();
        let is_due = |now| self.called_at.get().is_none_or(|last| now >= last + POLL_INTERVAL);
        if left == 0 || !is_due(Instant::now()) {
            return;
        }
        while left > 0 {
            left -= 1;
            let Some(mut work) = self.work.borrow_mut().pop_front() else {
                break;
            };
            if work() {
                self.work.borrow_mut().push_back(work);
            }
        }
        self.called_at.set(Some(Instant::now()));
    }
}
