//! When a client connects again after its connection ended. No clock and no sockets: the caller passes the time and a
//! random number.

use std::time::{Duration, Instant, SystemTime};

use super::close_code::CloseCode;
use crate::error::{CertificateProblem, ConnectError, TlsError};

/// A connection that lived this long proves that the server is well: the delays begin anew after it. A server that
/// accepts and drops at once, as one that crashes at the first message, is not asked more and more often.
pub const STABLE_AFTER: Duration = Duration::from_secs(5);

/// How often a client tries to connect again, and after what.
///
/// The delay before attempt n is random (full jitter above a floor): evenly distributed from [`Self::min_delay`] to
/// `min_delay * 2^n`, at most [`Self::max_delay`]. With the defaults that is 0.5 to 1 s, then 0.5 to 2 s, 0.5 to 4 s,
/// and from the sixth attempt on 0.5 to 30 s. Thousands of clients of a server that restarts come back spread over this
/// time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconnectOptions {
    /// The shortest delay before an attempt. Default 0.5 s.
    pub min_delay: Duration,
    /// The longest delay before an attempt; less than [`Self::min_delay`] counts as the same. Default 30 s.
    pub max_delay: Duration,
    /// Attempts in a row before the client gives up; an attempt whose connection lives for [`STABLE_AFTER`] ends the
    /// row. 0 sets no limit. Default 0.
    pub max_attempts: u32,
    /// The close codes after which the client connects again, in the place of the default rule; 1005 is a close frame
    /// without a code, 1006 a connection that ended without a close frame. An empty list leaves only the attempts that
    /// failed. Default `None`: after every code but
    /// - 1000: the server has said that it is done. One that restarts sends 1001 or 1012;
    /// - 1008 (policy violation): the server would refuse again;
    /// - 4000 to 4999: the application's own codes, whose meaning is not known here. List those that ask to come back.
    pub on_codes: Option<Vec<u16>>,
}

impl Default for ReconnectOptions {
    fn default() -> Self {
        Self {
            min_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            max_attempts: 0,
            on_codes: None,
        }
    }
}

impl ReconnectOptions {
    fn is_worth_it(&self, ended: Ended) -> bool {
        match ended {
            Ended::ByUs => false,
            Ended::Closed(code) => match &self.on_codes {
                Some(codes) => codes.contains(&code.get()),
                None => !matches!(code.get(), 1000 | 1008 | 4000..=4999),
            },
            Ended::Failed(failure) => failure.may_pass(),
        }
    }

    /// The delay before attempt `attempt`, 1 for the first. `random` is evenly distributed over all its values.
    fn delay(&self, attempt: u32, random: u64) -> Duration {
        let factor = 1_u32.checked_shl(attempt).unwrap_or(u32::MAX);
        let longest = self.max_delay.max(self.min_delay);
        let highest = self.min_delay.saturating_mul(factor).min(longest);
        let range = highest - self.min_delay;
        // The upper bits of random * range, a fraction of 64 bits.
        let nanos = (range.as_nanos().min(u64::MAX.into()) * u128::from(random)) >> 64;
        self.min_delay + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// A random number for [`Reconnect::ended`].
#[must_use]
pub fn jitter() -> u64 {
    rand::random()
}

/// How a connection, or an attempt at one, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// This side closed it on request of the user, or gave the attempt up. Never followed by another attempt.
    ByUs,
    /// An established connection ended with this code, as [`super::close_code::Disconnect::code`] gives it.
    Closed(CloseCode),
    /// The attempt did not come to a connection.
    Failed(Failure),
}

/// Why an attempt failed, as far as it matters for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Something that may be over the next time: no route, nobody listening, no answer in time, an unknown name (the
    /// network may be down), a TLS handshake that broke off, a certificate whose dates do not fit.
    Passing,
    /// The server answered the opening handshake with another HTTP status than 101. 408, 425, 429 and 5xx may be over
    /// the next time, others last.
    Status {
        /// The status, 100 to 999.
        status: u16,
        /// What the server asks to wait (`Retry-After`, RFC 9110 section 10.2.3). The delay is no shorter, except that
        /// [`ReconnectOptions::max_delay`] limits it too.
        retry_after: Option<Duration>,
    },
    /// Something that another attempt does not change: a certificate that is not trusted for another reason than its
    /// dates, an answer that is none of a WebSocket server.
    Lasting,
}

impl Failure {
    /// Whether another attempt may succeed.
    #[must_use]
    pub fn may_pass(self) -> bool {
        match self {
            Self::Passing => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Lasting => false,
        }
    }

    fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => retry_after,
            Self::Passing | Self::Lasting => None,
        }
    }
}

impl From<&ConnectError> for Failure {
    fn from(error: &ConnectError) -> Self {
        match error {
            ConnectError::Tls { source, .. } => match source {
                TlsError::Certificate(CertificateProblem::Expired | CertificateProblem::NotYetValid) => Self::Passing,
                other if other.is_about_trust() => Self::Lasting,
                _ => Self::Passing,
            },
            ConnectError::Resolve { .. } | ConnectError::Connect { .. } | ConnectError::TimedOut { .. } => {
                Self::Passing
            }
        }
    }
}

/// What follows the end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another attempt, once [`Reconnect::is_due`].
    Wait {
        /// The attempt's number in its row, 1 for the first.
        attempt: u32,
        /// The time until then.
        delay: Duration,
    },
    /// No other attempt.
    GiveUp,
}

/// Decides whether and when a client connects again.
#[derive(Debug)]
pub struct Reconnect {
    options: ReconnectOptions,
    /// Attempts announced since the last connection that lived for [`STABLE_AFTER`].
    attempts: u32,
    phase: Phase,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// No attempt is owed: connecting, or over.
    Idle,
    /// Established, since then.
    Established(Instant),
    Waiting(Wait),
}

#[derive(Debug, Clone, Copy)]
struct Wait {
    since: Instant,
    /// The same moment by the wall clock, which goes on while the machine sleeps.
    wall: SystemTime,
    delay: Duration,
}

impl Reconnect {
    /// For a client that connects for the first time.
    #[must_use]
    pub fn new(options: ReconnectOptions) -> Self {
        Self {
            options,
            attempts: 0,
            phase: Phase::Idle,
        }
    }

    /// The opening handshake has succeeded.
    pub fn established(&mut self, now: Instant) {
        self.phase = Phase::Established(now);
    }

    /// The connection, or the attempt at one, has ended. `now` and `wall` are the same moment by two clocks, `random`
    /// is a random number evenly distributed over all its values.
    pub fn ended(&mut self, ended: Ended, now: Instant, wall: SystemTime, random: u64) -> Next {
        let before = std::mem::replace(&mut self.phase, Phase::Idle);
        if let Phase::Established(since) = before
            && now.saturating_duration_since(since) >= STABLE_AFTER
        {
            self.attempts = 0;
        }
        let limit = self.options.max_attempts;
        if !self.options.is_worth_it(ended) || (limit != 0 && self.attempts >= limit) {
            return Next::GiveUp;
        }
        self.attempts = self.attempts.saturating_add(1);
        let mut delay = self.options.delay(self.attempts, random);
        if let Ended::Failed(failure) = ended
            && let Some(asked) = failure.retry_after()
        {
            delay = delay.max(asked.min(self.options.max_delay));
        }
        self.phase = Phase::Waiting(Wait {
            since: now,
            wall,
            delay,
        });
        Next::Wait {
            attempt: self.attempts,
            delay,
        }
    }

    /// Whether it is time for the attempt that [`Self::ended`] announced. True once; the attempt's outcome is to be
    /// reported by [`Self::established`] or [`Self::ended`].
    ///
    /// The time is over when either clock says so. The monotonic clock may stand still while the machine sleeps, so
    /// that a timer of its own would wait for the rest after the machine wakes; the wall clock has gone on. Ask about
    /// once a second, besides when [`Self::remaining`] is over. A wall clock that was set back lengthens nothing.
    pub fn is_due(&mut self, now: Instant, wall: SystemTime) -> bool {
        let due = self.remaining(now, wall).is_some_and(|left| left.is_zero());
        if due {
            self.phase = Phase::Idle;
        }
        due
    }

    /// The time until the next attempt; `None` if none is announced.
    #[must_use]
    pub fn remaining(&self, now: Instant, wall: SystemTime) -> Option<Duration> {
        let Phase::Waiting(wait) = self.phase else { return None };
        let by_wall = wall.duration_since(wait.wall).unwrap_or_default();
        let elapsed = now.saturating_duration_since(wait.since).max(by_wall);
        Some(wait.delay.saturating_sub(elapsed))
    }

    /// Ends the waiting: the announced attempt is due now. Returns whether one was announced.
    pub fn hurry(&mut self) -> bool {
        match &mut self.phase {
            Phase::Waiting(wait) => {
                wait.delay = Duration::ZERO;
                true
            }
            Phase::Idle | Phase::Established(_) => false,
        }
    }

    /// Drops the announced attempt. Returns whether one was announced.
    pub fn cancel(&mut self) -> bool {
        let waited = matches!(self.phase, Phase::Waiting(_));
        if waited {
            self.phase = Phase::Idle;
        }
        waited
    }

    /// The number of the latest attempt in its row; 0 before the first.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempts
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const LOST: Ended = Ended::Failed(Failure::Passing);

    /// Two clocks that can be moved.
    struct Clocks(Instant, SystemTime);

    impl Clocks {
        fn new() -> Self {
            Self(Instant::now(), SystemTime::UNIX_EPOCH + 1_000_000 * SECOND)
        }

        fn pass(&mut self, time: Duration) {
            self.0 += time;
            self.1 += time;
        }
    }

    fn closed(code: u16) -> Ended {
        Ended::Closed(match code {
            1005 => CloseCode::NO_STATUS,
            1006 => CloseCode::ABNORMAL,
            _ => CloseCode::parse(code.into()).expect("a code"),
        })
    }

    fn delay_of(next: Next) -> Duration {
        match next {
            Next::Wait { delay, .. } => delay,
            Next::GiveUp => panic!("gave up"),
        }
    }

    fn is_worth_it(options: ReconnectOptions, ended: Ended) -> bool {
        let clocks = Clocks::new();
        Reconnect::new(options).ended(ended, clocks.0, clocks.1, 0) != Next::GiveUp
    }

    fn by_default(ended: Ended) -> bool {
        is_worth_it(ReconnectOptions::default(), ended)
    }

    #[test]
    fn a_lost_connection_comes_back_and_a_finished_one_does_not() {
        for code in [1001, 1002, 1003, 1005, 1006, 1007, 1009, 1011, 1012, 1013, 1014, 3001] {
            assert!(by_default(closed(code)), "{code}");
        }
        for code in [1000, 1008, 4000, 4321, 4999] {
            assert!(!by_default(closed(code)), "{code}");
        }
        assert!(!by_default(Ended::ByUs));
    }

    #[test]
    fn a_list_replaces_the_rule_for_codes_alone() {
        let options = |codes: &[u16]| ReconnectOptions {
            on_codes: Some(codes.to_vec()),
            ..ReconnectOptions::default()
        };
        assert!(is_worth_it(options(&[1000, 4001]), closed(4001)));
        assert!(is_worth_it(options(&[1000, 4001]), closed(1000)));
        assert!(!is_worth_it(options(&[1000, 4001]), closed(1001)));
        assert!(!is_worth_it(options(&[]), closed(1006)));
        assert!(is_worth_it(options(&[]), LOST));
        assert!(!is_worth_it(options(&[1000]), Ended::ByUs));
    }

    #[test]
    fn only_failures_that_may_pass_are_tried_again() {
        let status = |status| {
            by_default(Ended::Failed(Failure::Status {
                status,
                retry_after: None,
            }))
        };
        for code in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert!(status(code), "{code}");
        }
        for code in [200, 301, 400, 401, 403, 404, 410, 426, 431, 600] {
            assert!(!status(code), "{code}");
        }
        assert!(!by_default(Ended::Failed(Failure::Lasting)));
    }

    #[test]
    fn a_distrusted_certificate_lasts_unless_for_its_dates() {
        let tls = |source| {
            Failure::from(&ConnectError::Tls {
                host: "a".to_owned(),
                port: 1,
                source,
            })
        };
        let certificate = |problem| tls(TlsError::Certificate(problem));
        assert_eq!(certificate(CertificateProblem::Expired), Failure::Passing);
        assert_eq!(certificate(CertificateProblem::NotYetValid), Failure::Passing);
        assert_eq!(certificate(CertificateProblem::UnknownIssuer), Failure::Lasting);
        assert_eq!(certificate(CertificateProblem::WrongName(Vec::new())), Failure::Lasting);
        assert_eq!(tls(TlsError::Name("a".to_owned())), Failure::Lasting);
        assert_eq!(tls(TlsError::TimedOut(3.0)), Failure::Passing);
        let refused = ConnectError::Connect {
            host: "a".to_owned(),
            port: 1,
            source: io::ErrorKind::ConnectionRefused.into(),
        };
        assert_eq!(Failure::from(&refused), Failure::Passing);
    }

    #[test]
    fn delays_grow_up_to_the_longest_and_never_fall_below_the_shortest() {
        let options = ReconnectOptions::default();
        let highest: Vec<_> = (1..=8)
            .map(|attempt| options.delay(attempt, u64::MAX).as_secs_f64().round())
            .collect();
        assert_eq!(highest, [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
        for attempt in [1, 2, 31, 32, 33, 64, u32::MAX] {
            assert_eq!(options.delay(attempt, 0), options.min_delay);
            assert!(options.delay(attempt, u64::MAX) <= options.max_delay);
        }
        // Half of the random numbers, half of the range.
        assert_eq!(options.delay(2, 1 << 63), Duration::from_millis(1250));
    }

    #[test]
    fn delays_out_of_order_or_out_of_range_are_kept_in_bounds() {
        let options = |min_delay, max_delay| ReconnectOptions {
            min_delay,
            max_delay,
            ..ReconnectOptions::default()
        };
        assert_eq!(options(3 * SECOND, SECOND).delay(5, u64::MAX), 3 * SECOND);
        assert_eq!(options(Duration::ZERO, SECOND).delay(5, u64::MAX), Duration::ZERO);
        let longest = options(SECOND, Duration::MAX).delay(u32::MAX, u64::MAX);
        assert!(longest > SECOND && longest < Duration::MAX);
        let huge = options(Duration::MAX, Duration::MAX);
        assert_eq!(huge.delay(1, u64::MAX), Duration::MAX);
        // Nor does asking for it overflow.
        let mut clocks = Clocks::new();
        let mut reconnect = Reconnect::new(huge);
        assert_eq!(delay_of(reconnect.ended(LOST, clocks.0, clocks.1, 0)), Duration::MAX);
        clocks.pass(SECOND);
        assert!(!reconnect.is_due(clocks.0, clocks.1));
    }

    #[test]
    fn an_attempt_is_due_once_its_delay_is_over_and_only_once() {
        let mut clocks = Clocks::new();
        let mut reconnect = Reconnect::new(ReconnectOptions::default());
        assert!(!reconnect.is_due(clocks.0, clocks.1));
        let delay = delay_of(reconnect.ended(LOST, clocks.0, clocks.1, 7 << 60));
        clocks.pass(delay - Duration::from_nanos(1));
        assert!(!reconnect.is_due(clocks.0, clocks.1));
        assert_eq!(reconnect.remaining(clocks.0, clocks.1), Some(Duration::from_nanos(1)));
        clocks.pass(Duration::from_nanos(1));
        assert!(reconnect.is_due(clocks.0, clocks.1));
        assert!(!reconnect.is_due(clocks.0, clocks.1));
        assert_eq!(reconnect.remaining(clocks.0, clocks.1), None);
    }

    #[test]
    fn a_sleep_of_the_machine_counts() {
        let mut clocks = Clocks::new();
        let mut reconnect = Reconnect::new(ReconnectOptions::default());
        reconnect.ended(LOST, clocks.0, clocks.1, u64::MAX);
        clocks.1 += 3600 * SECOND;
        assert!(reconnect.is_due(clocks.0, clocks.1));
    }

    #[test]
    fn a_wall_clock_set_back_lengthens_nothing() {
        let mut clocks = Clocks::new();
        let mut reconnect = Reconnect::new(ReconnectOptions::default());
        let delay = delay_of(reconnect.ended(LOST, clocks.0, clocks.1, u64::MAX));
        clocks.1 -= 3600 * SECOND;
        assert_eq!(reconnect.remaining(clocks.0, clocks.1), Some(delay));
        clocks.pass(delay);
        assert!(reconnect.is_due(clocks.0, clocks.1));
    }

    #[test]
    fn a_row_of_attempts_has_its_limit() {
        let clocks = Clocks::new();
        let mut reconnect = Reconnect::new(ReconnectOptions {
            max_attempts: 2,
            ..ReconnectOptions::default()
        });
        for attempt in [1, 2] {
            let next = reconnect.ended(LOST, clocks.0, clocks.1, 0);
            assert!(
                matches!(next, Next::Wait { attempt: a, .. } if a == attempt),
                "{next:?}"
            );
            assert_eq!(reconnect.attempt(), attempt);
        }
        assert_eq!(reconnect.ended(LOST, clocks.0, clocks.1, 0), Next::GiveUp);
        assert!(!reconnect.is_due(clocks.0 + 60 * SECOND, clocks.1 + 60 * SECOND));
    }

    #[test]
    fn only_a_connection_that_lived_begins_a_new_row() {
        let mut clocks = Clocks::new();
        let mut reconnect = Reconnect::new(ReconnectOptions::default());
        for (lived, attempt) in [
            (Duration::ZERO, 1),
            (SECOND, 2),
            (STABLE_AFTER - Duration::from_nanos(1), 3),
            (STABLE_AFTER, 1),
            (SECOND, 2),
        ] {
            reconnect.established(clocks.0);
            clocks.pass(lived);
            let next = reconnect.ended(closed(1006), clocks.0, clocks.1, 0);
            assert!(
                matches!(next, Next::Wait { attempt: a, .. } if a == attempt),
                "{next:?}"
            );
        }
    }

    #[test]
    fn waiting_can_be_cut_short_or_cancelled() {
        let clocks = Clocks::new();
        let mut reconnect = Reconnect::new(ReconnectOptions::default());
        assert!(!reconnect.hurry());
        assert!(!reconnect.cancel());
        reconnect.ended(LOST, clocks.0, clocks.1, u64::MAX);
        assert!(reconnect.hurry());
        assert!(reconnect.is_due(clocks.0, clocks.1));
        assert!(!reconnect.hurry());

        reconnect.ended(LOST, clocks.0, clocks.1, u64::MAX);
        assert!(reconnect.cancel());
        assert!(!reconnect.is_due(clocks.0 + 60 * SECOND, clocks.1 + 60 * SECOND));

        reconnect.established(clocks.0);
        assert!(!reconnect.cancel());
        assert!(!reconnect.hurry());
    }

    #[test]
    fn a_server_may_ask_for_more_time_within_the_limit() {
        let clocks = Clocks::new();
        let delay = |seconds: u64| {
            let ended = Ended::Failed(Failure::Status {
                status: 503,
                retry_after: Some(Duration::from_secs(seconds)),
            });
            delay_of(Reconnect::new(ReconnectOptions::default()).ended(ended, clocks.0, clocks.1, 0))
        };
        assert_eq!(delay(0), Duration::from_millis(500));
        assert_eq!(delay(10), 10 * SECOND);
        assert_eq!(delay(86400), 30 * SECOND);
    }
}
