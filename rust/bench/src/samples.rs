//! Individually measured times.

use std::time::Duration;

use crate::report::Report;

/// The maximum number of samples kept; further ones are dropped.
const MOST: usize = 4_000_000;

#[derive(Default)]
pub(crate) struct Samples {
    nanoseconds: Vec<u64>,
}

impl Samples {
    pub(crate) fn add(&mut self, time: Duration) {
        if self.nanoseconds.len() < MOST {
            self.nanoseconds
                .push(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.nanoseconds.len()
    }

    pub(crate) fn max_ms(&self) -> f64 {
        self.nanoseconds.iter().max().map_or(0.0, |&max| max as f64 / 1e6)
    }

    /// Adds `p50_ms`, `p99_ms` and `max_ms` to the report, unless there are no samples.
    pub(crate) fn report(mut self, report: Report) -> Report {
        self.nanoseconds.sort_unstable();
        let Some(last) = self.nanoseconds.len().checked_sub(1) else {
            return report;
        };
        let at = |share: f64| self.nanoseconds[(last as f64 * share).round() as usize] as f64 / 1e6;
        report
            .figure("p50_ms", at(0.5))
            .figure("p99_ms", at(0.99))
            .figure("max_ms", at(1.0))
            .count("samples", self.nanoseconds.len() as u64)
    }
}
