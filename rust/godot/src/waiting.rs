//! Operations of one kind that wait for something, first in, first out.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use async_sockets_net::wakes;
use godot::builtin::{VarArray, Variant};
use godot::meta::ToGodot;
use godot::obj::Gd;

use crate::pump::Pump;
use crate::socket::Socket;
use crate::task::NetTask;

/// One that waits, with what else there is to know of it.
struct Operation<T> {
    task: Gd<NetTask>,
    deadline: Option<Instant>,
    detail: T,
}

/// The queue. Its owner must call [`Self::next_expired`] from [`Socket::expire`].
pub(crate) struct Waiting<T = ()> {
    queue: RefCell<VecDeque<Operation<T>>>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            queue: RefCell::default(),
        }
    }
}

impl<T> Waiting<T> {
    /// Adds an operation of `owner` and gives what the script awaits.
    pub(crate) fn push(
        &self,
        owner: &Rc<dyn Socket>,
        deadline: Option<Instant>,
        if_cancelled: &VarArray,
        detail: T,
    ) -> Variant {
        // What the script has sent goes out now, since it may be all that it sends in this turn.
        wakes::flush();
        if let Some(deadline) = deadline {
            Pump::get().set_alarm(&**owner, deadline);
        }
        let task = NetTask::pending(owner, if_cancelled.to_variant());
        let signal = task.bind().wait();
        self.queue.borrow_mut().push_back(Operation { task, deadline, detail });
        signal
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue
            .borrow()
            .iter()
            .all(|operation| NetTask::is_done(&operation.task))
    }

    /// The first one that was not cancelled.
    pub(crate) fn pop(&self) -> Option<(Gd<NetTask>, T)> {
        let mut queue = self.queue.borrow_mut();
        drop_cancelled(&mut queue);
        queue.pop_front().map(|first| (first.task, first.detail))
    }

    /// The first one that was not cancelled, if `answer` has something for it. `answer` runs no user code.
    pub(crate) fn pop_map<R>(&self, answer: impl FnOnce(&mut T) -> Option<R>) -> Option<(Gd<NetTask>, R)> {
        let mut queue = self.queue.borrow_mut();
        drop_cancelled(&mut queue);
        let answer = answer(&mut queue.front_mut()?.detail)?;
        queue.pop_front().map(|first| (first.task, answer))
    }

    /// Looks at the first one that was not cancelled.
    pub(crate) fn look_at_first<R>(&self, look: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut queue = self.queue.borrow_mut();
        drop_cancelled(&mut queue);
        queue.front_mut().map(|first| look(&mut first.detail))
    }

    /// The first that `fits`, wherever it stands.
    pub(crate) fn take_where(&self, fits: impl Fn(&T) -> bool) -> Option<(Gd<NetTask>, T)> {
        let mut queue = self.queue.borrow_mut();
        let index = queue.iter().position(|operation| fits(&operation.detail))?;
        queue.remove(index).map(|operation| (operation.task, operation.detail))
    }

    /// One whose time is over.
    pub(crate) fn next_expired(&self, now: Instant) -> Option<(Gd<NetTask>, T)> {
        let mut queue = self.queue.borrow_mut();
        let is_due = |operation: &Operation<T>| operation.deadline.is_some_and(|deadline| deadline <= now);
        let index = queue.iter().position(is_due)?;
        queue.remove(index).map(|operation| (operation.task, operation.detail))
    }

    /// When the next one's time is over.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.queue
            .borrow()
            .iter()
            .filter_map(|operation| operation.deadline)
            .min()
    }

    /// All that wait now.
    pub(crate) fn take_all(&self) -> Vec<(Gd<NetTask>, T)> {
        self.queue
            .take()
            .into_iter()
            .map(|operation| (operation.task, operation.detail))
            .collect()
    }
}

fn drop_cancelled<T>(queue: &mut VecDeque<Operation<T>>) {
    while queue.pop_front_if(|first| NetTask::is_done(&first.task)).is_some() {}
}
