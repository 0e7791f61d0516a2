//! Courtesy of the runtime's threads towards the main thread.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Time that a thread may work without a pause before it offers the processor to others. Not less: another thread that is
/// never done, such as a main loop without a frame limit, takes milliseconds whenever it is offered the processor.
const STINT: Duration = Duration::from_micros(500);

/// Time between two calls that counts as a pause.
const PAUSE: Duration = Duration::from_micros(100);

/// Offers the processor to other threads now and then; to be called once for each datagram or request. A peer that sends
/// at full speed keeps this thread busy, and where they share a processor, the system lets the main thread wait for
/// milliseconds after its sleep, which delays the frame.
pub(crate) fn give_way() {
    thread_local! {
        /// When the stint began, and the last call.
        static STINT_SO_FAR: Cell<Option<(Instant, Instant)>> = const { Cell::new(None) };
    }
    let now = Instant::now();
    let stint = STINT_SO_FAR.get().filter(|&(_, last)| now - last < PAUSE);
    let began = stint.map_or(now, |(began, _)| began);
    if now - began < STINT {
        STINT_SO_FAR.set(Some((began, now)));
    } else {
        std::thread::yield_now();
        STINT_SO_FAR.set(None);
    }
}
