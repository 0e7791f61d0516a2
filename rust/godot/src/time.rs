//! Time limits from a script, in seconds; 0 and infinity set no limit.

use std::time::{Duration, Instant};

/// The value of an omitted `timeout` argument.
const DEFAULT: f64 = -1.0;

/// Parses a time limit; `None` is no limit. The error is in words.
pub(crate) fn limit(seconds: f64) -> Result<Option<Duration>, String> {
    read(seconds, "seconds from 0, which sets no limit")
}

/// A time limit as a script reads it.
pub(crate) fn seconds(limit: Option<Duration>) -> f64 {
    limit.map_or(0.0, |limit| limit.as_secs_f64())
}

/// Parses a `timeout` argument; exactly -1 stands for `default`.
pub(crate) fn timeout(seconds: f64, default: Option<Duration>) -> Result<Option<Duration>, String> {
    if seconds.to_bits() == DEFAULT.to_bits() {
        return Ok(default);
    }
    read(seconds, "seconds from 0, which sets no limit, or -1 for the default")
}

fn read(seconds: f64, range: &str) -> Result<Option<Duration>, String> {
    if seconds.is_nan() || seconds < 0.0 {
        return Err(format!("{seconds} is not a time; take {range}"));
    }
    // A time beyond the range of `Duration` is no limit either.
    Ok(Duration::try_from_secs_f64(seconds).ok().filter(|_| seconds > 0.0))
}

/// The end of a limit that starts now.
pub(crate) fn deadline(limit: Option<Duration>) -> Option<Instant> {
    Instant::now().checked_add(limit?)
}
