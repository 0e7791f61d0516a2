//! Delayed waking of tasks, so that they do not take the main thread's processor at the wrong moment.
//!
//! A task woken by the first of many small sends would write only that one; so everything that one turn of the main
//! thread sends to a socket wakes its task once. And a task that may read again, because the main thread has taken what
//! was queued, works for about a millisecond. If it shares the processor, that should happen at the beginning of a
//! drain and not at its end, where it would hold up the frame.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::task::Waker;

use futures_util::task::AtomicWaker;

thread_local! {
    static HOLDS: Cell<usize> = const { Cell::new(0) };
    static HELD: RefCell<Vec<Waker>> = const { RefCell::new(Vec::new()) };
    static READERS_HELD: RefCell<Vec<Arc<dyn Reader>>> = const { RefCell::new(Vec::new()) };
}

/// Holds this thread's wake-ups while it lives: those for sends until it is dropped or [`flush`] is called, those of
/// readers that have room again until [`flush_room`].
#[derive(Debug)]
pub struct Hold(());

/// Holds this thread's wake-ups until the returned value is dropped. May be nested; dropping an inner one flushes too.
#[must_use]
pub fn hold() -> Hold {
    HOLDS.set(HOLDS.get() + 1);
    Hold(())
}

impl Drop for Hold {
    fn drop(&mut self) {
        HOLDS.set(HOLDS.get() - 1);
        flush();
    }
}

/// Wakes the tasks that something was sent to. Called before this thread waits, and once enough was sent.
pub fn flush() {
    // Taken out first: waking a task whose runtime is gone drops it, which may run arbitrary code.
    HELD.take().into_iter().for_each(Waker::wake);
}

/// Wakes a task that something was sent to, now or at the next [`flush`] if this thread holds its wake-ups.
pub(crate) fn wake(task: &AtomicWaker) {
    if HOLDS.get() == 0 {
        task.wake();
    } else if let Some(waker) = task.take() {
        HELD.with_borrow_mut(|held| held.push(waker));
    }
}

/// Wakes the readers that have room again, and yields so that they can work now if they share this thread's processor:
/// otherwise the system would take it from this thread some milliseconds later.
pub fn flush_room() {
    let held = READERS_HELD.take();
    if !held.is_empty() {
        held.iter().for_each(|reader| reader.go_on());
        std::thread::yield_now();
    }
}

/// A task that waits until the main thread has taken what it read.
pub(crate) trait Reader {
    /// Wakes the task.
    fn go_on(&self);
}

/// Wakes a reader, now or, if this thread holds its wake-ups, at the next [`flush_room`].
pub(crate) fn has_room<R: Reader + 'static>(reader: &Arc<R>) {
    if HOLDS.get() == 0 {
        reader.go_on();
    } else {
        READERS_HELD.with_borrow_mut(|held| held.push(reader.clone()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn task() -> (AtomicWaker, impl Fn() -> usize) {
        let (task, count) = (AtomicWaker::new(), Arc::<Count>::default());
        task.register(&count.clone().into());
        (task, move || count.0.load(Ordering::Relaxed))
    }

    #[test]
    fn without_a_hold_a_task_is_woken_at_once() {
        let (task, woken) = task();
        wake(&task);
        assert_eq!(woken(), 1);
    }

    #[test]
    fn a_hold_wakes_once_at_its_end() {
        let (task, woken) = task();
        let hold = hold();
        wake(&task);
        wake(&task);
        assert_eq!(woken(), 0);
        drop(hold);
        assert_eq!(woken(), 1);
    }

    #[test]
    fn a_flush_and_the_end_of_a_nested_hold_wake_what_is_held() {
        let outer = hold();
        let (first, first_woken) = task();
        wake(&first);
        flush();
        assert_eq!(first_woken(), 1);
        let (second, second_woken) = task();
        let inner = hold();
        wake(&second);
        drop(inner);
        assert_eq!(second_woken(), 1);
        let (third, third_woken) = task();
        wake(&third);
        assert_eq!(third_woken(), 0);
        drop(outer);
        assert_eq!(third_woken(), 1);
    }

    struct Counted(Count);

    impl Reader for Counted {
        fn go_on(&self) {
            self.0.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_reader_that_is_held_goes_on_at_the_next_flush() {
        let reader = Arc::new(Counted(Count::default()));
        let woken = || reader.0.0.load(Ordering::Relaxed);
        has_room(&reader);
        assert_eq!(woken(), 1);
        let hold = hold();
        has_room(&reader);
        drop(hold);
        assert_eq!(woken(), 1);
        flush_room();
        flush_room();
        assert_eq!(woken(), 2);
    }
}
