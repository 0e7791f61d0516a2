//! Pings: is the client still there, and how far away is it (RFC 6455 section 5.5.2)?

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// Pings whose pongs are waited for at once; the oldest is given up then.
const MAX_OPEN: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct Heartbeat {
    /// Something came since the last beat.
    heard: bool,
    /// A ping went out at the last beat.
    pinged: bool,
    /// Pings on their way, and when they left.
    open: VecDeque<(Bytes, Instant)>,
    beats: u64,
}

/// What a beat asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// Send a ping with this payload.
    Ping(Bytes),
    /// Nothing came since the last one: the client is gone.
    Dead,
}

impl Heartbeat {
    /// Bytes came, of whatever kind.
    pub(crate) fn heard(&mut self) {
        self.heard = true;
    }

    /// An interval is over.
    pub(crate) fn beat(&mut self) -> Beat {
        let heard = std::mem::take(&mut self.heard);
        if self.pinged && !heard {
            return Beat::Dead;
        }
        self.pinged = true;
        self.beats += 1;
        Beat::Ping(Bytes::copy_from_slice(&self.beats.to_be_bytes()))
    }

    /// A ping is on its way.
    pub(crate) fn sent(&mut self, payload: Bytes, now: Instant) {
        if self.open.len() == MAX_OPEN {
            self.open.pop_front();
        }
        self.open.push_back((payload, now));
    }

    /// A pong came. It answers the newest ping with its payload, and the older ones with it (section 5.5.3).
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
