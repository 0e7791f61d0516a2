//! The owner of a connection that this side opens: what its task and the main thread share, from the first attempt on.

use std::future::{Future, poll_fn};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at, sleep};
use tokio_tungstenite::tungstenite::protocol::Role;

use super::client_events::ClientEvents;
use super::client_options::WebSocketClientOptions;
use super::close_code::Disconnect;
use super::connect_error::WebSocketConnectError;
use super::connection::Owner;
use super::link::Link;
use super::messages::Messages;
use crate::budget::Budget;
use crate::event::{Established, WebSocketClientEvent};
use crate::runtime::FlushGuard;
use crate::wakes::Reader;

/// What connections that share an [`Unread`] may leave unread together, as a multiple of what one may queue.
const UNREAD_FACTOR: usize = 4;

/// Connections of this process that wait for the server's FIN, at once.
const MAX_LINGERING: usize = 1024;

/// How long an attempt goes on for the messages that wait for it once its handle was dropped.
const ABANDONED_TIMEOUT: Duration = Duration::from_secs(10);

/// Counts received messages until they are dropped.
#[derive(Debug, Clone)]
pub struct Unread(Arc<Budget>);

impl Unread {
    /// Counts for connections that each queue up to `max_queued` bytes.
    #[must_use]
    pub fn new(max_queued: usize) -> Self {
        Self(Budget::new(0, max_queued.saturating_mul(UNREAD_FACTOR)))
    }
}

/// The state shared by the main thread and the task of one connection, or attempt to make one.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) link: Link,
    pub(crate) events: ClientEvents,
    unread: Unread,
    max_queued: usize,
    max_queued_messages: usize,
    aborted: AtomicBool,
    /// The handle was dropped.
    abandoned: AtomicBool,
}

impl Outgoing {
    pub(crate) fn new(options: &WebSocketClientOptions) -> Self {
        let unread = options.unread.clone();
        let unread = unread.unwrap_or_else(|| Unread::new(options.max_queued));
        // The address does not matter: the account has no limit to share.
        let memory = unread.0.open(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Self {
            link: Link::new(Role::Client, memory),
            events: ClientEvents::new(),
            unread,
            max_queued: options.max_queued,
            max_queued_messages: options.max_queued_messages,
            aborted: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
        }
    }

    /// Ends the connection or the attempt without a further word.
    pub(crate) fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
        self.link.refuse_commands();
        self.link.wake();
    }

    /// The handle is being dropped: the end is hurried.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
    }
}

impl Reader for Outgoing {
    fn go_on(&self) {
        self.link.wake();
    }
}

/// An attempt to connect. Dropping it tells the main thread that it was stopped.
pub(crate) struct Attempt(Option<(Arc<Outgoing>, FlushGuard)>);

impl Attempt {
    pub(crate) fn new(outgoing: Arc<Outgoing>, unflushed: FlushGuard) -> Self {
        Self(Some((outgoing, unflushed)))
    }

    /// Waits until the attempt is pointless: it was aborted, closed with nothing to send, or abandoned for too long.
    pub(crate) async fn given_up(&self) {
        let mut limit: Option<Pin<Box<Sleep>>> = None;
        poll_fn(|cx| {
            let Some((outgoing, _)) = &self.0 else {
                return Poll::Pending;
            };
            outgoing.link.register(cx.waker());
            let nothing_to_send = outgoing.link.is_closed() && outgoing.link.pending() == 0;
            let is_late = outgoing.abandoned.load(Ordering::Acquire)
                && limit
                    .get_or_insert_with(|| Box::pin(sleep(ABANDONED_TIMEOUT)))
                    .as_mut()
                    .poll(cx)
                    .is_ready();
            match outgoing.aborted.load(Ordering::Acquire) || nothing_to_send || is_late {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    /// The connection is established. Returns its owner.
    pub(crate) fn established(mut self, established: Established, heartbeat: Option<Duration>) -> Option<Opener> {
        let (outgoing, unflushed) = self.0.take()?;
        outgoing
            .events
            .push(WebSocketClientEvent::Connected(Box::new(established)));
        Some(Opener {
            outgoing,
            unflushed: Some(unflushed),
            beats: heartbeat.and_then(beats),
        })
    }

    /// The attempt has failed.
    pub(crate) fn failed(mut self, error: WebSocketConnectError) {
        self.end(error);
    }

    fn end(&mut self, error: WebSocketConnectError) {
        if let Some((outgoing, _unflushed)) = self.0.take() {
            outgoing.link.refuse_commands();
            outgoing.link.settle_all();
            outgoing
                .events
                .push(WebSocketClientEvent::ConnectFailed(Box::new(error)));
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.end(WebSocketConnectError::Stopped);
    }
}

/// This side of an established connection that it has opened.
pub(crate) struct Opener {
    outgoing: Arc<Outgoing>,
    /// `None` once the connection is over.
    unflushed: Option<FlushGuard>,
    /// Its ticks are the heartbeats. A task for them would need several times the memory.
    beats: Option<Interval>,
}

impl Owner for Opener {
    fn link(&self) -> &Link {
        &self.outgoing.link
    }

    fn may_read(&self, _in_progress: usize, waker: &Waker) -> bool {
        let Outgoing {
            link,
            unread,
            max_queued,
            max_queued_messages,
            ..
        } = &*self.outgoing;
        if unread.0.is_queue_full() {
            return link.account().wait_for_queue(waker);
        }
        !link.is_over(*max_queued, *max_queued_messages)
    }

    fn deliver(&self, mut messages: Messages) {
        messages.settle(&self.outgoing.unread.0);
        if self.outgoing.link.deliver(messages) {
            self.outgoing.events.push(WebSocketClientEvent::Messages);
        }
    }

    fn flushed(&self, token: u64) {
        self.outgoing.events.push(WebSocketClientEvent::Flushed(token));
    }

    /// They are lost: [`Self::leave`] reports them with what is still pending then.
    fn dropped(&self, _bytes: usize) {}

    fn leave(&mut self, how: Disconnect) {
        let link = &self.outgoing.link;
        link.refuse_commands();
        let unsent = link.pending();
        link.settle_all();
        link.account().stop_waiting();
        self.outgoing
            .events
            .push(WebSocketClientEvent::Disconnected(Box::new(how), unsent));
        self.unflushed = None;
    }

    fn linger(&self) -> Option<OwnedSemaphorePermit> {
        static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MAX_LINGERING)));
        PLACES.clone().try_acquire_owned().ok()
    }

    fn is_stopping(&self) -> bool {
        self.outgoing.abandoned.load(Ordering::Acquire)
    }

    fn is_aborted(&self) -> bool {
        self.outgoing.aborted.load(Ordering::Acquire)
    }

    fn take_beat(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(beats) = &mut self.beats else { return false };
        let is_due = beats.poll_tick(cx).is_ready();
        // Registers the task for the next one.
        if is_due && beats.poll_tick(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        is_due
    }
}

/// Ticks after each interval; `None` if there is none, or it never ends.
fn beats(length: Duration) -> Option<Interval> {
    if length.is_zero() {
        return None;
    }
    let mut ticks = interval_at(Instant::now().checked_add(length)?, length);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Some(ticks)
}
