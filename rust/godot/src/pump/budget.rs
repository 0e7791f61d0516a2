//! How long the main thread may be kept busy.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::project_settings;
use crate::restore::Restore;

pub(super) struct Budget {
    /// Maximum time of the drain of a frame.
    pub(super) frame: Duration,
    /// The end of the running turn; immediate results are given until then.
    slice_end: Cell<Option<Instant>>,
    /// The same for calls outside of drains; set by the first of them, reset by every drain.
    free_slice_end: Cell<Option<Instant>>,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            frame: project_settings::frame_budget(),
            slice_end: Cell::new(None),
            free_slice_end: Cell::new(None),
        }
    }

    /// Sets the end of the running turn, or none, until the value returned is dropped.
    pub(super) fn slice(&self, end: Option<Instant>) -> Restore<'_, Option<Instant>> {
        Restore::set(&self.slice_end, end)
    }

    /// Moves the end of the running turn.
    pub(super) fn extend(&self, end: Instant) {
        self.slice_end.set(Some(end));
    }

    /// Gives calls outside of drains a new budget.
    pub(super) fn reset_free_slice(&self) {
        self.free_slice_end.set(None);
    }

    /// Whether a turn is running.
    pub(super) fn is_turn(&self) -> bool {
        self.slice_end.get().is_some()
    }

    /// Whether the running turn has spent its time.
    pub(super) fn is_spent(&self) -> bool {
        self.slice_end.get().is_some_and(|end| Instant::now() >= end)
    }

    /// Whether a result may be given inside the call: not once the running turn has spent its time, since a loop over a
    /// socket that always has something would never return.
    pub(super) fn allows_answer(&self) -> bool {
        let now = Instant::now();
        let end = self
            .slice_end
            .get()
            .or_else(|| self.free_slice_end.get())
            .unwrap_or_else(|| {
                let end = now + self.frame;
                self.free_slice_end.set(Some(end));
                end
            });
        now < end
    }
}
