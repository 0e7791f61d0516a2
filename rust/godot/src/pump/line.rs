//! Lines of waiting items, in the order of their tickets.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

/// A place in the order of all waiting items. Never reused.
pub(crate) type Ticket = u64;

/// An item that can wait in several lines at once, and leaves them all by giving up its ticket.
pub(crate) trait Waits {
    /// The ticket while it waits.
    fn ticket(&self) -> Option<Ticket>;
}

/// Entries of items that have left are removed at the front of the line, or when they outnumber the others: adding and
/// taking have constant cost.
pub(crate) struct Line<T: ?Sized> {
    queue: RefCell<VecDeque<(Ticket, Weak<T>)>>,
    /// Length at which entries of items that have left are removed.
    sweep_at: Cell<usize>,
}

/// Minimum length at which a line is swept.
const MIN_SWEEP: usize = 64;

impl<T: ?Sized> Default for Line<T> {
    fn default() -> Self {
        Self {
            queue: RefCell::default(),
            sweep_at: Cell::new(MIN_SWEEP),
        }
    }
}

impl<T: Waits + ?Sized> Line<T> {
    /// Adds an item with this ticket, the highest of the line.
    pub(crate) fn push(&self, ticket: Ticket, waits: &Rc<T>) {
        let mut queue = self.queue.borrow_mut();
        if queue.len() >= self.sweep_at.get() {
            queue.retain(|entry| current(entry).is_some());
            self.sweep_at.set((queue.len() * 2).max(MIN_SWEEP));
        }
        queue.push_back((ticket, Rc::downgrade(waits)));
    }

    /// The first item that still waits.
    pub(crate) fn first(&self) -> Option<(Ticket, Rc<T>)> {
        let mut queue = self.queue.borrow_mut();
        loop {
            let first = queue.front()?;
            if let Some(waits) = current(first) {
                return Some((first.0, waits));
            }
            queue.pop_front();
        }
    }

    /// Removes all entries.
    pub(crate) fn clear(&self) {
        self.queue.take();
    }
}

/// The item of an entry, if it still waits with this ticket.
fn current<T: Waits + ?Sized>((ticket, waits): &(Ticket, Weak<T>)) -> Option<Rc<T>> {
    waits.upgrade().filter(|waits| waits.ticket() == Some(*ticket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Waiter(Cell<Option<Ticket>>);

    impl Waits for Waiter {
        fn ticket(&self) -> Option<Ticket> {
            self.0.get()
        }
    }

    fn waiter(ticket: Ticket) -> Rc<Waiter> {
        Rc::new(Waiter(Cell::new(Some(ticket))))
    }

    fn first(line: &Line<Waiter>) -> Option<Ticket> {
        line.first().map(|(ticket, _)| ticket)
    }

    #[test]
    fn who_gives_the_ticket_up_has_left_every_line() {
        let (one, other) = (Line::default(), Line::default());
        let waiters: Vec<_> = (1..=3).map(waiter).collect();
        for (ticket, waiter) in (1..).zip(&waiters) {
            one.push(ticket, waiter);
        }
        other.push(2, &waiters[1]);
        waiters[0].0.set(None);
        assert_eq!((first(&one), first(&other)), (Some(2), Some(2)));
        waiters[1].0.set(None);
        assert_eq!((first(&one), first(&other)), (Some(3), None));
    }

    #[test]
    fn a_new_ticket_is_a_new_place() {
        let line = Line::default();
        let (early, late) = (waiter(1), waiter(2));
        line.push(1, &early);
        line.push(2, &late);
        early.0.set(Some(3));
        line.push(3, &early);
        assert_eq!(first(&line), Some(2));
        late.0.set(None);
        assert_eq!(first(&line), Some(3));
    }

    #[test]
    fn who_is_gone_waits_no_more() {
        let line = Line::default();
        line.push(1, &waiter(1));
        assert_eq!(first(&line), None);
    }

    #[test]
    fn those_that_have_left_do_not_fill_the_line() {
        let line = Line::default();
        // The first one stays, so that nobody else comes to the front.
        let stays = waiter(0);
        line.push(0, &stays);
        for ticket in 1..100_000 {
            line.push(ticket, &waiter(ticket));
        }
        assert!(line.queue.borrow().len() <= MIN_SWEEP + 1);
        assert_eq!(first(&line), Some(0));
    }
}
