//! Whether the main thread keeps up with the network, and leaves time for the game: for the warnings about it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_sockets_net::mailbox::SocketId;
use godot::classes::{DisplayServer, Engine};
use godot::obj::Singleton;

use super::Pump;
use crate::advice::{self, Advice};
use crate::socket::{Socket, SocketKey};

/// Time and number of drains after which it is no hitch.
const LONG: Duration = Duration::from_secs(1);
const MANY: u32 = 10;

/// A `process()` with less leaves time for a game at any usual frame rate.
const MIN_LONG_PROCESS: Duration = Duration::from_millis(4);

/// The frame rate that a game is assumed to aim at if neither the project nor the screen tells.
const USUAL_RATE: f64 = 60.0;

#[derive(Default)]
pub(super) struct Watch {
    /// Drains of frames, and `process()` with a budget: they serve all automatic sockets.
    automatic: Cell<Option<Streak>>,
    /// `process()` without a budget, of each socket that has a streak.
    single: RefCell<BTreeMap<SocketKey, Streak>>,
    frames: Cell<Option<Frames>>,
}

/// Drains in a row that did not get through.
#[derive(Clone, Copy)]
struct Streak {
    since: Instant,
    drains: u32,
}

impl Streak {
    /// The streak with one more drain, which began at `start`.
    fn longer(before: Option<Self>, start: Instant) -> Self {
        let before = before.unwrap_or(Self {
            since: start,
            drains: 0,
        });
        Self {
            drains: before.drains.saturating_add(1),
            ..before
        }
    }

    fn is_long(&self) -> bool {
        self.drains >= MANY && self.since.elapsed() >= LONG
    }
}

/// Frames in a row that have spent time in `process()`.
#[derive(Clone, Copy)]
struct Frames {
    since: Instant,
    /// The number of the last one.
    last: u64,
    /// How many came before that one.
    count: u32,
    /// The time of the last one.
    spent: Duration,
    /// The shortest time of those before.
    shortest: Duration,
}

impl Watch {
    /// Notes the end of a drain of all automatic sockets, and the one that was left over when its time ended. `drain` is
    /// what the author calls it.
    pub(super) fn drained_all(&self, pump: &Pump, start: Instant, left: Option<Rc<dyn Socket>>, drain: &str) {
        let Some(left) = left else {
            self.automatic.set(None);
            return;
        };
        let streak = Streak::longer(self.automatic.get(), start);
        let is_long = streak.is_long();
        self.automatic.set(Some(streak).filter(|_| !is_long));
        if is_long {
            warn_of_overload(pump, drain, &*left);
        }
    }

    /// Notes the end of a drain of one socket, and of a listener's clients.
    pub(super) fn drained_one(
        &self,
        pump: &Pump,
        start: Instant,
        socket: &Rc<dyn Socket>,
        left: Option<Rc<dyn Socket>>,
    ) {
        let is_long = {
            let mut streaks = self.single.borrow_mut();
            if left.is_none() && streaks.is_empty() {
                return;
            }
            let key = socket.base().key();
            let before = streaks.remove(&key);
            let streak = left.as_ref().map(|_| Streak::longer(before, start));
            let is_long = streak.is_some_and(|streak| streak.is_long());
            if let (Some(streak), false) = (streak, is_long) {
                streaks.insert(key, streak);
            }
            is_long
        };
        if let (Some(left), true) = (left, is_long) {
            warn_of_overload(pump, &format!("process() of this {}", socket.class()), &*left);
        }
    }

    /// Forgets a socket whose engine object is gone.
    pub(super) fn forget(&self, socket: SocketKey) {
        self.single.borrow_mut().remove(&socket);
    }

    /// Notes a `process()` that takes this time, called by no handler.
    pub(super) fn takes(&self, budget: Duration, class: &'static str) {
        if budget < MIN_LONG_PROCESS {
            return;
        }
        let now = Engine::singleton().get_process_frames();
        let frames = match self.frames.get() {
            Some(frames) if frames.last == now => Frames {
                spent: frames.spent + budget,
                ..frames
            },
            Some(frames) if frames.last + 1 == now => Frames {
                last: now,
                count: frames.count + 1,
                spent: budget,
                shortest: frames.shortest.min(frames.spent),
                ..frames
            },
            _ => Frames {
                since: Instant::now(),
                last: now,
                count: 0,
                spent: budget,
                shortest: Duration::MAX,
            },
        };
        let is_long = frames.count >= MANY / 2 && frames.since.elapsed() >= LONG;
        self.frames.set(Some(frames).filter(|_| !is_long));
        if is_long {
            warn_of_frame_rate(frames.shortest, class);
        }
    }
}

fn warn_of_overload(pump: &Pump, drain: &str, left: &dyn Socket) {
    advice::give(Advice::Overload, "", || {
        let (class, id) = (left.class(), left.id().map_or(0, SocketId::get));
        format!(
            "Async Sockets: the main thread does not keep up. For a second, no {drain} has got through the queued \
             events, among others those of a {class} (id {id}). So TCP peers are slowed down, and UDP sockets drop \
             datagrams once their queues are full. Do less per event, or give the network more time: by the project \
             setting async_sockets/process/frame_budget_usec (now {} per frame), or by process() with a budget.",
            pump.budget.frame.as_micros()
        )
    });
}

fn warn_of_frame_rate(spent: Duration, class: &'static str) {
    let Some(rate) = wanted_frame_rate() else { return };
    let frame = 1e6 / rate;
    let spent = spent.as_micros();
    if spent as f64 <= frame {
        return;
    }
    advice::give(Advice::LongProcess, "", || {
        format!(
            "{class}.process: {spent} microseconds in every frame are more than a frame has at {rate:.0} frames per \
             second ({frame:.0}), so the game cannot reach them. Leave time for the rest of the frame: pass less, or 0."
        )
    });
}

/// The frame rate that the project or the screen asks for. `None` if nobody looks at the frames.
fn wanted_frame_rate() -> Option<f64> {
    let engine = Engine::singleton();
    if engine.is_editor_hint() {
        return None;
    }
    let limit = engine.get_max_fps();
    if limit > 0 {
        return Some(f64::from(limit));
    }
    let display = DisplayServer::singleton();
    if display.get_name() == "headless" {
        return None;
    }
    let rate = f64::from(display.screen_get_refresh_rate());
    Some(if rate > 0.0 { rate } else { USUAL_RATE })
}
