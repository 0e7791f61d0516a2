//! Measurements for the statistics and the monitors.

use std::cell::Cell;
use std::time::{Duration, Instant};

use async_sockets_net::traffic;

/// Time over which a rate is measured.
const RATE_WINDOW: Duration = Duration::from_secs(1);

/// Measurements of the drains and of the traffic.
#[derive(Default)]
pub(crate) struct Figures {
    /// Number of events handled since the start.
    pub(crate) events: Cell<u64>,
    /// Time spent in automatic drains since the start.
    pub(crate) drain_time: Cell<Duration>,
    /// Time spent in the last automatic drain.
    pub(crate) last_drain: Cell<Duration>,
    /// Bytes received and sent per second in the last complete window.
    rates: Cell<(f64, f64)>,
    /// The start of the running window.
    window: Cell<Option<Sample>>,
}

/// The bytes received and sent up to a moment.
#[derive(Clone, Copy)]
struct Sample {
    when: Instant,
    received: u64,
    sent: u64,
}

impl Figures {
    /// Records an automatic drain.
    pub(crate) fn drained(&self, start: Instant) {
        let now = Instant::now();
        let took = now - start;
        self.last_drain.set(took);
        self.drain_time.set(self.drain_time.get() + took);
        self.sample(now);
    }

    fn sample(&self, now: Instant) {
        let window = self.window.get();
        if window.is_some_and(|begun| now - begun.when < RATE_WINDOW) {
            return;
        }
        let sample = Sample {
            when: now,
            received: traffic::received(),
            sent: traffic::sent(),
        };
        if let Some(begun) = window {
            let seconds = (now - begun.when).as_secs_f64();
            let rate = |bytes: u64| bytes as f64 / seconds;
            self.rates
                .set((rate(sample.received - begun.received), rate(sample.sent - begun.sent)));
        }
        self.window.set(Some(sample));
    }

    /// Bytes received per second.
    pub(crate) fn received_per_second(&self) -> f64 {
        self.rates.get().0
    }

    /// Bytes sent per second.
    pub(crate) fn sent_per_second(&self) -> f64 {
        self.rates.get().1
    }
}
