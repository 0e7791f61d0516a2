//! Pings: detecting dead clients and measuring latency (RFC 6455 section 5.5.2).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// Maximum number of pings awaiting a pong; beyond it, the oldest is forgotten.
const MAX_OPEN: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct Heartbeat {
    /// Whether anything was received since the last beat.
    heard: bool,
    /// Whether a ping was sent at the last beat.
    pinged: bool,
    /// Unanswered pings, and when they were sent.
    open: VecDeque<(Bytes, Instant)>,
    beats: u64,
}

/// What to do at a beat.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// Send a ping with this payload.
    Ping(Bytes),
    /// Nothing was received since the last ping: the client counts as dead.
    Dead,
}

impl Heartbeat {
    /// Notes that bytes of any kind were received.
    pub(crate) fn heard(&mut self) {
        self.heard = true;
    }

    /// Ends an interval.
    pub(crate) fn beat(&mut self) -> Beat {
        let heard = std::mem::take(&mut self.heard);
        if self.pinged && !heard {
            return Beat::Dead;
        }
        self.pinged = true;
        self.beats += 1;
        Beat::Ping(Bytes::copy_from_slice(&self.beats.to_be_bytes()))
    }

    /// Notes that a ping was sent.
    pub(crate) fn sent(&mut self, payload: Bytes, now: Instant) {
        if self.open.len() == MAX_OPEN {
            self.open.pop_front();
        }
        self.open.push_back((payload, now));
    }

    /// Handles a pong. It answers the newest ping with its payload, and all older ones with it (section 5.5.3). Returns
    /// the time since that ping was sent, if there is one.
    pub(crate) fn pong(&mut self, payload: &[u8], now: Instant) -> Option<Duration> {
        let at = self.open.iter().rposition(|(sent, _)| sent == payload)?;
        let (_, sent) = self.open.drain(..=at).next_back()?;
        Some(now.duration_since(sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_for_an_interval_after_a_ping_is_death() {
        let mut heartbeat = Heartbeat::default();
        assert!(matches!(heartbeat.beat(), Beat::Ping(_)));
        heartbeat.heard();
        assert!(matches!(heartbeat.beat(), Beat::Ping(_)));
        assert_eq!(heartbeat.beat(), Beat::Dead);
    }

    #[test]
    fn a_pong_answers_its_ping_and_those_before() {
        let mut heartbeat = Heartbeat::default();
        let start = Instant::now();
        let later = |ms| start + Duration::from_millis(ms);
        for (n, payload) in ["a", "b", "c"].into_iter().enumerate() {
            heartbeat.sent(Bytes::from_static(payload.as_bytes()), later(n as u64));
        }
        assert_eq!(heartbeat.pong(b"x", later(9)), None);
        assert_eq!(heartbeat.pong(b"b", later(9)), Some(Duration::from_millis(8)));
        assert_eq!(heartbeat.pong(b"a", later(9)), None);
        assert_eq!(heartbeat.pong(b"c", later(9)), Some(Duration::from_millis(7)));
    }

    #[test]
    fn unanswered_pings_are_bounded() {
        let mut heartbeat = Heartbeat::default();
        for _ in 0..100 {
            heartbeat.sent(Bytes::new(), Instant::now());
        }
        assert_eq!(heartbeat.open.len(), MAX_OPEN);
    }
}
