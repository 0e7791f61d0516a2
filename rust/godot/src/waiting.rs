//! Pending operations of one kind, first in, first out.
//!
//! An operation whose result nobody can receive (it was cancelled, or its awaiter is gone) is over and gives up its
//! place: what it would have taken stays for the next one. Only drains check for that, since a signal that a call has
//! just returned is not awaited yet.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Instant;

use async_sockets_net::wakes;
use godot::builtin::{VarArray, Variant};
use godot::meta::ToGodot;
use godot::obj::Gd;

use crate::pump::Pump;
use crate::socket::Socket;
use crate::task::NetTask;

/// Initial length at which operations that are over are removed from the middle of a queue.
const FIRST_SWEEP: usize = 256;

/// A pending operation and its details.
struct Operation<T> {
    task: Gd<NetTask>,
    deadline: Option<Instant>,
    detail: T,
}

impl<T> Operation<T> {
    /// Whether nobody can receive its result.
    fn is_over(&mut self) -> bool {
        NetTask::is_over(&mut self.task)
    }
}

/// The queue. Its owner must call [`Self::next_expired`] from [`Socket::expire`].
///
/// All methods but [`Self::push`], [`Self::is_empty`] and [`Self::peek`] are for drains. They may drop operations that
/// are over, and objects of the script with them: hold nothing.
pub(crate) struct Waiting<T = ()> {
    queue: RefCell<VecDeque<Operation<T>>>,
    /// Length at which the whole queue is swept: twice the length after the last sweep, so its cost per operation is
    /// constant.
    sweep_at: Cell<usize>,
    /// Number of operations at the front that are known to be completed: thousands may be cancelled in one frame.
    done: Cell<usize>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            queue: RefCell::default(),
            sweep_at: Cell::new(FIRST_SWEEP),
            done: Cell::new(0),
        }
    }
}

impl<T> Waiting<T> {
    /// Adds an operation of `owner` and returns what the script awaits.
    pub(crate) fn push(
        &self,
        owner: &dyn Socket,
        deadline: Option<Instant>,
        if_cancelled: &VarArray,
        detail: T,
    ) -> Variant {
        // Sends what the script has queued now, since it may be all that it sends in this turn.
        wakes::flush();
        if let Some(deadline) = deadline {
            Pump::get().set_alarm(owner, deadline);
        }
        if self.queued() >= self.sweep_at.get() {
            Pump::get().set_alarm(owner, Instant::now());
        }
        let task = NetTask::pending(owner.id(), if_cancelled.to_variant());
        let signal = task.bind().wait();
        self.queue.borrow_mut().push_back(Operation { task, deadline, detail });
        signal
    }

    /// Number of operations in the queue, over or not.
    pub(crate) fn queued(&self) -> usize {
        self.queue.borrow().len()
    }

    /// Whether all operations in the queue are completed.
    pub(crate) fn is_empty(&self) -> bool {
        let queue = self.queue.borrow();
        let mut done = self.done.get();
        while queue
            .get(done)
            .is_some_and(|operation| NetTask::is_done(&operation.task))
        {
            done += 1;
        }
        self.done.set(done);
        done >= queue.len()
    }

    /// Whether the queue has an operation whose result somebody can receive.
    pub(crate) fn somebody_waits(&self) -> bool {
        loop {
            let over = {
                let mut queue = self.queue.borrow_mut();
                let Some(first) = queue.front_mut() else {
                    return false;
                };
                if !first.is_over() {
                    return true;
                }
                self.done.set(self.done.get().saturating_sub(1));
                queue.pop_front()
            };
            if let Some(over) = over {
                NetTask::give_up(over.task);
            }
        }
    }

    /// Takes the first operation.
    pub(crate) fn pop(&self) -> Option<(Gd<NetTask>, T)> {
        self.pop_if(|_| true)
    }

    /// Takes the first operation if it is ready. `is_ready` runs no user code.
    pub(crate) fn pop_if(&self, is_ready: impl Fn(&mut T) -> bool) -> Option<(Gd<NetTask>, T)> {
        loop {
            let (first, is_over) = {
                let mut queue = self.queue.borrow_mut();
                let stands_in_the_way = queue.len() > 1;
                let first = queue.front_mut()?;
                let ready = is_ready(&mut first.detail);
                if !ready && !stands_in_the_way && !NetTask::is_done(&first.task) {
                    return None; // It does not matter yet whether it is over.
                }
                let is_over = first.is_over();
                if !ready && !is_over {
                    return None;
                }
                self.done.set(self.done.get().saturating_sub(1));
                (queue.pop_front()?, is_over)
            };
            if !is_over {
                return Some((first.task, first.detail));
            }
            NetTask::give_up(first.task);
        }
    }

    /// Looks at the first operation, even if it is over.
    pub(crate) fn peek<R>(&self, look: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut queue = self.queue.borrow_mut();
        queue.front_mut().map(|first| look(&mut first.detail))
    }

    /// Takes the first operation that `fits`, anywhere in the queue.
    pub(crate) fn take_where(&self, fits: impl Fn(&T) -> bool) -> Option<(Gd<NetTask>, T)> {
        let mut queue = self.queue.borrow_mut();
        let index = queue.iter().position(|operation| fits(&operation.detail))?;
        self.done.set(0);
        queue.remove(index).map(|operation| (operation.task, operation.detail))
    }

    /// Takes an operation whose deadline has passed.
    pub(crate) fn next_expired(&self, now: Instant) -> Option<(Gd<NetTask>, T)> {
        if self.queued() >= self.sweep_at.get() {
            self.sweep();
        }
        let mut queue = self.queue.borrow_mut();
        let is_due = |operation: &Operation<T>| operation.deadline.is_some_and(|deadline| deadline <= now);
        let index = queue.iter().position(is_due)?;
        self.done.set(0);
        queue.remove(index).map(|operation| (operation.task, operation.detail))
    }

    /// The earliest deadline.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.queue
            .borrow()
            .iter()
            .filter_map(|operation| operation.deadline)
            .min()
    }

    /// Takes all operations.
    pub(crate) fn take_all(&self) -> Vec<(Gd<NetTask>, T)> {
        self.done.set(0);
        self.queue
            .take()
            .into_iter()
            .map(|operation| (operation.task, operation.detail))
            .collect()
    }

    /// Removes all operations that are over.
    fn sweep(&self) {
        let over = {
            let mut queue = self.queue.borrow_mut();
            let (over, left): (Vec<_>, VecDeque<_>) = partition(std::mem::take(&mut *queue));
            *queue = left;
            self.done.set(0);
            self.sweep_at.set(FIRST_SWEEP.max(2 * queue.len()));
            over
        };
        for operation in over {
            NetTask::give_up(operation.task);
        }
    }
}

fn partition<T>(queue: VecDeque<Operation<T>>) -> (Vec<Operation<T>>, VecDeque<Operation<T>>) {
    let (mut over, mut left) = (Vec::new(), VecDeque::with_capacity(queue.len()));
    for mut operation in queue {
        if operation.is_over() {
            over.push(operation);
        } else {
            left.push_back(operation);
        }
    }
    (over, left)
}
