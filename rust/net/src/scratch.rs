//! The buffer that reads go into before their bytes are copied to a block of the exact size.

use std::cell::RefCell;

use tokio::io::ReadBuf;

/// Maximum size of one read in bytes. No datagram is larger (its length field has 16 bits), so none is truncated.
pub(crate) const READ_SIZE: usize = 64 * 1024;

thread_local! {
    // One read buffer per worker thread, not per connection: an idle connection holds none, and received bytes are
    // copied to a block of the exact size, so a small message never keeps a large buffer alive.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_SIZE].into());
}

/// Calls `f` with this thread's read buffer. `f` must not call this again.
pub(crate) fn with_read_buffer<R>(f: impl FnOnce(&mut ReadBuf<'_>) -> R) -> R {
    with_read_buffer_of(READ_SIZE, f)
}

/// Like [`with_read_buffer`], for at most `size` bytes, which must not be 0.
pub(crate) fn with_read_buffer_of<R>(size: usize, f: impl FnOnce(&mut ReadBuf<'_>) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| f(&mut ReadBuf::new(&mut scratch[..size.min(READ_SIZE)])))
}
