//! The memory that a connection takes for its requests and their responses.

use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use bytes::Bytes;
use tokio::sync::watch;

use crate::budget::{Account, Budget, Holder, Queued, Share};

/// Maximum size of the content of a response that does not count, in bytes: less than the connection itself takes.
const SMALL: usize = 4 * 1024;

/// The account of a connection.
#[derive(Debug)]
pub(crate) struct Memory {
    budget: Arc<Budget>,
    account: Share,
    holder: Arc<Shed>,
    scale: Scale,
}

/// Tells whether the connection was chosen to be shed.
#[derive(Debug)]
struct Shed(watch::Sender<bool>);

impl Holder for Shed {
    fn shed(&self) {
        self.0.send_replace(true);
    }
}

/// Counts the content of the responses of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    account: Arc<Account>,
    /// Number of [`Outgoing`] ones.
    outgoing: Arc<AtomicUsize>,
}

impl Scale {
    /// Counts these bytes for as long as they are kept, unless they are few.
    pub(crate) fn outgoing(&self, bytes: Bytes) -> Bytes {
        if bytes.len() <= SMALL {
            return bytes;
        }
        self.outgoing.fetch_add(1, Ordering::AcqRel);
        self.account.charge(bytes.len());
        Bytes::from_owner(Outgoing {
            bytes,
            scale: self.clone(),
        })
    }
}

/// The content of a response that counts until it is sent, or its connection is over.
#[derive(Debug)]
struct Outgoing {
    bytes: Bytes,
    scale: Scale,
}

impl AsRef<[u8]> for Outgoing {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.scale.outgoing.fetch_sub(1, Ordering::AcqRel);
        self.scale.account.release(self.bytes.len());
    }
}

impl Memory {
    pub(crate) fn open(budget: &Arc<Budget>, ip: IpAddr) -> Self {
        let holder = Arc::new(Shed(watch::channel(false).0));
        let account = budget.open(ip);
        let weak = Arc::downgrade(&holder);
        account.0.set_holder(weak);
        let scale = Scale {
            account: account.0.clone(),
            outgoing: Arc::default(),
        };
        Self {
            budget: budget.clone(),
            account,
            holder,
            scale,
        }
    }

    /// Waits until the connection has to give up what it holds.
    pub(crate) async fn shed(&self) {
        let mut shed = self.holder.0.subscribe();
        // The sender lives as long as this.
        let _ = shed.wait_for(|shed| *shed).await;
    }

    /// What counts the content of responses.
    pub(crate) fn scale(&self) -> Scale {
        self.scale.clone()
    }

    /// Whether a response that counts is being sent. Then nothing but the end of the connection frees its memory.
    pub(crate) fn is_sending(&self) -> bool {
        self.scale.outgoing.load(Ordering::Acquire) > 0
    }

    /// Begins to count a body.
    pub(crate) fn charge(&self) -> Charge<'_> {
        Charge { memory: self, bytes: 0 }
    }

    /// Counts a request that waits for the main thread, once there is room. It counts until the returned value is
    /// dropped, also if the connection is over by then.
    pub(crate) async fn queue(&self, bytes: usize) -> Queued {
        if self.budget.is_queue_full() {
            let _waiting = Waiting(self);
            poll_fn(|cx| match self.account.0.wait_for_queue(cx.waker()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
        }
        self.budget.queue(bytes)
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
