//! The message timeout: a client whose message does not end in time is disconnected.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::NO_TIME_LIMIT;

/// Measures how long a message has been arriving. Costs nothing for messages that end in the read in which they begin;
/// one timer serves all others.
#[derive(Debug)]
pub(crate) struct MessageClock {
    timeout: Duration,
    message: Option<Message>,
    /// When reading of the client was paused, if it is.
    paused: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// The message in progress.
#[derive(Debug)]
struct Message {
    /// Number of the message.
    number: u64,
    /// When the message must have ended.
    deadline: Instant,
}

impl MessageClock {
    /// Boxed, since a connection without a limit has none: `None` or zero.
    pub(crate) fn new(timeout: Option<Duration>) -> Option<Box<Self>> {
        let timeout = timeout.filter(|timeout| !timeout.is_zero())?;
        Some(Box::new(Self {
            // The system's clock cannot represent every duration.
            timeout: timeout.min(NO_TIME_LIMIT),
            message: None,
            paused: None,
            timer: None,
        }))
    }

    /// Stops the clock while the client is not read, also for a message that is not known yet.
    pub(crate) fn pause(&mut self) {
        self.paused.get_or_insert_with(Instant::now);
    }

    /// Resumes the clock: the client is read again.
    pub(crate) fn go_on(&mut self) {
        if let Some(since) = self.paused.take()
            && let Some(message) = &mut self.message
        {
            message.deadline += since.elapsed();
        }
    }

    /// Returns whether the message with this number has run out of time; `None` if no message is in progress. If it has
    /// not, the task is woken when it does.
    pub(crate) fn poll_late(&mut self, number: Option<u64>, cx: &mut Context<'_>) -> bool {
        let Some(number) = number else {
            self.message = None;
            // The timer is left as it is: the next message usually needs it before it fires.
            return false;
        };
        let message = match &mut self.message {
            Some(message) if message.number == number => message,
            message => {
                let now = Instant::now();
                // Time spent paused before the message began is not credited to it.
                self.paused = self.paused.map(|_| now);
                message.insert(Message {
                    number,
                    deadline: now + self.timeout,
                })
            }
        };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(message.deadline)));
        if self.paused.is_none() && timer.deadline() > message.deadline {
            timer.as_mut().reset(message.deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if self.paused.is_some() {
                // Checked again when reading resumes.
                timer.as_mut().reset(Instant::now() + self.timeout);
            } else if message.deadline <= Instant::now() {
                return true;
            } else {
                timer.as_mut().reset(message.deadline);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(test);
    }

    fn limited() -> Box<MessageClock> {
        MessageClock::new(Some(10 * SECOND)).expect("a limit")
    }

    /// Lets this much time pass at once.
    async fn later(time: Duration) {
        tokio::time::advance(time).await;
    }

    async fn is_late(clock: &mut MessageClock, number: Option<u64>) -> bool {
        poll_fn(|cx| Poll::Ready(clock.poll_late(number, cx))).await
    }

    #[test]
    fn a_message_has_its_time_and_the_next_one_its_own() {
        run(async {
            tokio::time::pause();
            let mut clock = limited();
            assert!(!is_late(&mut clock, Some(0)).await);
            later(9 * SECOND).await;
            assert!(!is_late(&mut clock, Some(0)).await);
            assert!(!is_late(&mut clock, Some(1)).await);
            later(9 * SECOND).await;
            assert!(!is_late(&mut clock, Some(1)).await);
            later(2 * SECOND).await;
            assert!(is_late(&mut clock, Some(1)).await);
        });
    }

    #[test]
    fn time_between_messages_and_unread_time_does_not_count() {
        run(async {
            tokio::time::pause();
            let mut clock = limited();
            assert!(!is_late(&mut clock, Some(0)).await);
            later(9 * SECOND).await;
            assert!(!is_late(&mut clock, None).await);
            later(9 * SECOND).await;
            assert!(!is_late(&mut clock, Some(1)).await);
            clock.pause();
            later(100 * SECOND).await;
            assert!(!is_late(&mut clock, Some(1)).await);
            clock.go_on();
            later(9 * SECOND).await;
            assert!(!is_late(&mut clock, Some(1)).await);
            later(2 * SECOND).await;
            assert!(is_late(&mut clock, Some(1)).await);
        });
    }

    #[test]
    fn unread_time_does_not_count_for_a_message_that_was_not_known_before_it() {
        run(async {
            tokio::time::pause();
            let mut clock = limited();
            // One read brought the end of a message and the beginning of the next; then reading pauses.
            clock.pause();
            later(5 * SECOND).await;
            assert!(!is_late(&mut clock, Some(1)).await);
            later(100 * SECOND).await;
            assert!(!is_late(&mut clock, Some(1)).await);
            clock.go_on();
            later(9 * SECOND).await;
            assert!(!is_late(&mut clock, Some(1)).await);
            later(2 * SECOND).await;
            assert!(is_late(&mut clock, Some(1)).await);
        });
    }

    #[test]
    fn no_timeout_is_no_limit() {
        run(async {
            tokio::time::pause();
            assert!(MessageClock::new(None).is_none());
            assert!(MessageClock::new(Some(Duration::ZERO)).is_none());
            let mut clock = MessageClock::new(Some(Duration::MAX)).expect("a clock");
            assert!(!is_late(&mut clock, Some(0)).await);
            later(1000 * SECOND).await;
            assert!(!is_late(&mut clock, Some(0)).await);
        });
    }
}
