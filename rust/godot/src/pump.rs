//! Who drains and when: the one place where the main thread meets what the runtime has queued.
//!
//! A socket that has something takes a turn: it handles what was queued when the turn began, for at most a slice of
//! time, and goes to the back of the ring if there is more. Signals are emitted with no borrow of anything held, since
//! a handler may call straight back into everything here.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use async_sockets_net::mailbox::{ReadyList, SocketId};
use async_sockets_net::wakes;
use godot::builtin::Variant;
use godot::obj::Gd;

use crate::figures::Figures;
use crate::guard::take_orphans;
use crate::names::Names;
use crate::socket::Socket;
use crate::task::NetTask;

/// The longest turn while others wait: a flooding socket holds them up for no longer than this.
const SLICE: Duration = Duration::from_micros(500);

/// How long before the end of a drain no reader is woken any more: on a processor that both share it would work at the
/// cost of what the frame does next.
const LATE: Duration = Duration::from_millis(2);

/// How often a socket that has no queue of its own (a wrapped engine stream) is looked at while a drain waits.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// How long coroutines may go on with errors while the engine quits.
const CLOSE_TIME: Duration = Duration::from_millis(200);

thread_local! {
    static PUMP: RefCell<Option<Rc<Pump>>> = const { RefCell::new(None) };
}

/// Whose events a drain handles.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Those of all sockets that are drained by themselves.
    Automatic,
    /// Those of one socket, and of a listener's clients.
    One(SocketId),
    /// Both.
    OneAndAutomatic(SocketId),
}

impl Scope {
    fn has(self, socket: &dyn Socket) -> bool {
        let automatic = socket.base().auto_process.get();
        let belongs = |id| socket.id() == Some(id) || socket.listener() == Some(id);
        match self {
            Self::Automatic => automatic,
            Self::One(id) => belongs(id),
            Self::OneAndAutomatic(id) => automatic || belongs(id),
        }
    }
}

/// When a socket looks for operations whose time is over; the earliest is the greatest.
type Alarm = Reverse<(Instant, SocketId)>;

pub(crate) struct Pump {
    pub(crate) names: Names,
    pub(crate) figures: Figures,
    sockets: RefCell<HashMap<SocketId, Weak<dyn Socket>>>,
    /// Sockets that wait for a turn.
    ring: RefCell<VecDeque<Rc<dyn Socket>>>,
    /// Sockets without automatic processing that have something, until their own `process()` is called.
    parked: RefCell<VecDeque<Rc<dyn Socket>>>,
    /// Sockets without a queue of their own, looked at in every drain.
    polled: RefCell<Vec<Weak<dyn Socket>>>,
    /// What is left of sockets without a queue of their own whose owner is gone: called in every drain until they say
    /// false.
    leftovers: RefCell<Vec<Box<dyn FnMut() -> bool>>>,
    /// Finished tasks that are told at the next drain.
    finished: RefCell<VecDeque<(Gd<NetTask>, Variant)>>,
    alarms: RefCell<BinaryHeap<Alarm>>,
    /// Alarms that have rung in a drain of another scope.
    overdue: RefCell<Vec<Alarm>>,
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
            figures: Figures::default(),
            sockets: RefCell::default(),
            ring: RefCell::default(),
            parked: RefCell::default(),
            polled: RefCell::default(),
            leftovers: RefCell::default(),
            finished: RefCell::default(),
            alarms: RefCell::default(),
            overdue: RefCell::default(),
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

    pub(crate) fn register(&self, id: SocketId, socket: &Rc<dyn Socket>) {
        // An alarm under an earlier name rings for nobody.
        socket.base().alarm.set(None);
        self.sockets.borrow_mut().insert(id, Rc::downgrade(socket));
    }

    pub(crate) fn unregister(&self, id: SocketId) {
        self.sockets.borrow_mut().remove(&id);
    }

    /// Has the socket visited in every drain, until it is dropped or [`Self::stop_polling`].
    pub(crate) fn poll_always(&self, socket: &Rc<dyn Socket>) {
        self.polled.borrow_mut().push(Rc::downgrade(socket));
    }

    pub(crate) fn socket(&self, id: SocketId) -> Option<Rc<dyn Socket>> {
        self.sockets.borrow().get(&id).and_then(Weak::upgrade)
    }

    pub(crate) fn sockets(&self) -> Vec<Rc<dyn Socket>> {
        self.sockets.borrow().values().filter_map(Weak::upgrade).collect()
    }

    // What sockets ask of it ------------------------------------------------------------------------------------------

    /// Gives the socket a turn in the next drain, or later in this one.
    pub(crate) fn schedule(&self, socket: Rc<dyn Socket>) {
        let base = socket.base();
        if base.in_turn.get() {
            base.wants_turn.set(true);
        } else if !base.in_ring.replace(true) {
            self.ring.borrow_mut().push_back(socket);
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

    pub(crate) fn count_events(&self, events: u64) {
        self.figures.events.set(self.figures.events.get() + events);
    }

    // Drains ----------------------------------------------------------------------------------------------------------

    /// The automatic drain, once a frame.
    pub(crate) fn frame(&self) {
        let start = Instant::now();
        self.drain(Scope::Automatic, start + self.frame_budget.get(), false);
        self.figures.drained(start);
    }

    /// `process()` of a socket. Without a budget it handles what is queued now. With one it goes on, asleep while there
    /// is nothing, and serves the automatic sockets meanwhile, as the time is the network's.
    pub(crate) fn process(&self, socket: Rc<dyn Socket>, budget: Duration) -> u64 {
        let before = self.figures.events.get();
        let Some(id) = socket.id() else { return 0 };
        if socket.base().in_turn.get() {
            return 0; // A handler of this socket: its turn goes on when the handler returns.
        }
        self.schedule(socket);
        let now = Instant::now();
        if budget.is_zero() {
            self.drain(Scope::One(id), now + self.frame_budget.get(), false);
        } else {
            self.drain(Scope::OneAndAutomatic(id), now + budget, true);
        }
        self.figures.events.get() - before
    }

    fn drain(&self, scope: Scope, deadline: Instant, wait: bool) {
        self.release_orphans();
        self.free_slice_end.set(None);
        let slice_before = self.slice_end.take();
        self.unpark(scope);
        wakes::flush_room();
        loop {
            self.slice_end.set(Some(deadline));
            self.expire(scope, Instant::now());
            self.tell_finished(deadline);
            self.slice_end.set(None);
            self.work_on_leftovers();
            self.collect_polled(scope);
            self.collect_ready();
            self.take_turns(scope, deadline, wait || scope == Scope::Automatic);
            if !wait || !self.sleep(deadline) {
                break;
            }
        }
        self.slice_end.set(slice_before);
        self.free_slice_end.set(None);
    }

    /// Gives every socket in scope a turn; with `again`, further turns to those that have more, until the deadline.
    fn take_turns(&self, scope: Scope, deadline: Instant, again: bool) {
        let mut left = self.ring.borrow().len();
        loop {
            if left == 0 {
                left = if again { self.ring.borrow().len() } else { 0 };
                if left == 0 {
                    return;
                }
            }
            let Some(socket) = self.ring.borrow_mut().pop_front() else {
                return;
            };
            left -= 1;
            let base = socket.base();
            if !scope.has(&*socket) {
                // Out of the ring, or it would be looked at again and again; its own drain finds it where it is parked.
                self.parked.borrow_mut().push_back(socket);
                continue;
            }
            base.in_ring.set(false);
            // Who is visited only once has the whole time.
            let slice_end = if again {
                deadline.min(Instant::now() + SLICE)
            } else {
                deadline
            };
            self.slice_end.set(Some(slice_end));
            base.in_turn.set(true);
            let hold = wakes::hold();
            let more = socket.clone().turn(self);
            drop(hold);
            let base = socket.base();
            base.in_turn.set(false);
            self.slice_end.set(None);
            if more | base.wants_turn.take() {
                self.schedule(socket);
            }
            let now = Instant::now();
            if now >= deadline {
                return;
            }
            if now + LATE < deadline {
                wakes::flush_room();
            }
        }
    }

    /// Releases what belonged to engine objects whose last reference went in another thread.
    fn release_orphans(&self) {
        for key in take_orphans() {
            let orphan = self.sockets().into_iter().find(|socket| socket.base().key() == key);
            if let Some(orphan) = orphan {
                orphan.release(self);
            }
        }
    }

    /// Puts the sockets back into the ring that an earlier drain of another scope set aside.
    fn unpark(&self, scope: Scope) {
        let parked = self.parked.take();
        let (mine, others): (VecDeque<_>, VecDeque<_>) = parked.into_iter().partition(|socket| scope.has(&**socket));
        self.ring.borrow_mut().extend(mine);
        self.parked.borrow_mut().extend(others);
    }

    /// Moves the sockets that have something from the ready list to the ring.
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

    fn collect_polled(&self, scope: Scope) {
        self.polled.borrow_mut().retain(|socket| socket.strong_count() > 0);
        let polled: Vec<_> = self.polled.borrow().iter().filter_map(Weak::upgrade).collect();
        for socket in polled {
            if scope.has(&*socket) {
                self.schedule(socket);
            }
        }
    }

    /// Calls `work` in every drain until it says false: for bytes that still have to go out.
    pub(crate) fn finish_in_background(&self, work: impl FnMut() -> bool + 'static) {
        self.leftovers.borrow_mut().push(Box::new(work));
    }

    fn work_on_leftovers(&self) {
        if !self.leftovers.borrow().is_empty() {
            let mut leftovers = self.leftovers.take();
            leftovers.retain_mut(|work| work());
            self.leftovers.borrow_mut().append(&mut leftovers);
        }
    }

    pub(crate) fn stop_polling(&self, socket: &Rc<dyn Socket>) {
        self.polled
            .borrow_mut()
            .retain(|polled| !std::ptr::addr_eq(polled.as_ptr(), Rc::as_ptr(socket)));
    }

    /// Tells the tasks that were finished before this drain.
    fn tell_finished(&self, deadline: Instant) {
        let mut left = self.finished.borrow().len();
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

    fn expire(&self, scope: Scope, now: Instant) {
        self.alarms.borrow_mut().extend(self.overdue.take());
        while !self.turn_over() {
            let earliest = self.alarms.borrow().peek().copied();
            let Some(alarm @ Reverse((_, id))) = earliest.filter(|&Reverse((when, _))| when <= now) else {
                return;
            };
            self.alarms.borrow_mut().pop();
            let Some(socket) = self.socket(id) else { continue };
            if !scope.has(&*socket) {
                self.overdue.borrow_mut().push(alarm);
                continue;
            }
            socket.base().alarm.set(None);
            if let Some(next) = socket.clone().expire(self, now) {
                self.set_alarm(&*socket, next);
            }
        }
    }

    /// Sleeps until something happens. False when the time is over.
    fn sleep(&self, deadline: Instant) -> bool {
        if Instant::now() >= deadline || self.closed.get() {
            return false;
        }
        if !self.finished.borrow().is_empty() || !self.ring.borrow().is_empty() {
            return true;
        }
        let mut until = deadline;
        if let Some(&Reverse((alarm, _))) = self.alarms.borrow().peek() {
            until = until.min(alarm);
        }
        if !self.polled.borrow().is_empty() || !self.leftovers.borrow().is_empty() {
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
