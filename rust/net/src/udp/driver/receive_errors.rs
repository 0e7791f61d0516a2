//! Receive errors: which of them concern an earlier datagram, and when receiving pauses.

use std::io;
use std::time::Duration;

/// Number of consecutive errors after which receiving pauses, so that the task does not spin if every receive fails.
const MAX_ERRORS: u32 = 32;

/// Length of that pause.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

/// Counter of consecutive receive errors of one socket.
#[derive(Debug, Default)]
pub(super) struct ReceiveErrors(u32);

impl ReceiveErrors {
    /// Resets the counter after a datagram was received.
    pub(super) fn clear(&mut self) {
        self.0 = 0;
    }

    /// Returns how long receiving must pause after this error, if at all. A refusal never causes a pause: the system
    /// reports at most one per datagram sent, and datagrams from other peers wait behind it.
    pub(super) fn pause_after(&mut self, error: &io::Error) -> Option<Duration> {
        if is_refusal(error) {
            return None;
        }
        self.0 += 1;
        if self.0 < MAX_ERRORS {
            return None;
        }
        self.0 = 0;
        Some(ERROR_PAUSE)
    }
}

/// Returns whether the error concerns an earlier datagram: ICMP "port unreachable" (a reset on Windows), or on Windows
/// also ICMP "time exceeded".
pub(super) fn is_refusal(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset};
    const WSAENETRESET: i32 = 10052;
    matches!(error.kind(), ConnectionRefused | ConnectionReset)
        || (cfg!(windows) && error.raw_os_error() == Some(WSAENETRESET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_never_pause() {
        let mut errors = ReceiveErrors::default();
        for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionRefused] {
            for _ in 0..10 * MAX_ERRORS {
                assert_eq!(errors.pause_after(&kind.into()), None);
            }
        }
    }

    #[test]
    fn other_errors_pause_when_there_are_many_in_a_row() {
        let mut errors = ReceiveErrors::default();
        let other = io::Error::from(io::ErrorKind::OutOfMemory);
        for _ in 0..2 {
            for _ in 1..MAX_ERRORS {
                assert_eq!(errors.pause_after(&other), None);
            }
            assert_eq!(errors.pause_after(&other), Some(ERROR_PAUSE));
        }
        errors.pause_after(&other);
        errors.clear();
        for _ in 1..MAX_ERRORS {
            assert_eq!(errors.pause_after(&other), None);
        }
    }
}
