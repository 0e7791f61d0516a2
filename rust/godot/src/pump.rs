//! The pump, which drains on the main thread what the runtime has queued: its parts, and what sockets ask of it.
//!
//! No borrow is held while a signal is emitted, since a handler may call straight back into everything here.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_sockets_net::mailbox::SocketId;
use async_sockets_net::wakes;
use godot::builtin::Variant;
use godot::obj::Gd;

use crate::names::Names;
use crate::socket::{Socket, SocketBase};
use crate::task::NetTask;
use alarms::Alarms;
use background::{Leftovers, POLL_INTERVAL, Polled};
use budget::Budget;
use ears::Ears;
use figures::Figures;
use neglect::Neglect;
use registry::Registry;
use turns::Turns;
use watch::Watch;

mod alarms;
mod background;
mod budget;
mod drain;
mod ears;
mod figures;
pub(crate) mod line;
mod neglect;
mod registry;
mod running;
mod turns;
mod watch;

pub(crate) use drain::flush_room_if_early;

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
    watch: Watch,
    neglect: Neglect,
    /// Number of drains and turns that have begun, and of tasks completed between turns.
    steps: Cell<u64>,
    /// How often a drain has waited because nothing was queued.
    waits: Cell<u64>,
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
            watch: Watch::default(),
            neglect: Neglect::default(),
            steps: Cell::new(0),
            waits: Cell::new(0),
            finished: RefCell::default(),
            closed: Cell::new(false),
        }
    }

    /// Whether the engine is quitting.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// A number that grows with everything that the pump does: a script that was called back sees another one.
    pub(crate) fn steps(&self) -> u64 {
        self.steps.get() + self.waits.get() + self.figures.events.get()
    }

    fn step(&self) {
        self.steps.set(self.steps.get() + 1);
    }

    // Membership ------------------------------------------------------------------------------------------------------

    pub(crate) fn register(&self, id: SocketId, socket: Rc<dyn Socket>) {
        // An alarm under an earlier id is for nobody.
        socket.base().alarm.set(None);
        if !socket.base().auto_process.get() {
            self.neglect.expect();
        }
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
        if !on {
            self.neglect.expect();
        }
        if base.polled.get() {
            self.stop_polling(base);
            self.poll_always(socket.clone());
        }
        self.move_in_line(socket);
    }

    /// Moves a waiting socket to the lines in which it is looked for now: it is automatic or no longer so, or has
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
        self.watch.forget(base.key());
        self.registry.remove_owner(base.key());
        self.stop_polling(base);
    }

    pub(crate) fn socket(&self, id: SocketId) -> Option<Rc<dyn Socket>> {
        self.registry.get(id)
    }

    pub(crate) fn sockets(&self) -> Vec<Rc<dyn Socket>> {
        self.registry.all()
    }

    /// Those of which a script says that they are open.
    pub(crate) fn open_sockets(&self) -> Vec<Rc<dyn Socket>> {
        let mut sockets = self.sockets();
        sockets.retain(|socket| socket.is_open());
        sockets
    }

    /// Has a socket that works by others, and is never registered itself, found if its object goes in another thread.
    pub(crate) fn note_owner(&self, socket: &Rc<dyn Socket>) {
        self.registry.add_owner(socket);
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

    /// Calls `work` in drains until it returns false: for bytes that still have to leave, or once, for what has to wait
    /// until the present call is over.
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
            self.step();
            NetTask::complete(&task, result, self);
            left -= 1;
            if Instant::now() >= deadline {
                break;
            }
        }
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
