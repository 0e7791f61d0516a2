//! What became of the handshakes of a listener that failed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::TlsError;

/// How many, and why the last one.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    count: AtomicU64,
    last: Mutex<Option<String>>,
}

impl Failures {
    pub(crate) fn add(&self, error: &TlsError) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        // Last: whoever sees the count finds the words.
        self.count.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Why the last one failed, in words.
    pub(crate) fn last(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
