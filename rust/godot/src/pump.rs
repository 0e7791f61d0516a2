//! Who drains and when: the one place where the main thread meets what the runtime has queued.
//!
//! A socket that has something takes a turn: it handles what was queued when the turn began, for at most a slice of
//! time, and goes to the back of the ring if there is more. Signals are emitted with no borrow of anything held, since
//! a handler may call straight back into everything here.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use async_sockets_net::mailbox::{ReadyList, SocketId};
use async_sockets_net::wakes;
use godot::builtin::Variant;
use godot::obj::Gd;

use crate::ears::Ears;
use crate::figures::Figures;
use crate::guard::take_orphans;
use crate::line::{Line, Ticket};
use crate::names::Names;
use crate::restore::{Finally, Restore};
use crate::running::Running;
use crate::socket::{Expiry, Socket, SocketBase, SocketKey, Turn};
use crate::task::NetTask;

/// The longest turn while others wait: a flooding socket holds them up for no longer than this.
const SLICE: Duration = Duration::from_micros(500);

/// How long before the end of a drain no reader is woken any more: on a processor that both share it would work at the
/// cost of what the frame does next.
const LATE: Duration = Duration::from_millis(2);

/// How often a socket that has no queue of its own (a wrapped engine stream) is looked at while a drain waits.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// How many sockets that have something for a signal to which nobody listens are looked at in a frame.
const MAX_EARS: usize = 1000;

/// How long coroutines may go on with errors while the engine quits.
const CLOSE_TIME: Duration = Duration::from_millis(200);

/// Words for what is refused once the pump is closed.
pub(crate) const QUITTING: &str = "the engine is quitting";

thread_local! {
    static PUMP: RefCell<Option<Rc<Pump>>> = const { RefCell::new(None) };
}

/// Whose events a drain handles.
#[derive(Clone, Copy)]
struct Scope<'a> {
    /// Those of one socket, and of a listener's clients.
    one: Option<&'a Rc<dyn Socket>>,
    /// Those of all sockets that are drained by themselves.
    automatic: bool,
}

/// When a socket looks for operations whose time is over; the earliest is the greatest.
type Alarm = Reverse<(Instant, SocketId)>;

/// A socket under one of its names.
struct Registered {
    key: SocketKey,
    socket: Weak<dyn Socket>,
}

/// Work that goes on until it says false.
type Leftover = Box<dyn FnMut() -> bool>;

pub(crate) struct Pump {
    pub(crate) names: Names,
    pub(crate) ears: Ears,
    pub(crate) figures: Figures,
    sockets: RefCell<HashMap<SocketId, Registered>>,
    /// The names of each; more than one while servers of an earlier start still stop.
    names_of: RefCell<HashMap<SocketKey, Vec<SocketId>>>,
    next_ticket: Cell<Ticket>,
    /// Automatic sockets that wait for a turn.
    ring: Line<dyn Socket>,
    /// Automatic sockets without a queue of their own, looked at in every drain.
    polled: RefCell<BTreeMap<SocketKey, Weak<dyn Socket>>>,
    /// Sockets that have something for a signal to which nobody listened.
    unheard: RefCell<VecDeque<Weak<dyn Socket>>>,
    /// What is left of sockets without a queue of their own whose owner is gone: called until they say false.
    leftovers: RefCell<VecDeque<Leftover>>,
    /// When they were called last.
    leftovers_at: Cell<Option<Instant>>,
    /// Finished tasks that are told at the next drain.
    finished: RefCell<VecDeque<(Gd<NetTask>, Variant)>>,
    alarms: RefCell<BinaryHeap<Alarm>>,
    frame_budget: Cell<Duration>,
    /// The end of the running turn; immediate results are given until then.
    slice_end: Cell<Option<Instant>>,
    /// The same for calls outside any drain; opened by the first, reset by every drain.
    free_slice_end: Cell<Option<Instant>>,
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
            sockets: RefCell::default(),
            names_of: RefCell::default(),
            next_ticket: Cell::new(0),
            ring: Line::default(),
            polled: RefCell::default(),
            unheard: RefCell::default(),
            leftovers: RefCell::default(),
            leftovers_at: Cell::new(None),
            finished: RefCell::default(),
            alarms: RefCell::default(),
            frame_budget: Cell::new(crate::project_settings::frame_budget()),
            slice_end: Cell::new(None),
            free_slice_end: Cell::new(None),
            closed: Cell::new(false),
        }
    }

    /// Whether the engine is quitting.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    // Membership ------------------------------------------------------------------------------------------------------

    pub(crate) fn register(&self, id: SocketId, socket: Rc<dyn Socket>) {
        let base = socket.base();
        // An alarm under an earlier name rings for nobody.
        base.alarm.set(None);
        let registered = Registered {
            key: base.key(),
            socket: Rc::downgrade(&socket),
        };
        self.sockets.borrow_mut().insert(id, registered);
        self.names_of.borrow_mut().entry(base.key()).or_default().push(id);
    }

    pub(crate) fn unregister(&self, id: SocketId) {
        let Some(Registered { key, .. }) = self.sockets.borrow_mut().remove(&id) else {
            return;
        };
        if let Entry::Occupied(mut names) = self.names_of.borrow_mut().entry(key) {
            names.get_mut().retain(|&name| name != id);
            if names.get().is_empty() {
                names.remove();
            }
        }
    }

    /// Has the socket looked at in every drain of its own, until it is dropped or [`Self::stop_polling`].
    pub(crate) fn poll_always(&self, socket: Rc<dyn Socket>) {
        let base = socket.base();
        base.polled.set(true);
        if base.auto_process.get() {
            self.polled.borrow_mut().insert(base.key(), Rc::downgrade(&socket));
        }
    }

    pub(crate) fn stop_polling(&self, base: &SocketBase) {
        base.polled.set(false);
        self.polled.borrow_mut().remove(&base.key());
    }

    /// Has the socket drained once a frame, or not.
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

    /// Has a socket that waits for a turn stand where those look that drain it now: it is automatic no longer, or has
    /// another listener.
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
        self.sockets.borrow().get(&id).and_then(|named| named.socket.upgrade())
    }

    pub(crate) fn sockets(&self) -> Vec<Rc<dyn Socket>> {
        let sockets = self.sockets.borrow();
        sockets.values().filter_map(|named| named.socket.upgrade()).collect()
    }

    // What sockets ask of it ------------------------------------------------------------------------------------------

    /// Gives the socket a turn in the next drain that handles it, or later in this one.
    pub(crate) fn schedule(&self, socket: Rc<dyn Socket>) {
        let base = socket.base();
        if base.in_turn.get() {
            base.wants_turn.set(true);
        } else if base.ticket.get().is_none() && !base.released.get() {
            let ticket = self.next_ticket.get();
            self.next_ticket.set(ticket + 1);
            base.ticket.set(Some(ticket));
            if base.auto_process.get() {
                self.ring.push(ticket, &socket);
            }
            if let Some(listener) = socket.listener().filter(|listener| !listener.base().released.get()) {
                listener.base().line.push(ticket, &socket);
            }
            // Its own `process()` finds it without a line.
        }
    }

    /// Has a socket looked at in every frame that has something for a signal to which nobody listens, until somebody
    /// does.
    pub(crate) fn wait_for_ears(&self, socket: Rc<dyn Socket>) {
        if !socket.base().unheard.replace(true) {
            self.unheard.borrow_mut().push_back(Rc::downgrade(&socket));
        }
    }

    /// Has the socket asked for expired operations at `when`, at the latest.
    pub(crate) fn set_alarm(&self, socket: &dyn Socket, when: Instant) {
        let Some(id) = socket.id() else { return };
        let alarm = &socket.base().alarm;
        // One entry per socket is enough, if it is the earliest: it finds the next one when it fires.
        if alarm.get().is_none_or(|set| when < set) {
            alarm.set(Some(when));
            self.alarms.borrow_mut().push(Reverse((when, id)));
        }
    }

    /// Completes a task at the next drain: for a result that is known now and must not be told inside this call.
    pub(crate) fn finish_later(&self, task: Gd<NetTask>, result: Variant) {
        self.finished.borrow_mut().push_back((task, result));
    }

    /// Whether a result may be given at once. Not after the time of the running turn is over: a loop over a socket that
    /// always has something would never return.
    pub(crate) fn may_answer_now(&self) -> bool {
        let now = Instant::now();
        let end = self
            .slice_end
            .get()
            .or_else(|| self.free_slice_end.get())
            .unwrap_or_else(|| {
                let end = now + self.frame_budget.get();
                self.free_slice_end.set(Some(end));
                end
            });
        now < end
    }

    /// Whether the running turn has used its time.
    pub(crate) fn turn_over(&self) -> bool {
        self.slice_end.get().is_some_and(|end| Instant::now() >= end)
    }

    /// Counts an event of a socket that is handled.
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
        self.drain(scope, start + self.frame_budget.get(), false);
        self.figures.drained(start);
    }

    /// `process()` of a socket. Without a budget it handles what is queued now. With one it goes on, asleep while there
    /// is nothing, and serves the automatic sockets meanwhile, as the time is the network's. Called by a handler of the
    /// socket itself it serves the others: what is next for this one waits until the handler returns.
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
        let time = if wait { budget } else { self.frame_budget.get() };
        self.drain(scope, Instant::now() + time, wait);
        self.figures.events.get() - before
    }

    fn drain(&self, scope: Scope<'_>, deadline: Instant, wait: bool) {
        self.release_orphans();
        self.free_slice_end.set(None);
        let _free = Finally(|| self.free_slice_end.set(None));
        let _slice = Restore::set(&self.slice_end, None);
        wakes::flush_room();
        if scope.automatic {
            self.look_for_ears();
        }
        loop {
            self.tell_finished(deadline);
            self.work_on_leftovers();
            self.collect_polled(scope);
            self.collect_ready();
            self.ring_alarms(Instant::now());
            self.take_turns(scope, deadline, wait);
            if !wait || !self.sleep(scope, deadline) {
                break;
            }
        }
    }

    /// Gives every socket in scope a turn. Once a frame, further turns to those that have more, until the deadline; with
    /// `wait` that is the caller's to do, as others may have something by then.
    fn take_turns(&self, scope: Scope<'_>, deadline: Instant, wait: bool) {
        let frame = scope.one.is_none();
        let end = if frame { Ticket::MAX } else { self.next_ticket.get() };
        while let Some(socket) = self.next(scope, end) {
            // Who is visited only once has the whole time.
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

    /// The socket in scope that waits for the longest, taken out of its lines. Only those with a ticket before `end`.
    fn next(&self, scope: Scope<'_>, end: Ticket) -> Option<Rc<dyn Socket>> {
        let (_, socket) = self.first(scope).filter(|&(ticket, _)| ticket < end)?;
        socket.base().ticket.set(None);
        if let Some(listener) = socket.listener() {
            // What stood first in the ring stood first there: it goes now, and does not wait for the listener's drain.
            listener.base().line.first();
        }
        Some(socket)
    }

    fn first(&self, scope: Scope<'_>) -> Option<(Ticket, Rc<dyn Socket>)> {
        let automatic = scope.automatic.then(|| self.ring.first()).flatten();
        let Some(one) = scope.one else { return automatic };
        let own = one.base().ticket.get().map(|ticket| (ticket, one.clone()));
        [own, one.base().line.first(), automatic]
            .into_iter()
            .flatten()
            .min_by_key(|&(ticket, _)| ticket)
    }

    fn give_turn(&self, socket: Rc<dyn Socket>, slice_end: Instant, deadline: Instant) {
        let _slice = Restore::set(&self.slice_end, Some(slice_end));
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
                self.slice_end.set(Some(deadline.min(Instant::now() + SLICE)));
            }
            if let Some(next) = socket.clone().expire(self, expiry.when) {
                self.set_alarm(&**socket, next);
            }
            base.expiry.set(None);
        }
        drop(hold);
        running.end(turn != Turn::Done);
    }

    /// Releases what belonged to engine objects whose last reference went in another thread.
    fn release_orphans(&self) {
        let orphans = take_orphans();
        if orphans.is_empty() {
            return;
        }
        let _hold = wakes::hold();
        for key in orphans {
            let id = self.names_of.borrow().get(&key).and_then(|names| names.last().copied());
            if let Some(orphan) = id.and_then(|id| self.socket(id)) {
                self.released(orphan.base());
                orphan.release(self);
            }
        }
    }

    /// Moves the sockets that have something from the ready list to where they wait for their turn.
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
        if scope.automatic && !self.polled.borrow().is_empty() {
            self.polled.borrow_mut().retain(|_, socket| socket.strong_count() > 0);
            let polled: Vec<_> = self.polled.borrow().values().filter_map(Weak::upgrade).collect();
            for socket in polled {
                self.schedule(socket);
            }
        }
    }

    /// Gives a turn to those that have something for a signal to which somebody listens by now.
    fn look_for_ears(&self) {
        let mut left = self.unheard.borrow().len().min(MAX_EARS);
        while left > 0 {
            left -= 1;
            let Some(socket) = self.unheard.borrow_mut().pop_front() else {
                return;
            };
            let Some(socket) = socket.upgrade() else { continue };
            match socket.finds_ears(self) {
                Some(false) => self.unheard.borrow_mut().push_back(Rc::downgrade(&socket)),
                heard => {
                    socket.base().unheard.set(false);
                    if heard.is_some() {
                        self.schedule(socket);
                    }
                }
            }
        }
    }

    /// Calls `work` in drains until it says false: for bytes that still have to go out.
    pub(crate) fn finish_in_background(&self, work: impl FnMut() -> bool + 'static) {
        self.leftovers.borrow_mut().push_back(Box::new(work));
    }

    /// Not in every one of many small drains.
    fn work_on_leftovers(&self) {
        let mut left = self.leftovers.borrow().len();
        let is_due = |now| self.leftovers_at.get().is_none_or(|last| now >= last + POLL_INTERVAL);
        if left == 0 || !is_due(Instant::now()) {
            return;
        }
        while left > 0 {
            left -= 1;
            let Some(mut work) = self.leftovers.borrow_mut().pop_front() else {
                break;
            };
            if work() {
                self.leftovers.borrow_mut().push_back(work);
            }
        }
        self.leftovers_at.set(Some(Instant::now()));
    }

    /// Tells the tasks that were finished before this drain.
    fn tell_finished(&self, deadline: Instant) {
        let mut left = self.finished.borrow().len();
        if left == 0 {
            return;
        }
        let _slice = Restore::set(&self.slice_end, Some(deadline));
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

    /// Has the operations whose time is over expire in the next turn of their socket, after what is queued by then:
    /// what has come has come in time.
    fn ring_alarms(&self, now: Instant) {
        loop {
            let mut alarms = self.alarms.borrow_mut();
            let Some(alarm) = alarms.peek_mut().filter(|alarm| alarm.0.0 <= now) else {
                return;
            };
            let Reverse((when, id)) = PeekMut::pop(alarm);
            drop(alarms);
            let Some(socket) = self.socket(id) else { continue };
            let base = socket.base();
            // An entry of another time was replaced by an earlier one, which has rung.
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
        if !self.finished.borrow().is_empty() || self.first(scope).is_some() {
            return true;
        }
        let mut until = deadline;
        if let Some(&Reverse((alarm, _))) = self.alarms.borrow().peek() {
            until = until.min(alarm);
        }
        let polls = scope.one.is_some_and(|one| one.base().polled.get()) || !self.polled.borrow().is_empty();
        if polls || !self.leftovers.borrow().is_empty() {
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

    /// The engine quits: stops every socket and tells everything that still waits.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.stop_all();
        wakes::flush();
        wakes::flush_room();
        let deadline = Instant::now() + CLOSE_TIME;
        while !self.finished.borrow().is_empty() && Instant::now() < deadline {
            self.tell_finished(deadline);
        }
        // A loop that never looks at the error would go on for ever: it ends here, with its task.
        drop(self.finished.take());
        let deadline = Instant::now() + CLOSE_TIME;
        while !self.leftovers.borrow().is_empty() && Instant::now() < deadline {
            self.work_on_leftovers();
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}
