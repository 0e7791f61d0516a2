//! Answers once everything before a point in the stream of frames was handed to the system.

use std::collections::VecDeque;

/// The points that are waited for.
#[derive(Debug, Default)]
pub(crate) struct Flushes {
    /// Bytes of frames queued so far.
    queued: u64,
    /// Bytes of them handed to the stream so far.
    settled: u64,
    /// The points, each with its last token.
    points: VecDeque<(u64, u64)>,
}

impl Flushes {
    /// Frames of `bytes` bytes were queued.
    pub(crate) fn queued(&mut self, bytes: usize) {
        self.queued += bytes as u64;
    }

    /// Waits for everything queued so far. A token replaces those before it that wait for the same.
    pub(crate) fn push(&mut self, token: u64) {
        match self.points.back_mut() {
            Some((point, last)) if *point == self.queued => *last = token,
            _ => self.points.push_back((self.queued, token)),
        }
    }

    /// `bytes` bytes were handed to the stream, which may hold them back, as TLS does.
    pub(crate) fn settled(&mut self, bytes: usize) {
        self.settled += bytes as u64;
    }

    /// Whether a point is reached, so that the stream is to be flushed.
    pub(crate) fn is_reached(&self) -> bool {
        self.points.front().is_some_and(|(point, _)| *point <= self.settled)
    }

    /// The stream was flushed. Calls `done` with the tokens of the points that are reached.
    pub(crate) fn flushed(&mut self, mut done: impl FnMut(u64)) {
        while let Some(&(point, token)) = self.points.front()
            && point <= self.settled
        {
            self.points.pop_front();
            done(token);
        }
    }

    /// Frames were dropped: no point is reached any more.
    pub(crate) fn fail(&mut self) {
        self.points.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_reached_with_its_last_byte() {
        let mut flushes = Flushes::default();
        let reached = |flushes: &mut Flushes, bytes| {
            let mut tokens = Vec::new();
            flushes.settled(bytes);
            let is_reached = flushes.is_reached();
            flushes.flushed(|token| tokens.push(token));
            assert_eq!(is_reached, !tokens.is_empty());
            tokens
        };
        flushes.push(1);
        flushes.queued(10);
        flushes.push(2);
        flushes.queued(5);
        flushes.push(3);
        flushes.push(4);
        assert_eq!(reached(&mut flushes, 0), [1]);
        assert_eq!(reached(&mut flushes, 9), [0; 0]);
        assert_eq!(reached(&mut flushes, 1), [2]);
        assert_eq!(reached(&mut flushes, 5), [4]);
        flushes.queued(1);
        flushes.push(5);
        flushes.fail();
        assert_eq!(reached(&mut flushes, 1), [0; 0]);
    }
}
