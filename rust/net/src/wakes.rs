//! Waking tasks late: what one turn of the main thread sends to a socket goes out together.
//!
//! A task that is woken by the first of many small sends writes that one alone, and the main thread may lose its
//! processor to it. While wake-ups are held, tasks are woken together when that ends.

use std::cell::{Cell, RefCell};
use std::task::Waker;

use futures_util::task::AtomicWaker;

thread_local! {
    static HOLDS: Cell<usize> = const { Cell::new(0) };
    static HELD: RefCell<Vec<Waker>> = const { RefCell::new(Vec::new()) };
}

/// Wake-ups of this thread are held for as long as it lives, or until [`flush`].
#[derive(Debug)]
pub struct Hold(());

/// Holds the wake-ups of this thread.
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

/// Wakes the tasks whose wake-ups this thread holds: before it sleeps, and when enough was sent.
pub fn flush() {
    HELD.with_borrow_mut(|held| held.drain(..).for_each(Waker::wake));
}

/// Wakes a task, now or when the hold ends.
pub(crate) fn wake(task: &AtomicWaker) {
    if HOLDS.get() == 0 {
        task.wake();
    } else if let Some(waker) = task.take() {
        HELD.with_borrow_mut(|held| held.push(waker));
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
}
