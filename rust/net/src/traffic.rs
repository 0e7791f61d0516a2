//! Counters of the bytes that the sockets of this process have moved. With TLS, the encrypted bytes are counted.

use std::sync::atomic::{AtomicU64, Ordering};

static RECEIVED: AtomicU64 = AtomicU64::new(0);
static SENT: AtomicU64 = AtomicU64::new(0);

/// Bytes received since the library was loaded.
#[must_use]
pub fn received() -> u64 {
    RECEIVED.load(Ordering::Relaxed)
}

/// Bytes handed to the system for sending since the library was loaded.
#[must_use]
pub fn sent() -> u64 {
    SENT.load(Ordering::Relaxed)
}

pub(crate) fn count_received(bytes: usize) {
    RECEIVED.fetch_add(bytes as u64, Ordering::Relaxed);
}

pub(crate) fn count_sent(bytes: usize) {
    SENT.fetch_add(bytes as u64, Ordering::Relaxed);
}
