//! Handshakes in progress on a server. When there are too many, an incomplete one is ended to make room for the next
//! connection, so that silent peers cannot lock others out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::admission::Source;

/// Minimum number of places (or all, if there are fewer), no matter how few file descriptors the system has left.
const FEWEST: usize = 64;

/// The handshakes in progress, each in a task of its own.
#[derive(Debug)]
pub(crate) struct Pending(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    table: Mutex<Table<AbortHandle>>,
    /// Notified when a handshake ends.
    fewer: Notify,
}

/// The place of one handshake, held by its task. Dropped when the handshake is over.
#[derive(Debug)]
pub(crate) struct Place {
    shared: Arc<Shared>,
    number: u64,
}

impl Pending {
    /// Allows up to `most` handshakes at once, at least 1.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Shared {
            table: Mutex::new(Table::new(most.max(1))),
            fewer: Notify::new(),
        }))
    }

    /// Waits until a place is free, or can be freed by ending an incomplete handshake.
    pub(crate) async fn room(&self) {
        while !self.0.table().has_room() {
            self.0.fewer.notified().await;
        }
    }

    /// Starts a handshake. If no place is free, ends another one to make room, and returns whether it did.
    pub(crate) fn start<F>(&self, source: Source, handshake: impl FnOnce(Place) -> F) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (number, displaced) = self.0.table().enter(source);
        if let Some(task) = &displaced {
            task.abort();
        }
        let place = Place {
            shared: self.0.clone(),
            number,
        };
        let task = tokio::spawn(handshake(place)).abort_handle();
        self.0.table().set_task(number, task);
        displaced.is_some()
    }

    /// Ends some of the incomplete handshakes, because the system is out of file descriptors, in the order in which
    /// they would have to make room. Fewer places are available from then on. Returns how many handshakes it ended.
    pub(crate) fn thin_out(&self) -> usize {
        let tasks = self.0.table().thin_out();
        tasks.iter().for_each(AbortHandle::abort);
        tasks.len()
    }

    /// Ends all handshakes.
    pub(crate) fn end(&self) {
        let entries = std::mem::take(&mut self.0.table().entries);
        entries
            .values()
            .filter_map(|entry| entry.task.as_ref())
            .for_each(AbortHandle::abort);
    }
}

impl Place {
    /// Notes that the peer has sent something.
    pub(crate) fn spoke(&self) {
        self.shared.table().set_stage(self.number, Stage::Speaking);
    }

    /// Notes that the peer has done its part, so that this handshake no longer makes room for others. Returns `false`
    /// if it already had to.
    pub(crate) fn complete(&self) -> bool {
        self.shared.table().set_stage(self.number, Stage::Complete)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.table().leave(self.number);
        self.shared.fewer.notify_one();
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table<AbortHandle>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far a handshake has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing has been received.
    Silent,
    /// Something has been received, but not everything.
    Speaking,
    /// Everything has been received; the rest is up to this side.
    Complete,
}

/// The handshakes in progress, and the order in which they make room.
#[derive(Debug)]
struct Table<T> {
    /// Number of places while the system has enough file descriptors.
    full: usize,
    /// Number of places now: reduced when the system runs out of file descriptors, and raised by one for each handshake
    /// that completes.
    most: usize,
    next: u64,
    entries: HashMap<u64, Entry<T>>,
    sources: HashMap<Source, Held>,
    /// The sources with incomplete handshakes. The one that holds most comes last; among equals, the one with the
    /// oldest incomplete handshake.
    ranks: BTreeMap<Rank, Source>,
}

type Rank = (usize, Reverse<u64>);

#[derive(Debug)]
struct Entry<T> {
    source: Source,
    stage: Stage,
    /// `None` until the task has been spawned.
    task: Option<T>,
}

/// The handshakes of one source, by number. A lower number is older.
#[derive(Debug, Default)]
struct Held {
    silent: BTreeSet<u64>,
    speaking: BTreeSet<u64>,
    complete: usize,
}

impl Held {
    fn count(&self) -> usize {
        self.silent.len() + self.speaking.len() + self.complete
    }

    fn rank(&self) -> Option<Rank> {
        let oldest = self.silent.first().into_iter().chain(self.speaking.first()).min()?;
        Some((self.count(), Reverse(*oldest)))
    }
}

impl<T> Table<T> {
    fn new(most: usize) -> Self {
        Self {
            full: most,
            most,
            next: 0,
            entries: HashMap::new(),
            sources: HashMap::new(),
            ranks: BTreeMap::new(),
        }
    }

    fn has_room(&self) -> bool {
        self.entries.len() < self.most || !self.ranks.is_empty()
    }

    /// Adds a handshake. Returns its number, and the task of the handshake that has to make room for it, if any.
    fn enter(&mut self, source: Source) -> (u64, Option<T>) {
        let displaced = if self.entries.len() < self.most {
            None
        } else {
            self.displace()
        };
        let number = self.next;
        self.next += 1;
        self.entries.insert(
            number,
            Entry {
                source,
                stage: Stage::Silent,
                task: None,
            },
        );
        self.change(source, |held| {
            held.silent.insert(number);
        });
        (number, displaced)
    }

    fn set_task(&mut self, number: u64, task: T) {
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.task = Some(task);
        }
    }

    /// Returns `false` if the handshake is gone.
    fn set_stage(&mut self, number: u64, stage: Stage) -> bool {
        let Some(entry) = self.entries.get_mut(&number) else {
            return false;
        };
        let before = std::mem::replace(&mut entry.stage, stage);
        let source = entry.source;
        if stage == Stage::Complete {
            self.most = (self.most + 1).min(self.full);
        }
        self.change(source, |held| {
            held.take(number, before);
            held.put(number, stage);
        });
        true
    }

    fn leave(&mut self, number: u64) -> Option<T> {
        let entry = self.entries.remove(&number)?;
        self.change(entry.source, |held| held.take(number, entry.stage));
        entry.task
    }

    /// Removes an incomplete handshake of the source that holds most. Silent handshakes and those that have received
    /// something are two kinds; the oldest of the more numerous kind is removed. A crowd of either kind therefore
    /// displaces only itself: the few in the middle of a real handshake are safe from silent ones, and the few that
    /// have just arrived, with their first bytes still in flight, are safe from those that sent one byte and stopped.
    fn displace(&mut self) -> Option<T> {
        let (_, source) = self.ranks.last_key_value()?;
        let held = self.sources.get(source)?;
        let kind = if held.silent.len() >= held.speaking.len() {
            &held.silent
        } else {
            &held.speaking
        };
        let number = *kind.first()?;
        self.leave(number)
    }

    /// Removes up to a sixteenth of the handshakes, and reduces the places to the number that remain, but at least
    /// [`FEWEST`].
    fn thin_out(&mut self) -> Vec<T> {
        let count = self.entries.len().div_ceil(16);
        let tasks: Vec<_> = std::iter::from_fn(|| self.displace()).take(count).collect();
        if !tasks.is_empty() {
            self.most = self.entries.len().max(self.full.min(FEWEST));
        }
        tasks
    }

    fn change(&mut self, source: Source, change: impl FnOnce(&mut Held)) {
        let held = self.sources.entry(source).or_default();
        if let Some(rank) = held.rank() {
            self.ranks.remove(&rank);
        }
        change(held);
        if let Some(rank) = held.rank() {
            self.ranks.insert(rank, source);
        }
        if held.count() == 0 {
            self.sources.remove(&source);
        }
    }
}

impl Held {
    fn put(&mut self, number: u64, stage: Stage) {
        match stage {
            Stage::Silent => _ = self.silent.insert(number),
            Stage::Speaking => _ = self.speaking.insert(number),
            Stage::Complete => self.complete += 1,
        }
    }

    fn take(&mut self, number: u64, stage: Stage) {
        match stage {
            Stage::Silent => _ = self.silent.remove(&number),
            Stage::Speaking => _ = self.speaking.remove(&number),
            Stage::Complete => self.complete -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREEDY: Source = Source::V4(1);
    const MODEST: Source = Source::V4(2);

    /// A table in which each task is the number of its handshake.
    struct Door {
        table: Table<u64>,
    }

    impl Door {
        fn new(most: usize) -> Self {
            Self {
                table: Table::new(most),
            }
        }

        /// Adds a handshake. Returns the one that had to make room.
        fn come(&mut self, source: Source) -> Option<u64> {
            let (number, displaced) = self.table.enter(source);
            self.table.set_task(number, number);
            displaced
        }
    }

    #[test]
    fn the_oldest_of_the_greediest_makes_room() {
        let mut door = Door::new(4);
        assert_eq!(door.come(MODEST), None);
        for _ in 0..3 {
            assert_eq!(door.come(GREEDY), None);
        }
        // The modest source's handshake is the oldest of all, and stays.
        for oldest in 1..10 {
            assert_eq!(door.come(GREEDY), Some(oldest));
        }
        // A second one of the modest source, half of the places, displaces a greedy one too.
        assert_eq!(door.come(MODEST), Some(10));
        assert_eq!(door.table.sources[&MODEST].count(), 2);
    }

    #[test]
    fn among_equals_the_oldest_makes_room() {
        let mut door = Door::new(3);
        for n in [7, 3, 5] {
            assert_eq!(door.come(Source::V4(n)), None);
        }
        assert_eq!(door.come(Source::V4(4)), Some(0));
        assert_eq!(door.come(Source::V4(1)), Some(1));
        assert_eq!(door.come(Source::V4(9)), Some(2));
    }

    #[test]
    fn a_crowd_of_silent_ones_does_not_displace_who_has_spoken() {
        let mut door = Door::new(4);
        door.come(GREEDY);
        assert!(door.table.set_stage(0, Stage::Speaking));
        for _ in 1..4 {
            door.come(GREEDY);
        }
        for oldest in 1..20 {
            assert_eq!(door.come(GREEDY), Some(oldest));
        }
        assert!(door.table.set_stage(0, Stage::Complete));
        assert!(!door.table.set_stage(1, Stage::Complete), "it is gone");
    }

    #[test]
    fn a_crowd_of_half_requests_does_not_displace_who_has_just_come() {
        let mut door = Door::new(4);
        for number in 0..4 {
            door.come(GREEDY);
            door.table.set_stage(number, Stage::Speaking);
        }
        // A genuine client, whose request is in flight.
        assert_eq!(door.come(GREEDY), Some(0));
        for oldest in [1, 2, 3, 5, 6] {
            assert_eq!(door.come(GREEDY), Some(oldest));
            let newest = door.table.next - 1;
            door.table.set_stage(newest, Stage::Speaking);
        }
        assert!(door.table.set_stage(4, Stage::Complete), "still there");
    }

    #[test]
    fn who_is_complete_is_never_sent_away() {
        let mut door = Door::new(2);
        door.come(GREEDY);
        door.come(GREEDY);
        assert!(door.table.set_stage(0, Stage::Complete));
        assert_eq!(door.come(MODEST), Some(1));
        assert!(door.table.set_stage(2, Stage::Complete));
        assert!(!door.table.has_room(), "nobody can make room");
        door.table.leave(0);
        assert!(door.table.has_room());
    }

    #[test]
    fn out_of_descriptors_there_are_fewer_places_for_a_while() {
        let mut door = Door::new(400);
        for _ in 0..320 {
            assert_eq!(door.come(GREEDY), None);
        }
        assert_eq!(door.table.thin_out(), Vec::from_iter(0..20));
        assert_eq!(door.come(GREEDY), Some(20), "as many as are left");
        assert!(door.table.set_stage(21, Stage::Complete));
        assert_eq!(door.come(GREEDY), None, "one more");
        for number in 22..400 {
            door.table.leave(number);
        }
        door.come(GREEDY);
        assert_eq!(door.table.thin_out().len(), 1);
        assert_eq!(door.table.most, FEWEST);
    }

    #[test]
    fn nothing_is_left_behind() {
        let mut door = Door::new(8);
        for n in 0..1000 {
            door.come(Source::V4(n % 37));
            door.table.set_stage(u64::from(n) - u64::from(n % 3), Stage::Speaking);
            if n % 5 == 0 {
                door.table.leave(u64::from(n));
            }
        }
        for number in 0..1000 {
            door.table.leave(number);
        }
        let table = door.table;
        assert!(table.entries.is_empty() && table.sources.is_empty() && table.ranks.is_empty());
    }
}
