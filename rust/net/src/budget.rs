//! A limit on the memory of all connections of one server together, and the choice of those to shed when it is
//! exceeded.
//!
//! Two kinds of bytes are counted. *Held* bytes depend on a peer: an unfinished message, or frames that it does not
//! read. Only the peer, or the end of its connection, frees them. *Queued* bytes wait for the main thread. No
//! connection is shed for those; reading pauses instead.
//!
//! When the limit is exceeded, the connections that hold most are shed until a sixteenth of the limit is free again, so
//! that the search through all accounts happens once per sixteenth and not once per read. Accounts are summed per
//! address first: many connections from one host that hold a little each count as one that holds much.

use std::collections::{BinaryHeap, HashMap};
use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Waker;

use crate::admission::Source;

/// The fraction of the limit (1/16) that is freed in one go.
const STEP: usize = 16;

/// The fraction of the limit (1/4) that queued bytes may take away from held ones.
const QUEUED_PART: usize = 4;

/// A connection that holds no more than this fraction (1/8) of an even share is never shed.
const SMALL_PART: usize = 8;

/// The memory budget of all connections of one server.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    /// Number of queued bytes at which reading pauses.
    max_queued: usize,
    held: AtomicUsize,
    queued: AtomicUsize,
    /// Number of held bytes at which to shed again while those shed last are still closing; 0 if nothing was shed.
    alarm: AtomicUsize,
    next_id: AtomicU64,
    accounts: Mutex<HashMap<u64, Arc<Account>>>,
    /// Tasks to wake when queued bytes fall below `max_queued`.
    waiting: Mutex<Vec<(Arc<Account>, Waker)>>,
}

/// A connection that can be shed.
pub(crate) trait Holder: Send + Sync + Debug {
    /// Makes the connection end soon. Must neither block nor touch its account.
    fn shed(&self);
}

impl Budget {
    /// Creates a budget of `limit` bytes; 0 means no limit. Reading pauses at `max_queued` queued bytes, or at a
    /// quarter of the limit if that is less.
    pub(crate) fn new(limit: usize, max_queued: usize) -> Arc<Self> {
        let limit = if limit == 0 { usize::MAX } else { limit };
        Arc::new(Self {
            limit,
            max_queued: max_queued.min(limit / QUEUED_PART).max(1),
            held: AtomicUsize::new(0),
            queued: AtomicUsize::new(0),
            alarm: AtomicUsize::new(0),
            next_id: AtomicU64::new(0),
            accounts: Mutex::default(),
            waiting: Mutex::default(),
        })
    }

    /// Opens the account of a new connection.
    pub(crate) fn open(self: &Arc<Self>, address: IpAddr) -> Share {
        let account = Arc::new(Account {
            id: self.next_id.fetch_add(1, Ordering::Relaxed),
            budget: self.clone(),
            network: Source::of(address),
            held: AtomicUsize::new(0),
            shared: AtomicUsize::new(0),
            condemned: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            waits: AtomicBool::new(false),
            holder: OnceLock::new(),
        });
        // Without a limit nobody is shed, and nobody is looked for.
        if self.limit != usize::MAX {
            self.accounts().insert(account.id, account.clone());
        }
        Share(account)
    }

    /// Counts held bytes that belong to no single account, until the returned value is dropped.
    pub(crate) fn hold(self: &Arc<Self>, bytes: usize) -> Held {
        self.add(bytes);
        Held(self.clone(), bytes)
    }

    /// Counts bytes that wait for the main thread, until the returned value is dropped.
    pub(crate) fn queue(self: &Arc<Self>, bytes: usize) -> Queued {
        self.queued.fetch_add(bytes, Ordering::AcqRel);
        Queued(self.clone(), bytes)
    }

    /// Returns whether so much is queued that clients with queued messages are not read.
    pub(crate) fn is_queue_full(&self) -> bool {
        self.queued.load(Ordering::Acquire) >= self.max_queued
    }

    /// Returns whether no client is read until the main thread has taken something.
    pub(crate) fn is_clogged(&self) -> bool {
        let queued = self.queued.load(Ordering::Acquire);
        queued >= self.max_queued && queued.saturating_add(self.held.load(Ordering::Acquire)) >= self.limit
    }

    /// All bytes counted now, held and queued.
    pub(crate) fn used(&self) -> usize {
        self.held.load(Ordering::Acquire) + self.queued.load(Ordering::Acquire)
    }

    fn add(&self, bytes: usize) {
        let held = self.count(bytes);
        self.check(held);
    }

    fn count(&self, bytes: usize) -> usize {
        self.held.fetch_add(bytes, Ordering::AcqRel) + bytes
    }

    /// Sheds connections if too much is held, at most once per step of the limit.
    fn check(&self, held: usize) {
        if held <= self.room() {
            if self.alarm.load(Ordering::Relaxed) != 0 {
                self.alarm.store(0, Ordering::Relaxed);
            }
        } else if held >= self.alarm.load(Ordering::Relaxed) {
            self.shed();
        }
    }

    fn sub(&self, bytes: usize) {
        let held = self.held.fetch_sub(bytes, Ordering::AcqRel).saturating_sub(bytes);
        // Lower the alarm too: what a shed connection held must not mask what is charged later.
        if self.alarm.load(Ordering::Relaxed) != 0 {
            self.alarm
                .fetch_min(held.saturating_add(self.room() / STEP), Ordering::Relaxed);
        }
    }

    /// Number of bytes that may be held.
    fn room(&self) -> usize {
        self.limit - self.queued.load(Ordering::Relaxed).min(self.limit / QUEUED_PART)
    }

    /// Sheds the connections that hold most.
    fn shed(&self) {
        let accounts = self.accounts();
        let held = self.held.load(Ordering::Acquire);
        let room = self.room();
        // Another thread may have shed in the meantime.
        if held <= room || held < self.alarm.load(Ordering::Relaxed) {
            return;
        }
        self.alarm.store(held + room / STEP, Ordering::Relaxed);
        let small = room / SMALL_PART / accounts.len().max(1);
        let mut going = 0;
        let mut networks: HashMap<Source, (usize, Vec<_>)> = HashMap::new();
        for account in accounts.values() {
            let holds = account.holds();
            if account.condemned.load(Ordering::Acquire) {
                going += account.held.load(Ordering::Acquire);
            } else if holds > small {
                let (sum, theirs) = networks.entry(account.network).or_default();
                *sum += holds;
                theirs.push((holds, account));
            }
        }
        let mut networks: Vec<_> = networks.into_values().collect();
        for (_, theirs) in &mut networks {
            theirs.sort_unstable_by_key(|(holds, account)| (*holds, account.id));
        }
        let mut order: BinaryHeap<_> = networks.iter().enumerate().map(|(at, (sum, _))| (*sum, at)).collect();
        let mut excess = held.saturating_sub(going + (room - room / STEP));
        let mut ended = Vec::new();
        while excess > 0
            && let Some((sum, at)) = order.pop()
        {
            let Some((holds, account)) = networks[at].1.pop() else {
                continue;
            };
            excess = excess.saturating_sub(holds);
            order.push((sum - holds, at));
            account.condemned.store(true, Ordering::Release);
            ended.extend(account.holder.get().and_then(Weak::upgrade));
        }
        drop(networks);
        drop(accounts);
        ended.iter().for_each(|holder| holder.shed());
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<u64, Arc<Account>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(Arc<Account>, Waker)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The memory account of one connection.
#[derive(Debug)]
pub(crate) struct Account {
    id: u64,
    budget: Arc<Budget>,
    network: Source,
    held: AtomicUsize,
    /// Bytes shared with other connections, which are counted by [`Held`].
    shared: AtomicUsize,
    /// It was chosen to be shed.
    condemned: AtomicBool,
    closed: AtomicBool,
    /// It is in the budget's `waiting` list.
    waits: AtomicBool,
    holder: OnceLock<Weak<dyn Holder>>,
}

impl Account {
    /// Sets the connection to shed if this account is the largest. Only the first call has an effect.
    pub(crate) fn set_holder(&self, holder: Weak<dyn Holder>) {
        let _ = self.holder.set(holder);
    }

    /// Adds held bytes.
    pub(crate) fn charge(&self, bytes: usize) {
        if bytes > 0 && !self.closed.load(Ordering::Acquire) {
            // The budget first, so that a connection that ends in between gives back only what the budget has counted.
            let held = self.budget.count(bytes);
            self.held.fetch_add(bytes, Ordering::AcqRel);
            self.budget.check(held);
        }
    }

    /// Subtracts held bytes, at most as many as are still charged.
    pub(crate) fn release(&self, bytes: usize) {
        let fewer = |held: usize| Some(held.saturating_sub(bytes));
        if let Ok(held) = self.held.fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer) {
            self.budget.sub(held.min(bytes));
        }
    }

    /// Changes the number of bytes charged for something from `before` to `after`.
    pub(crate) fn recharge(&self, before: usize, after: usize) {
        if after > before {
            self.charge(after - before);
        } else {
            self.release(before - after);
        }
    }

    /// Adds bytes that are shared with other connections and counted once for all of them.
    pub(crate) fn share(&self, bytes: usize) {
        self.shared.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Undoes [`Self::share`].
    pub(crate) fn unshare(&self, bytes: usize) {
        let fewer = |shared: usize| Some(shared.saturating_sub(bytes));
        let _ = self.shared.fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer);
    }

    /// Wakes the task once queued bytes fall below their limit. Returns whether they are below it already.
    pub(crate) fn wait_for_queue(self: &Arc<Self>, waker: &Waker) -> bool {
        if !self.waits.swap(true, Ordering::AcqRel) {
            self.budget.waiting().push((self.clone(), waker.clone()));
        }
        !self.budget.is_queue_full()
    }

    /// Undoes [`Self::wait_for_queue`], as the connection is over: its task is not kept until something is taken.
    pub(crate) fn stop_waiting(&self) {
        if self.waits.swap(false, Ordering::AcqRel) {
            let own = {
                let mut waiting = self.budget.waiting();
                let at = waiting.iter().position(|(account, _)| account.id == self.id);
                at.map(|at| waiting.swap_remove(at))
            };
            drop(own);
        }
    }

    fn holds(&self) -> usize {
        self.held.load(Ordering::Acquire) + self.shared.load(Ordering::Acquire)
    }

    /// Gives everything back, since the connection is over.
    pub(crate) fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            self.budget.accounts().remove(&self.id);
        }
        self.release(usize::MAX);
    }
}

impl Drop for Account {
    /// A charge may have raced with `close`.
    fn drop(&mut self) {
        self.release(usize::MAX);
    }
}

/// An account that is closed on drop.
#[derive(Debug)]
pub(crate) struct Share(pub(crate) Arc<Account>);

impl Drop for Share {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Held bytes that belong to no single account.
#[derive(Debug)]
pub(crate) struct Held(Arc<Budget>, usize);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.sub(self.1);
    }
}

/// Bytes that wait for the main thread, or that it has taken and not dropped yet.
#[derive(Debug)]
pub(crate) struct Queued(Arc<Budget>, usize);

impl Queued {
    /// Takes over the bytes of another value.
    pub(crate) fn absorb(&mut self, mut other: Self) {
        self.1 += std::mem::take(&mut other.1);
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        let Self(budget, bytes) = self;
        let before = budget.queued.fetch_sub(*bytes, Ordering::AcqRel);
        if before >= budget.max_queued && before - *bytes < budget.max_queued {
            let waiting = std::mem::take(&mut *budget.waiting());
            for (account, waker) in waiting {
                account.waits.store(false, Ordering::Release);
                waker.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Debug, Default)]
    struct Count(AtomicUsize);

    impl Count {
        fn get(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    impl Holder for Count {
        fn shed(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn client(budget: &Arc<Budget>, host: u8) -> (Share, Arc<Count>) {
        client_at(budget, IpAddr::from([10, 0, 0, host]))
    }

    fn client_at(budget: &Arc<Budget>, address: IpAddr) -> (Share, Arc<Count>) {
        let share = budget.open(address);
        let count = Arc::<Count>::default();
        share.0.set_holder(Arc::downgrade(&count) as Weak<dyn Holder>);
        (share, count)
    }

    #[test]
    fn the_largest_goes_and_the_others_stay() {
        let budget = Budget::new(1600, usize::MAX);
        let (small, small_ended) = client(&budget, 1);
        let (large, large_ended) = client(&budget, 2);
        let (other, other_ended) = client(&budget, 3);
        small.0.charge(300);
        large.0.charge(900);
        other.0.charge(400);
        assert_eq!(budget.used(), 1600);
        assert_eq!(large_ended.get(), 0);
        small.0.charge(10);
        assert_eq!((small_ended.get(), large_ended.get(), other_ended.get()), (0, 1, 0));
        // It is closing already: no other is shed for its bytes, and it is told only once.
        other.0.charge(300);
        assert_eq!((small_ended.get(), large_ended.get(), other_ended.get()), (0, 1, 0));
        drop(large);
        assert_eq!(budget.used(), 1010);
        drop((small, other));
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_charge_that_was_shed_hides_no_later_one() {
        let budget = Budget::new(1600, usize::MAX);
        let (first, first_ended) = client(&budget, 1);
        first.0.charge(16_000);
        assert_eq!(first_ended.get(), 1);
        drop(first);
        let (second, second_ended) = client(&budget, 2);
        second.0.charge(1700);
        assert_eq!(second_ended.get(), 1);
    }

    #[test]
    fn many_of_one_address_are_one() {
        let budget = Budget::new(16_000, usize::MAX);
        let (honest, honest_ended) = client(&budget, 1);
        honest.0.charge(1500);
        let crowd: Vec<_> = (0..20).map(|_| client(&budget, 2)).collect();
        for (share, _) in &crowd {
            share.0.charge(750);
        }
        assert_eq!(honest_ended.get(), 0);
        let ended = crowd.iter().filter(|(_, ended)| ended.get() > 0).count();
        assert!((1..=3).contains(&ended), "{ended}");
    }

    #[test]
    fn link_local_addresses_are_one_by_one() {
        let budget = Budget::new(16_000, usize::MAX);
        let neighbours: Vec<_> = (0..20)
            .map(|n| client_at(&budget, format!("fe80::{n}").parse().expect("an address")))
            .collect();
        let (large, large_ended) = client_at(&budget, "10.0.0.1".parse().expect("an address"));
        for (share, _) in &neighbours {
            share.0.charge(500);
        }
        large.0.charge(6500);
        assert_eq!(large_ended.get(), 1);
        assert!(neighbours.iter().all(|(_, ended)| ended.get() == 0));
    }

    #[test]
    fn nobody_goes_for_what_the_main_thread_has_not_taken() {
        let budget = Budget::new(1600, 400);
        let (client, ended) = client(&budget, 1);
        let queued = budget.queue(5000);
        client.0.charge(1200);
        assert_eq!(ended.get(), 0);
        assert!(budget.is_clogged());
        let woken = Arc::<Count>::default();
        assert!(!client.0.wait_for_queue(&woken.clone().into()));
        assert!(!client.0.wait_for_queue(&woken.clone().into()));
        drop(queued);
        assert_eq!(woken.get(), 1);
        assert!(!budget.is_clogged());
        client.0.charge(401);
        assert_eq!(ended.get(), 1);
    }

    #[test]
    fn small_holders_stay_whatever_is_shared() {
        let budget = Budget::new(1600, usize::MAX);
        let (small, small_ended) = client(&budget, 1);
        let (reader, reader_ended) = client(&budget, 2);
        small.0.charge(10);
        let block = budget.hold(1590);
        reader.0.share(1590);
        reader.0.charge(50);
        assert_eq!((small_ended.get(), reader_ended.get()), (0, 1));
        drop(block);
        assert_eq!(budget.used(), 60);
    }

    #[test]
    fn no_limit_ends_nobody() {
        let budget = Budget::new(0, usize::MAX);
        let (client, ended) = client(&budget, 1);
        client.0.charge(usize::MAX / 4);
        assert_eq!(ended.get(), 0);
    }

    #[test]
    fn a_connection_that_is_over_no_longer_waits() {
        let budget = Budget::new(0, 10);
        let (gone, _) = client(&budget, 1);
        let queued = budget.queue(10);
        let task = Arc::<Count>::default();
        assert!(!gone.0.wait_for_queue(&task.clone().into()));
        gone.0.stop_waiting();
        gone.0.stop_waiting();
        assert_eq!(Arc::strong_count(&task), 1);
        drop(queued);
        assert_eq!(task.get(), 0);
    }
}
