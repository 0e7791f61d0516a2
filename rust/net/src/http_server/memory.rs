//! The memory that a connection takes for the bodies of its requests.

use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::watch;

use crate::budget::{Budget, Holder, Queued, Share};

/// The account of a connection.
#[derive(Debug)]
pub(crate) struct Memory {
    budget: Arc<Budget>,
    account: Share,
    holder: Arc<Shed>,
}

/// Tells whether the connection was chosen to be shed.
#[derive(Debug)]
struct Shed(watch::Sender<bool>);

impl Holder for Shed {
    fn shed(&self) {
        self.0.send_replace(true);
    }
}

impl Memory {
    pub(crate) fn open(budget: &Arc<Budget>, ip: IpAddr) -> Self {
        let holder = Arc::new(Shed(watch::channel(false).0));
        let account = budget.open(ip);
        let weak = Arc::downgrade(&holder);
        account.0.set_holder(weak);
        Self {
            budget: budget.clone(),
            account,
            holder,
        }
    }

    /// Waits until the connection has to give up what it holds.
    pub(crate) async fn shed(&self) {
        let mut shed = self.holder.0.subscribe();
        // The sender lives as long as this.
        let _ = shed.wait_for(|shed| *shed).await;
    }

    /// Begins to count a body.
    pub(crate) fn charge(&self) -> Charge<'_> {
        Charge { memory: self, bytes: 0 }
    }

    /// Counts a body that waits for the main thread, once there is room. It counts until the returned value is dropped,
    /// also if the connection is over by then.
    pub(crate) async fn queue(&self, bytes: usize) -> Option<Queued> {
        if bytes == 0 {
            return None;
        }
        if self.budget.is_queue_full() {
            let _waiting = Waiting(self);
            poll_fn(|cx| match self.account.0.wait_for_queue(cx.waker()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
        }
        Some(self.budget.queue(bytes))
    }
}

/// The wait of [`Memory::queue`], which may be cut short.
struct Waiting<'a>(&'a Memory);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.account.0.stop_waiting();
    }
}

/// Bytes that count until this is dropped.
pub(crate) struct Charge<'a> {
    memory: &'a Memory,
    bytes: usize,
}

impl Charge<'_> {
    pub(crate) fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.memory.account.0.charge(bytes);
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        self.memory.account.0.release(self.bytes);
    }
}
