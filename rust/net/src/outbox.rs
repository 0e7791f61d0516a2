//! The path from the main thread to one socket's task: its queue of commands, and the number of bytes in them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

use bytes::BytesMut;
use futures_util::task::AtomicWaker;

use crate::budget::{Account, Holder};
use crate::command::TcpCommand;
use crate::error::SendError;
use crate::wakes;

/// Maximum size in bytes of a block shared by consecutive small sends: one allocation and one copy for many messages.
pub(crate) const COALESCE: usize = 16 * 1024;

/// The commands of one socket that its task has not taken yet.
#[derive(Debug)]
pub(crate) struct Outbox<C = TcpCommand> {
    queue: Mutex<VecDeque<C>>,
    /// Bytes accepted and not yet handed to the system.
    pending: AtomicUsize,
    /// The account that the bytes are also charged to.
    account: Option<Arc<Account>>,
    task: AtomicWaker,
    /// The task has ended and nothing more is accepted. Read and written with the queue locked.
    closed: AtomicBool,
}

impl Holder for Outbox {
    fn shed(&self) {
        self.push(TcpCommand::Shed);
    }
}

impl Outbox {
    /// Creates an outbox whose bytes are also charged to an account.
    pub(crate) fn of(account: Option<Arc<Account>>) -> Self {
        Self {
            account,
            ..Self::default()
        }
    }

    /// Queues bytes, unless more than `limit` bytes would then be pending.
    pub(crate) fn send(&self, bytes: &[u8], limit: usize) -> Result<(), SendError> {
        // Only this thread adds, so between the check and the addition the number can only fall.
        if self.pending().saturating_add(bytes.len()) > limit {
            return Err(SendError::Full);
        }
        // Charge before locking: a charge may shed this connection, which also needs the lock.
        self.charge(bytes.len());
        let mut queue = self.queue();
        if self.is_closed() {
            drop(queue);
            self.release(bytes.len());
            return Err(SendError::Closed);
        }
        self.pending.fetch_add(bytes.len(), Ordering::AcqRel);
        let was_empty = queue.is_empty();
        match queue.back_mut() {
            Some(TcpCommand::Send(block)) if block.len() + bytes.len() <= COALESCE => block.extend_from_slice(bytes),
            _ => queue.push_back(TcpCommand::Send(BytesMut::from(bytes))),
        }
        let blocks = queue.len();
        drop(queue);
        if was_empty {
            wakes::wake(&self.task);
        } else if blocks > 1 {
            // There is enough for the task to start.
            wakes::flush();
        }
        Ok(())
    }
}

impl<C> Default for Outbox<C> {
    fn default() -> Self {
        Self {
            queue: Mutex::default(),
            pending: AtomicUsize::new(0),
            account: None,
            task: AtomicWaker::new(),
            closed: AtomicBool::new(false),
        }
    }
}

impl<C> Outbox<C> {
    /// Queues a command that counts as `bytes` bytes, unless more than `limit` bytes would then be pending.
    pub(crate) fn push_within(&self, command: C, bytes: usize, limit: usize) -> Result<(), SendError> {
        // As in `send`, only one thread adds.
        if self.pending().saturating_add(bytes) > limit {
            return Err(SendError::Full);
        }
        let mut queue = self.queue();
        if self.is_closed() {
            return Err(SendError::Closed);
        }
        self.pending.fetch_add(bytes, Ordering::AcqRel);
        let was_empty = queue.is_empty();
        queue.push_back(command);
        drop(queue);
        if was_empty {
            wakes::wake(&self.task);
        }
        Ok(())
    }

    /// Queues a command that counts no bytes.
    pub(crate) fn push(&self, command: C) {
        let mut queue = self.queue();
        if self.is_closed() {
            return;
        }
        queue.push_back(command);
        drop(queue);
        wakes::wake(&self.task);
    }

    /// Bytes accepted and not yet handed to the system.
    pub(crate) fn pending(&self) -> usize {
        self.pending.load(Ordering::Acquire)
    }

    /// Reports that the task handed `bytes` bytes to the system, or dropped them.
    pub(crate) fn settle(&self, bytes: usize) {
        self.pending.fetch_sub(bytes, Ordering::AcqRel);
        self.release(bytes);
    }

    fn charge(&self, bytes: usize) {
        if let Some(account) = &self.account {
            account.charge(bytes);
        }
    }

    fn release(&self, bytes: usize) {
        if let Some(account) = &self.account {
            account.release(bytes);
        }
    }

    /// Takes all queued commands; the next one queued wakes the task.
    pub(crate) fn take(&self, cx: &Context<'_>) -> VecDeque<C> {
        self.task.register(cx.waker());
        self.take_now()
    }

    /// Takes all queued commands.
    pub(crate) fn take_now(&self) -> VecDeque<C> {
        std::mem::take(&mut *self.queue())
    }

    /// Closes the outbox when the task has ended: returns what is still queued, and accepts no more.
    pub(crate) fn close(&self) -> VecDeque<C> {
        let mut queue = self.queue();
        self.closed.store(true, Ordering::Relaxed);
        self.release(self.pending.swap(0, Ordering::AcqRel));
        std::mem::take(&mut *queue)
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<C>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
