//! A fixed number of places that no single address can use up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::source::Source;

/// Places handed out in order of arrival until half of them are taken. From then on, an address that already holds a
/// quarter gets no more.
#[derive(Debug, Clone)]
pub(crate) struct Shares(Arc<Mutex<Taken>>);

#[derive(Debug)]
struct Taken {
    most: usize,
    all: usize,
    by_source: HashMap<Source, usize>,
}

/// One place, freed on drop.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Shares,
    source: Option<Source>,
}

impl Shares {
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Mutex::new(Taken {
            most: most.max(1),
            all: 0,
            by_source: HashMap::new(),
        })))
    }

    /// Takes a place for the address, if one is available to it. `None` stands for many addresses, such as those behind
    /// a proxy, which may take all places.
    pub(crate) fn take(&self, source: Option<Source>) -> Option<Share> {
        let mut taken = self.taken();
        let own = source.and_then(|source| taken.by_source.get(&source).copied());
        let own = own.unwrap_or(0);
        let is_tight = taken.all >= taken.most.div_ceil(2);
        if taken.all >= taken.most || (is_tight && own >= (taken.most / 4).max(1)) {
            return None;
        }
        taken.all += 1;
        if let Some(source) = source {
            *taken.by_source.entry(source).or_default() += 1;
        }
        drop(taken);
        Some(Share {
            shares: self.clone(),
            source,
        })
    }

    /// Whether half of the places are taken.
    pub(crate) fn is_tight(&self) -> bool {
        let taken = self.taken();
        taken.all >= taken.most.div_ceil(2)
    }

    /// Number of places taken.
    pub(crate) fn taken_places(&self) -> usize {
        self.taken().all
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        taken.all -= 1;
        let Some(source) = self.source else { return };
        if let Some(own) = taken.by_source.get_mut(&source) {
            *own -= 1;
            if *own == 0 {
                taken.by_source.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_gets_half_and_leaves_the_rest() {
        let shares = Shares::new(8);
        let take = |n: u32| shares.take(Some(Source::V4(n)));
        let greedy: Vec<_> = std::iter::from_fn(|| take(1)).collect();
        assert_eq!(greedy.len(), 4);
        let second: Vec<_> = std::iter::from_fn(|| take(2)).collect();
        assert_eq!(second.len(), 2);
        let _third = (take(3).expect("a place"), take(4).expect("a place"));
        assert!(take(5).is_none(), "all are taken");
        drop(greedy);
        assert!(take(5).is_some());
        drop(second);
        assert_eq!(shares.taken().by_source.len(), 2, "who has none is forgotten");
    }

    #[test]
    fn a_proxy_may_take_all() {
        let shares = Shares::new(8);
        let many: Vec<_> = std::iter::from_fn(|| shares.take(None)).collect();
        assert_eq!(many.len(), 8);
        drop(many);
        assert!(shares.take(Some(Source::V4(1))).is_some());
    }

    #[test]
    fn a_single_place_is_for_anybody() {
        let shares = Shares::new(1);
        let only = shares.take(Some(Source::V4(1))).expect("a place");
        assert!(shares.take(Some(Source::V4(2))).is_none());
        drop(only);
        assert!(shares.take(Some(Source::V4(2))).is_some());
    }
}
