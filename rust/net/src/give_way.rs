//! Courtesy of the runtime's threads towards the main thread.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Turns in a row before other threads are offered the processor.
const ROW: u32 = 8;

/// Time for which the processor was given away that counts: nobody has taken a shorter one.
const TAKEN: Duration = Duration::from_micros(20);

/// Offers the processor to other threads now and then; to be called once for each datagram or request. A peer that sends
/// at full speed keeps this thread busy, and where they share a processor, the system lets the main thread wait for
/// milliseconds after its sleep, which delays the frame.
///
/// After an offer that was taken, this thread works for as long before the next one: another thread that is never done,
/// such as a main loop without a frame limit, leaves it half of the time.
pub(crate) fn give_way() {
    thread_local! {
        static TURNS: Cell<u32> = const { Cell::new(0) };
        /// When the next offer may be made.
        static NEXT: Cell<Option<Instant>> = const { Cell::new(None) };
    }
    TURNS.set(TURNS.get().wrapping_add(1));
    if !TURNS.get().is_multiple_of(ROW) {
        return;
    }
    let start = Instant::now();
    if NEXT.get().is_some_and(|next| start < next) {
        return;
    }
    std::thread::yield_now();
    let taken = start.elapsed();
    NEXT.set((taken >= TAKEN).then(|| start + 2 * taken));
}
