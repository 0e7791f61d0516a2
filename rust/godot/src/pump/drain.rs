//! Drains: who gets a turn, and for how long.
//!
//! A socket with queued events takes a turn: it handles those queued at the start of the turn, for at most a slice of
//! time, and goes to the back of the ring if there are more.

use std::rc::Rc;
use std::time::{Duration, Instant};

use async_sockets_net::mailbox::{ReadyList, SocketId};
use async_sockets_net::wakes;

use super::Pump;
use super::background::POLL_INTERVAL;
use super::line::Ticket;
use super::running::Running;
use super::turns::Scope;
use crate::guard::take_orphans;
use crate::restore::Finally;
use crate::socket::{Expiry, Socket, Turn};
use crate::termination;

/// Maximum length of a turn while others wait: a flooding socket delays them no longer.
const SLICE: Duration = Duration::from_micros(500);

/// No reader is woken during this time before the end of a drain: on a shared processor its work would delay the frame.
const LATE: Duration = Duration::from_millis(2);

impl Pump {
    /// The automatic drain, once a frame.
    pub(crate) fn frame(&self) {
        let start = Instant::now();
        let scope = Scope {
            one: None,
            automatic: true,
        };
        let deadline = start + self.budget.frame;
        self.drain(scope, deadline, false, &|| false);
        self.figures.drained(start);
        let left = self.left_over(scope, deadline);
        self.watch.drained_all(self, start, left, "frame");
        self.neglect.look(self, start);
    }

    /// `process()` of a socket. Without a budget it handles the events queued now. With one it goes on until the budget
    /// is spent, asleep while nothing is queued, and handles the automatic sockets too. Called by a handler of the
    /// socket itself it handles the others: further events of this one wait until the handler returns.
    pub(crate) fn process(&self, socket: Rc<dyn Socket>, budget: Duration) -> u64 {
        let (events, waits) = (self.figures.events.get(), self.waits.get());
        if !socket.base().in_turn.get() {
            self.schedule(socket.clone());
        }
        let wait = !budget.is_zero();
        if wait && !self.budget.is_turn() {
            self.watch.takes(budget, socket.class());
        }
        let scope = Scope {
            one: Some(&socket),
            automatic: wait,
        };
        let time = if wait { budget } else { self.budget.frame };
        let start = Instant::now();
        let deadline = start + time;
        self.drain(scope, deadline, wait, &|| false);
        // One that has waited has been through.
        let left = self.left_over(scope, deadline).filter(|_| self.waits.get() == waits);
        if wait {
            self.watch.drained_all(self, start, left, "process()");
        } else {
            self.watch.drained_one(self, start, &socket, left);
        }
        self.figures.events.get() - events
    }

    /// The socket that has waited longest when a drain ended because its time was over.
    fn left_over(&self, scope: Scope<'_>, deadline: Instant) -> Option<Rc<dyn Socket>> {
        let (_, socket) = self.turns.first(scope)?;
        Some(socket).filter(|_| Instant::now() >= deadline)
    }

    /// Gives one socket a turn of at most `time`, for the events that are queued now. Without effect inside its own
    /// turn.
    pub(crate) fn give_one_turn(&self, socket: Rc<dyn Socket>, time: Duration) {
        if socket.base().in_turn.get() {
            return;
        }
        self.schedule(socket.clone());
        let scope = Scope {
            one: Some(&socket),
            automatic: false,
        };
        self.drain(scope, Instant::now() + time, false, &|| false);
    }

    /// Like [`Self::process`] with a budget, but ends as soon as `enough` is true.
    pub(crate) fn process_until(&self, socket: Rc<dyn Socket>, budget: Duration, enough: &dyn Fn() -> bool) {
        if !socket.base().in_turn.get() {
            self.schedule(socket.clone());
        }
        let scope = Scope {
            one: Some(&socket),
            automatic: true,
        };
        self.drain(scope, Instant::now() + budget, true, enough);
    }

    fn drain(&self, scope: Scope<'_>, deadline: Instant, wait: bool, enough: &dyn Fn() -> bool) {
        self.step();
        self.release_orphans();
        self.budget.reset_free_slice();
        let _free = Finally(|| self.budget.reset_free_slice());
        let _slice = self.budget.slice(None);
        wakes::flush_room();
        if scope.automatic {
            self.ears.look(self);
        }
        loop {
            let ends = termination::tell(self);
            self.tell_finished(deadline);
            self.leftovers.call();
            self.collect_polled(scope);
            self.collect_ready();
            self.ring_alarms(Instant::now());
            self.take_turns(scope, deadline, wait);
            if !wait || ends || enough() || !self.sleep(scope, deadline) {
                break;
            }
        }
    }

    /// Gives every socket in scope a turn. In the drain of a frame, sockets with more events get further turns until
    /// the deadline; otherwise the caller does that, as others may have events by then.
    fn take_turns(&self, scope: Scope<'_>, deadline: Instant, wait: bool) {
        let frame = scope.one.is_none();
        let end = if frame { Ticket::MAX } else { self.turns.next_ticket() };
        while let Some(socket) = self.turns.take(scope, end) {
            // A socket that gets only one turn may use the whole time.
            let slice_end = if frame || wait {
                deadline.min(Instant::now() + SLICE)
            } else {
                deadline
            };
            self.give_turn(socket, slice_end, deadline);
            let now = Instant::now();
            if now >= deadline {
                return;
            }
            flush_room_if_early(now, Some(deadline));
        }
    }

    fn give_turn(&self, socket: Rc<dyn Socket>, slice_end: Instant, deadline: Instant) {
        self.step();
        let _slice = self.budget.slice(Some(slice_end));
        let running = Running::begin(socket, |socket| self.schedule(socket));
        let (socket, base) = (running.socket(), running.socket().base());
        if base.alarmed.take() && base.expiry.get().is_none() {
            base.expiry.set(Some(Expiry {
                when: Instant::now(),
                after: base.handled.get() + socket.queued() as u64,
            }));
        }
        let hold = wakes::hold();
        let turn = socket.clone().turn(self);
        let expiry = base.expiry.get();
        if let Some(expiry) = expiry.filter(|expiry| turn != Turn::Cut || base.handled.get() >= expiry.after) {
            if self.turn_over() {
                self.budget.extend(deadline.min(Instant::now() + SLICE));
            }
            if let Some(next) = socket.clone().expire(self, expiry.when) {
                self.set_alarm(&**socket, next);
            }
            base.expiry.set(None);
        }
        drop(hold);
        running.end(turn != Turn::Done);
    }

    /// Releases the state of engine objects whose last reference was dropped in another thread.
    fn release_orphans(&self) {
        let orphans = take_orphans();
        if orphans.is_empty() {
            return;
        }
        let _hold = wakes::hold();
        for key in orphans {
            if let Some(orphan) = self.registry.find(key) {
                self.released(orphan.base());
                orphan.release(self);
            }
        }
    }

    /// Has the sockets on the ready list wait for a turn.
    fn collect_ready(&self) {
        let ready = ReadyList::global();
        while let Some(id) = ready.pop() {
            self.admit(id);
        }
    }

    fn admit(&self, id: SocketId) {
        if let Some(socket) = self.socket(id) {
            self.schedule(socket);
        }
    }

    fn collect_polled(&self, scope: Scope<'_>) {
        if let Some(one) = scope.one.filter(|one| one.base().polled.get()) {
            self.schedule(one.clone());
        }
        if scope.automatic {
            self.polled.all().into_iter().for_each(|socket| self.schedule(socket));
        }
    }

    /// Marks sockets whose alarm is due: their operations expire in the next turn, after the events that are queued by
    /// then, which have come in time.
    fn ring_alarms(&self, now: Instant) {
        while let Some((when, id)) = self.alarms.take_due(now) {
            let Some(socket) = self.socket(id) else { continue };
            let base = socket.base();
            // Any other alarm was replaced by an earlier one, which has been due before.
            if base.alarm.get() == Some(when) {
                base.alarm.set(None);
                base.alarmed.set(true);
                self.schedule(socket);
            }
        }
    }

    /// Sleeps until something happens. False when the time is over.
    fn sleep(&self, scope: Scope<'_>, deadline: Instant) -> bool {
        if Instant::now() >= deadline || self.closed.get() {
            return false;
        }
        if !self.finished.borrow().is_empty() || self.turns.first(scope).is_some() {
            return true;
        }
        let mut until = deadline;
        if let Some(alarm) = self.alarms.next() {
            until = until.min(alarm);
        }
        let polls = scope.one.is_some_and(|one| one.base().polled.get()) || !self.polled.is_empty();
        if polls || !self.leftovers.is_empty() {
            until = until.min(Instant::now() + POLL_INTERVAL);
        }
        wakes::flush();
        wakes::flush_room();
        self.waits.set(self.waits.get() + 1);
        if let Some(id) = ReadyList::global().pop_until(until) {
            self.admit(id);
        }
        Instant::now() < deadline
    }
}

/// Wakes the readers that have room again, unless the deadline is near.
pub(crate) fn flush_room_if_early(now: Instant, deadline: Option<Instant>) {
    if deadline.is_none_or(|deadline| now + LATE < deadline) {
        wakes::flush_room();
    }
}
