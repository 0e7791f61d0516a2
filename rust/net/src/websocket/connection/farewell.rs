//! The pause between the last message and the close frame.
//!
//! Some peers drop the messages that they read together with a close frame. The pause gives them time to read what came
//! before.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// When the close frame of a connection may leave.
pub(super) struct Farewell {
    delay: Duration,
    /// When messages were last handed to the system.
    last: Option<Instant>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Farewell {
    /// `None` without a delay.
    pub(super) fn new(delay: Duration) -> Option<Box<Self>> {
        (!delay.is_zero()).then(|| {
            Box::new(Self {
                delay,
                last: None,
                pause: None,
            })
        })
    }

    pub(super) fn delay(&self) -> Duration {
        self.delay
    }

    /// Messages were handed to the system.
    pub(super) fn sent(&mut self) {
        self.last = Some(Instant::now());
    }

    /// Ready when the peer has had the delay for the last of its messages. To be called once all were handed over.
    pub(super) fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(end) = self.last.and_then(|last| last.checked_add(self.delay)) else {
            return Poll::Ready(());
        };
        if self.pause.is_none() && Instant::now() >= end {
            return Poll::Ready(());
        }
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep_until(end)));
        pause.as_mut().poll(cx)
    }
}
