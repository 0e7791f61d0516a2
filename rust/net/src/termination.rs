//! Requests of the system that the process end: SIGTERM and Ctrl-C; on Windows Ctrl-C, Ctrl-Break and a console that
//! closes. (The end of the session reaches services only.)
//!
//! They end the process on the spot unless they are caught. What is caught is one request: the next one ends the process
//! by the default action, because the program may hang. Those that come within [`SAME_REQUEST`] belong to the first: a
//! terminal and a wrapper in it may both pass on the same Ctrl-C. That also holds if the next one is caught meanwhile.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::mailbox::ReadyList;
use crate::runtime;

#[cfg(unix)]
mod actions;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix::Signals;
#[cfg(windows)]
use windows::Signals;

/// Time in which further signals count as the same request.
pub const SAME_REQUEST: Duration = Duration::from_millis(500);

static REQUESTED: AtomicBool = AtomicBool::new(false);

static STATE: Mutex<Option<Catching>> = Mutex::new(None);

/// When the last request came, unless that is forgotten.
static LAST: Mutex<Option<Instant>> = Mutex::new(None);

/// Requests are caught while this exists.
struct Catching {
    /// Dropped to end the task that waits for them.
    _task: oneshot::Sender<()>,
    #[cfg(unix)]
    before: actions::Before,
}

/// Catches the next request; a second one after [`SAME_REQUEST`] ends the process. Starts the runtime if necessary, and
/// must be called again after it was stopped. A request that was caught before and not taken can still be taken.
///
/// # Errors
/// Those of the system.
pub fn catch() -> io::Result<()> {
    let (task, released) = oneshot::channel();
    let mut state = state();
    let previous = state.take();
    // Handlers that are there stay: a signal in between must not end the process.
    #[cfg(unix)]
    let before = match previous {
        Some(previous) => previous.before,
        None => actions::Before::now()?,
    };
    #[cfg(windows)]
    drop(previous);
    let signals = runtime::enter(Signals::new).and_then(|signals| signals);
    #[cfg(unix)]
    let signals = signals
        .and_then(|signals| actions::install_handlers().map(|()| signals))
        .inspect_err(|_| before.restore());
    let signals = signals?;
    *state = Some(Catching {
        _task: task,
        #[cfg(unix)]
        before,
    });
    drop(state);
    runtime::spawn(|_| watch(signals, released)).inspect_err(|_| release())
}

/// Catches no more requests: what happened before happens again, usually the end of the process. Forgets one that was
/// not taken.
pub fn release() {
    #[cfg(unix)]
    if let Some(catching) = state().take() {
        catching.before.restore();
    }
    #[cfg(windows)]
    drop(state().take());
    REQUESTED.store(false, Ordering::Relaxed);
    *last() = None;
}

/// Whether [`catch`] was called since the last [`release`]. It stays so after the request that was caught.
#[must_use]
pub fn is_caught() -> bool {
    state().is_some()
}

/// Takes the request that was caught, if there is one. It also ends a wait for the ready list. Costs next to nothing.
#[must_use]
pub fn take_request() -> bool {
    REQUESTED.load(Ordering::Relaxed) && REQUESTED.swap(false, Ordering::AcqRel)
}

/// Waits for a request, and then lets the next one end the process.
async fn watch(mut signals: Signals, mut released: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            biased;
            _ = &mut released => return,
            () = signals.next() => {}
        }
        if is_new() {
            break;
        }
    }
    unless_released(&mut released, || REQUESTED.store(true, Ordering::Release));
    ReadyList::global().wake();
    tokio::select! {
        biased;
        _ = &mut released => return,
        () = sleep(SAME_REQUEST) => {}
    }
    #[cfg(unix)]
    unless_released(&mut released, actions::set_default);
    // On Windows the default follows from there being no receiver.
    drop(signals);
}

/// Whether a signal that has just come is a request of its own.
fn is_new() -> bool {
    let (mut last, now) = (last(), Instant::now());
    let is_new = last.is_none_or(|last| now.duration_since(last) >= SAME_REQUEST);
    if is_new {
        *last = Some(now);
    }
    is_new
}

fn last() -> MutexGuard<'static, Option<Instant>> {
    LAST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `act` unless [`release`] was called, which undoes what it does.
fn unless_released(released: &mut oneshot::Receiver<()>, act: impl FnOnce()) {
    // The sender is dropped under the lock.
    let _state = state();
    if matches!(released.try_recv(), Err(oneshot::error::TryRecvError::Empty)) {
        act();
    }
}

fn state() -> MutexGuard<'static, Option<Catching>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}
