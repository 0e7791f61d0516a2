//! The buffer that reads go into before their bytes are copied to a block of just their size.

use std::cell::RefCell;

use tokio::io::ReadBuf;

/// The most that one read takes. No datagram is larger (its length field has 16 bits), so none is cut.
pub(crate) const READ_SIZE: usize = 64 * 1024;

thread_local! {
    // One read buffer per worker thread, not per connection: an idle connection holds none, and what it received
    // is copied into a block of just its size, so a small message never keeps a large buffer alive.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_SIZE].into());
}

/// Lends this thread's read buffer. `f` must not call this again.
pub(crate) fn with_read_buffer<R>(f: impl FnOnce(&mut ReadBuf<'_>) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| f(&mut ReadBuf::new(scratch)))
}
