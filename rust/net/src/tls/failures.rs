//! The failed TLS handshakes of a listener.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::TlsError;

/// How many handshakes failed, and why the last one did.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    count: AtomicU64,
    last: Mutex<Option<String>>,
}

impl Failures {
    pub(crate) fn add(&self, error: &TlsError) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        // Counted last: a thread that sees the count also finds the error.
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
