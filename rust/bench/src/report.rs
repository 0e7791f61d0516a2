//! The generator's output: one line of JSON per event.

use std::fmt::Write as _;
use std::io::{self, Write as _};

/// An event and its figures.
pub(crate) struct Report(String);

impl Report {
    pub(crate) fn new(event: &str) -> Self {
        Self(format!("{{\"event\":\"{event}\""))
    }

    pub(crate) fn count(mut self, name: &str, value: u64) -> Self {
        // Writing to a `String` cannot fail.
        let _ = write!(self.0, ",\"{name}\":{value}");
        self
    }

    pub(crate) fn figure(mut self, name: &str, value: f64) -> Self {
        let value = if value.is_finite() { value } else { 0.0 };
        let _ = write!(self.0, ",\"{name}\":{value}");
        self
    }

    pub(crate) fn print(mut self) -> io::Result<()> {
        self.0.push_str("}\n");
        let mut out = io::stdout().lock();
        out.write_all(self.0.as_bytes())?;
        out.flush()
    }
}

/// Reports an event without figures.
pub(crate) fn event(name: &str) -> io::Result<()> {
    Report::new(name).print()
}
