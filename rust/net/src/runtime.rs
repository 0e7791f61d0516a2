//! The one tokio runtime of the process: starts on first use, stops and joins, can start again.

use std::future::Future;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use crate::keep_loaded::keep_loaded;
use crate::resolver;

/// Threads for blocking calls of the runtime. The only one reads the system's certificates, once.
const MAX_BLOCKING_THREADS: usize = 2;

/// Time that [`stop`] gives all threads to end after the grace for unsent bytes is over.
const JOIN_TIMEOUT: Duration = Duration::from_secs(2);

static STATE: Mutex<State> = Mutex::new(State {
    runtime: None,
    worker_threads: None,
});

struct State {
    runtime: Option<Running>,
    worker_threads: Option<usize>,
}

struct Running {
    runtime: Runtime,
    tasks: Tasks,
}

/// Sets the number of worker threads for the next start; `None` takes half the processors, at least 1 and at most 4.
pub fn set_worker_threads(threads: Option<usize>) {
    state().worker_threads = threads.map(|n| n.clamp(1, 64));
}

/// Whether the runtime runs.
#[must_use]
pub fn is_running() -> bool {
    state().runtime.is_some()
}

/// Stops the runtime and joins its threads and those of name lookups. Waits at most `grace` for the tasks that still have
/// something to send (drop the sockets first: that makes them finish), and a bounded time for the threads. Says whether
/// all have ended; one that the system's resolver holds may not, and then the library stays in memory for it.
pub fn stop(grace: Duration) -> bool {
    let Some(running) = state().runtime.take() else {
        return resolver::join(Instant::now());
    };
    running.tasks.0.wait(grace);
    let deadline = Instant::now() + JOIN_TIMEOUT;
    running.runtime.shutdown_timeout(JOIN_TIMEOUT);
    let all_ended = resolver::join(deadline);
    if !all_ended {
        keep_loaded();
    }
    all_ended
}

/// Starts the runtime if need be and runs a task on it.
pub(crate) fn spawn<F, T>(make: F) -> io::Result<()>
where
    F: FnOnce(&Tasks) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    with_running(|running| {
        let task = make(&running.tasks);
        running.runtime.spawn(task);
    })
}

/// Runs `f` inside the runtime's context, as making a tokio socket from a plain one needs it.
pub(crate) fn enter<R>(f: impl FnOnce() -> R) -> io::Result<R> {
    let handle = with_running(|running| running.runtime.handle().clone())?;
    let _context = handle.enter();
    Ok(f())
}

fn with_running<R>(f: impl FnOnce(&Running) -> R) -> io::Result<R> {
    let mut state = state();
    if state.runtime.is_none() {
        state.runtime = Some(start(state.worker_threads)?);
    }
    match &state.runtime {
        Some(running) => Ok(f(running)),
        None => Err(io::Error::other("the network runtime is not running")),
    }
}

fn start(worker_threads: Option<usize>) -> io::Result<Running> {
    let threads = worker_threads.unwrap_or_else(|| {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        (processors / 2).clamp(1, 4)
    });
    let runtime = Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .thread_name("async_sockets")
        .enable_all()
        .build()?;
    Ok(Running {
        runtime,
        tasks: Tasks::default(),
    })
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a task needs of the runtime that runs it. A task must not call [`spawn`]: in the middle of a [`stop`] that would
/// start a new runtime.
#[derive(Clone, Default)]
pub(crate) struct Tasks(Arc<Unflushed>);

impl Tasks {
    /// Held by a task while [`stop`] should wait for it.
    pub(crate) fn flush_guard(&self) -> FlushGuard {
        *self.0.count() += 1;
        FlushGuard(self.0.clone())
    }
}

/// How many tasks still have something to send.
#[derive(Default)]
struct Unflushed {
    tasks: Mutex<usize>,
    none: Condvar,
}

impl Unflushed {
    fn count(&self) -> MutexGuard<'_, usize> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, grace: Duration) {
        let deadline = Instant::now() + grace;
        let mut tasks = self.count();
        while *tasks > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            tasks = self
                .none
                .wait_timeout(tasks, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// Keeps [`stop`] waiting, within its grace.
pub(crate) struct FlushGuard(Arc<Unflushed>);

impl Drop for FlushGuard {
    fn drop(&mut self) {
        let mut tasks = self.0.count();
        *tasks -= 1;
        if *tasks == 0 {
            self.0.none.notify_all();
        }
    }
}
