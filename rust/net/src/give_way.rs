//! Courtesy of the runtime's threads towards the main thread.

use std::cell::Cell;

/// Turns in a row before other threads are offered the processor.
const ROW: u32 = 8;

/// Offers the processor to other threads now and then; to be called once for each datagram or request. A peer that sends
/// at full speed keeps this thread busy, and where they share a processor, the system lets the main thread wait for
/// milliseconds after its sleep, which delays the frame.
pub(crate) fn give_way() {
    thread_local! {
        static TURNS: Cell<u32> = const { Cell::new(0) };
    }
    TURNS.with(|turns| {
        turns.set(turns.get().wrapping_add(1));
        if turns.get().is_multiple_of(ROW) {
            std::thread::yield_now();
        }
    });
}
