//! The pump: drains on the main thread what the runtime has queued.
//!
//! A socket with queued events takes a turn: it handles those queued at the start of the turn, for at most a slice of time,
//! and goes to the back of the ring if there are more. No borrow is held while a signal is emitted, since a handler may
//! call straight back into everything here.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_sockets_net::mailbox::{ReadyList, SocketId};
use async_sockets_net::wakes;
use godot::builtin::Variant;
use godot::obj::Gd;

use crate::guard::take_orphans;
use crate::names::Names;
use crate::restore::Finally;
use crate::socket::{Expiry, Socket, SocketBase, Turn};
use crate::task::NetTask;
use alarms::Alarms;
use background::{Leftovers, POLL_INTERVAL, Polled};
use budget::Budget;
use ears::Ears;
use figures::Figures;
use line::Ticket;
use registry::Registry;
use running::Running;
use turns::{Scope, Turns};

mod alarms;
mod background;
mod budget;
mod ears;
mod figures;
pub(crate) mod line;
mod registry;
mod running;
mod turns;

/// Maximum length of a turn while others wait: a flooding socket delays them no longer.
const SLICE: Duration = Duration::from_micros(500);

/// No reader is woken during this time before the end of a drain: on a shared processor its work would delay the frame.
const LATE: Duration = Duration::from_millis(2);

/// Maximum time that coroutines may go on with errors while the engine quits.
const CLOSE_TIME: Duration = Duration::from_millis(200);

/// Words for what is refused once the pump is closed.
pub(crate) const QUITTING: &str = "the engine is quitting";

thread_local! {
    static PUMP: RefCell<Option<Rc<Pump>>> = const { RefCell::new(None) };
}

pub(crate) struct Pump {
    pub(crate) names: Names,
    pub(crate) ears: Ears,
    pub(crate) figures: Figures,
    registry: Registry,
    turns: Turns,
    budget: Budget,
    alarms: Alarms,
    polled: Polled,
    leftovers: Leftovers,
    /// Finished tasks that are completed at the next drain.
    finished: RefCell<VecDeque<(Gd<NetTask>, Variant)>>,
    /// The engine is quitting: nothing starts any more.
    closed: Cell<bool>,
}

impl Pump {
    /// The pump of the main thread.
    pub(crate) fn get() -> Rc<Self> {
        PUMP.with_borrow_mut(|pump| pump.get_or_insert_with(|| Rc::new(Self::new())).clone())
    }

    /// The pump, if there is one.
    pub(crate) fn existing() -> Option<Rc<Self>> {
        PUMP.with_borrow(Clone::clone)
    }

    /// Lets go of the pump and everything it holds.
    pub(crate) fn discard() {
        let pump = PUMP.with_borrow_mut(Option::take);
        drop(pump);
    }

    fn new() -> Self {
        Self {
            names: Names::new(),
            ears: Ears::new(),
            figures: Figures::default(),
            registry: Registry::default(),
            turns: Turns::default(),
            budget: Budget::new(),
            alarms: Alarms::default(),
            polled: Polled::default(),
            leftovers: Leftovers::default(),
            finished: RefCell::default(),
            closed: Cell::new(false),
        }
    }

    /// Whether the engine is quitting.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    // Membership ------------------------------------------------------------------------------------------------------

    pub(crate) fn register(&self, id: SocketId, socket: Rc<dyn Socket>) {
        // An alarm under an earlier id is for nobody.
        socket.base().alarm.set(None);
        self.registry.add(id, &socket);
    }

    pub(crate) fn unregister(&self, id: SocketId) {
        self.registry.remove(id);
    }

    /// Checks the socket in every drain that handles it, until it is dropped or [`Self::stop_polling`].
    pub(crate) fn poll_always(&self, socket: Rc<dyn Socket>) {
        self.polled.add(&socket);
    }

    pub(crate) fn stop_polling(&self, base: &SocketBase) {
        self.polled.remove(base);
    }

    /// Sets whether the socket is drained once a frame.
    pub(crate) fn set_automatic(&self, socket: Rc<dyn Socket>, on: bool) {
        let base = socket.base();
        if base.auto_process.replace(on) == on {
            return;
        }
        if base.polled.get() {
            self.stop_polling(base);
            self.poll_always(socket.clone());
        }
        self.move_in_line(socket);
    }

    /// Moves a waiting socket to the lines in which it is looked for now: it is automatic or no longer so, or has another
    /// listener.
    pub(crate) fn move_in_line(&self, socket: Rc<dyn Socket>) {
        if socket.base().ticket.take().is_some() {
            self.schedule(socket);
        }
    }

    /// The engine object of this socket is gone.
    pub(crate) fn released(&self, base: &SocketBase) {
        base.released.set(true);
        base.ticket.set(None);
        base.line.clear();
        self.stop_polling(base);
    }

    pub(crate) fn socket(&self, id: SocketId) -> Option<Rc<dyn Socket>> {
        self.registry.get(id)
    }

    pub(crate) fn sockets(&self) -> Vec<Rc<dyn Socket>> {
        self.registry.all()
    }

    // Requests of sockets ---------------------------------------------------------------------------------------------

    /// Gives the socket a turn in the next drain that handles it, or later in the running one.
    pub(crate) fn schedule(&self, socket: Rc<dyn Socket>) {
        self.turns.add(socket);
    }

    /// Checks a socket in every frame until the signal that something is pending for has a connection.
    pub(crate) fn wait_for_ears(&self, socket: Rc<dyn Socket>) {
        self.ears.wait(&socket);
    }

    /// Checks the socket for expired operations at `when`, at the latest.
    pub(crate) fn set_alarm(&self, socket: &dyn Socket, when: Instant) {
        self.alarms.set(socket, when);
    }

    /// Completes a task at the next drain: for a result that is known now and must not be given inside this call.
    pub(crate) fn finish_later(&self, task: Gd<NetTask>, result: Variant) {
        self.finished.borrow_mut().push_back((task, result));
    }

    /// Calls `work` in drains until it returns false: for bytes that still have to leave.
    pub(crate) fn finish_in_background(&self, work: impl FnMut() -> bool + 'static) {
        self.leftovers.add(work);
    }

    /// Whether a result may be given inside the call.
    pub(crate) fn may_answer_now(&self) -> bool {
        self.budget.allows_answer()
    }

    /// Whether the running turn has spent its time.
    pub(crate) fn turn_over(&self) -> bool {
        self.budget.is_spent()
    }

    /// Counts an event of a socket as handled.
    pub(crate) fn count_event(&self, base: &SocketBase) {
        base.handled.set(base.handled.get() + 1);
        self.figures.events.set(self.figures.events.get() + 1);
    }

    // Drains ----------------------------------------------------------------------------------------------------------

    /// The automatic drain, once a frame.
    pub(crate) fn frame(&self) {
        let start = Instant::now();
        let scope = Scope {
            one: None,
            automatic: true,
        };
        self.drain(scope, start + self.budget.frame, false);
        self.figures.drained(start);
    }

    /// `process()` of a socket. Without a budget it handles the events queued now. With one it goes on until the budget is
    /// spent, asleep while nothing is queued, and handles the automatic sockets too. Called by a handler of the socket
    /// itself it handles the others: further events of this one wait until the handler returns.
    pub(crate) fn process(&self, socket: Rc<dyn Socket>, budget: Duration) -> u64 {
        let before = self.figures.events.get();
        if !socket.base().in_turn.get() {
            self.schedule(socket.clone());
        }
        let wait = !budget.is_zero();
        let scope = Scope {
            one: Some(&socket),
            automatic: wait,
        };
        let time = if wait { budget } else { self.budget.frame };
        self.drain(scope, Instant::now() + time, wait);
        self.figures.events.get() - before
    }

    fn drain(&self, scope: Scope<'_>, deadline: Instant, wait: bool) {
        self.release_orphans();
        self.budget.reset_free_slice();
        let _free = Finally(|| self.budget.reset_free_slice());
        let _slice = self.budget.slice(None);
        wakes::flush_room();
        if scope.automatic {
            self.ears.look(self);
        }
        loop {
            self.tell_finished(deadline);
            self.leftovers.call();
            self.collect_polled(scope);
            self.collect_ready();
            self.ring_alarms(Instant::now());
            self.take_turns(scope, deadline, wait);
            if !wait || !self.sleep(scope, deadline) {
                break;
            }
        }
    }

    /// Gives every socket in scope a turn. In the drain of a frame, sockets with more events get further turns until the
    /// deadline; otherwise the caller does that, as others may have events by then.
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
            if now + LATE < deadline {
                wakes::flush_room();
            }
        }
    }

    fn give_turn(&self, socket: Rc<dyn Socket>, slice_end: Instant, deadline: Instant) {
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

    /// Completes the tasks that were finished before this drain.
    fn tell_finished(&self, deadline: Instant) {
        let mut left = self.finished.borrow().len();
        if left == 0 {
            return;
        }
        let _slice = self.budget.slice(Some(deadline));
        while left > 0 {
            let Some((task, result)) = self.finished.borrow_mut().pop_front() else {
                break;
            };
            NetTask::complete(&task, result, self);
            left -= 1;
            if Instant::now() >= deadline {
                break;
            }
        }
    }

    /// Marks sockets whose alarm is due: their operations expire in the next turn, after the events that are queued by then,
    /// which have come in time.
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
        if let Some(id) = ReadyList::global().pop_until(until) {
            self.admit(id);
        }
        Instant::now() < deadline
    }

    // The end ---------------------------------------------------------------------------------------------------------

    /// Stops every socket.
    pub(crate) fn stop_all(&self) {
        for socket in self.sockets() {
            socket.stop(self);
        }
    }

    /// Stops every socket and completes everything that waits, as the engine quits.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.stop_all();
        wakes::flush();
        wakes::flush_room();
        let deadline = Instant::now() + CLOSE_TIME;
        while !self.finished.borrow().is_empty() && Instant::now() < deadline {
            self.tell_finished(deadline);
        }
        // A loop that ignores errors would never end: it ends here, with its task.
        drop(self.finished.take());
        let deadline = Instant::now() + CLOSE_TIME;
        while !self.leftovers.is_empty() && Instant::now() < deadline {
            self.leftovers.call();
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}
