//! The process-wide tokio runtime. It starts on first use and can be stopped and started again.

use std::future::Future;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use crate::keep_loaded::keep_loaded;
use crate::resolver;

/// Maximum number of the runtime's threads for blocking calls: they read the system's certificates, once, and files that
/// are served.
const MAX_BLOCKING_THREADS: usize = 2;

/// Time that [`stop`] waits for all threads to end, after the grace period for unsent bytes.
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

/// Sets the number of worker threads, 1 to 64, for the next start of the runtime. Default `None`: half the number of
/// processors, at least 1 and at most 4.
pub fn set_worker_threads(threads: Option<usize>) {
    state().worker_threads = threads.map(|n| n.clamp(1, 64));
}

/// Returns whether the runtime is running.
#[must_use]
pub fn is_running() -> bool {
    state().runtime.is_some()
}

/// Stops the runtime and joins its threads and those of name lookups. Waits at most `grace` for tasks that still have
/// something to send (drop the sockets first, which makes them finish), and then at most about two seconds for the
/// threads. Returns whether all lookup threads have ended; if the system's resolver still blocks one, the library is
/// kept in memory for it.
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

/// Starts the runtime if necessary, and spawns a task on it.
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

/// Runs `f` in the runtime's context, which is needed to create a tokio socket from a plain one.
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

/// What a task needs from the runtime that runs it. A task must not call [`spawn`]: during a [`stop`] that would start
/// a new runtime.
#[derive(Clone, Default)]
pub(crate) struct Tasks(Arc<Unflushed>);

impl Tasks {
    /// Returns a guard that a task holds while [`stop`] should wait for it.
    pub(crate) fn flush_guard(&self) -> FlushGuard {
        *self.0.count() += 1;
        FlushGuard(self.0.clone())
    }
}

/// Counts the tasks that still have something to send.
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

/// Keeps [`stop`] waiting until dropped, within its grace period.
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
