//! Connection rate limit: one token bucket per address, which refills completely within a second.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::source::Source;

/// Time in which an empty bucket refills. A bucket holds one second's worth of tokens.
const FILL_TIME: Duration = Duration::from_secs(1);

/// Maximum number of addresses in one generation.
const MAX_SOURCES: usize = 32 * 1024;

/// The buckets of all addresses that connected within the last second or two, in two generations. A bucket that was not
/// touched for a second is full again and need not be kept, so the old generation is dropped when the young one is a
/// second old.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    young: HashMap<Source, Bucket>,
    old: HashMap<Source, Bucket>,
    /// When `young` was started.
    begun: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    when: Instant,
}

impl Rates {
    /// Takes a token from an address that gets `most` tokens per second. Returns whether there was one.
    pub(crate) fn take(&mut self, source: Source, most: u32, now: Instant) -> bool {
        self.turn_over(now);
        let known = self.young.get(&source).or_else(|| self.old.get(&source));
        let most = f64::from(most);
        let mut tokens = known.map_or(most, |bucket| {
            let gained = now.saturating_duration_since(bucket.when).as_secs_f64() * most;
            (bucket.tokens + gained).min(most)
        });
        let taken = tokens >= 1.0;
        if taken {
            tokens -= 1.0;
        }
        self.young.insert(source, Bucket { tokens, when: now });
        taken
    }

    fn turn_over(&mut self, now: Instant) {
        let begun = *self.begun.get_or_insert(now);
        // If more addresses than that connect at once, some are forgotten early.
        let is_due = now.saturating_duration_since(begun) >= FILL_TIME || self.young.len() >= MAX_SOURCES;
        if is_due {
            self.old = std::mem::take(&mut self.young);
            self.begun = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Source = Source::V4(1);
    const B: Source = Source::V4(2);

    #[test]
    fn a_seconds_worth_at_once_and_then_as_time_goes_by() {
        let mut rates = Rates::default();
        let start = Instant::now();
        let mut took = |source, millis| rates.take(source, 2, start + Duration::from_millis(millis));
        assert!(took(A, 0) && took(A, 0));
        assert!(!took(A, 0));
        assert!(took(B, 0), "another address has its own");
        assert!(!took(A, 499), "half a second for each");
        assert!(took(A, 500));
        assert!(!took(A, 999));
        assert!(took(A, 1001));
        // At most one second's worth is saved up.
        assert!(took(A, 60_000) && took(A, 60_000));
        assert!(!took(A, 60_000));
    }

    #[test]
    fn one_a_second_is_possible_and_none_too() {
        let mut rates = Rates::default();
        let start = Instant::now();
        assert!(rates.take(A, 1, start));
        assert!(!rates.take(A, 1, start + Duration::from_millis(900)));
        assert!(rates.take(A, 1, start + Duration::from_millis(1001)));
        assert!(!rates.take(B, 0, start));
    }

    #[test]
    fn a_flood_of_addresses_takes_bounded_memory() {
        let mut rates = Rates::default();
        let start = Instant::now();
        for n in 0..1_000_000 {
            rates.take(Source::V6(n), 1, start);
        }
        assert!(rates.young.len() + rates.old.len() <= 2 * MAX_SOURCES);
        // They also expire with time.
        for seconds in [2, 4] {
            rates.take(A, 1, start + Duration::from_secs(seconds));
        }
        assert!(rates.young.len() + rates.old.len() <= 2);
    }
}
