//! The memory that a connection takes for the bodies of its requests.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::watch;

use crate::budget::{Budget, Holder, Share};

/// The account of a connection.
#[derive(Debug)]
pub(crate) struct Memory {
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
        Self { account, holder }
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
