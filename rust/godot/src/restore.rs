//! Values that are restored, and actions that run, at the end of a block.

use std::cell::Cell;

/// Restores the previous value of a cell when dropped, even by a panic.
#[must_use]
pub(crate) struct Restore<'a, T: Copy> {
    cell: &'a Cell<T>,
    before: T,
}

impl<'a, T: Copy> Restore<'a, T> {
    pub(crate) fn set(cell: &'a Cell<T>, value: T) -> Self {
        Self {
            cell,
            before: cell.replace(value),
        }
    }
}

impl<T: Copy> Drop for Restore<'_, T> {
    fn drop(&mut self) {
        self.cell.set(self.before);
    }
}

/// Runs an action when dropped: at the end of a block, even by a panic.
#[must_use]
pub(crate) struct Finally<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for Finally<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn what_held_before_holds_again() {
        let cell = Cell::new(1);
        {
            let _outer = Restore::set(&cell, 2);
            let _inner = Restore::set(&cell, 3);
            assert_eq!(cell.get(), 3);
        }
        assert_eq!(cell.get(), 1);
    }

    #[test]
    fn also_after_a_panic() {
        let (cell, ended) = (Cell::new(1), Cell::new(false));
        let panics = || {
            let _held = Restore::set(&cell, 2);
            let _ended = Finally(|| ended.set(true));
            panic!("in the middle");
        };
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        assert_eq!((cell.get(), ended.get()), (1, true));
    }
}
