//! The clients of a listener, in the order of their arrival.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// An ordered list of values with keys. Adding, finding and removing any of them stays cheap in a long list.
pub(crate) struct Roster<K, V> {
    in_order: BTreeMap<u64, (K, V)>,
    numbers: HashMap<K, u64>,
    next: u64,
}

impl<K, V> Default for Roster<K, V> {
    fn default() -> Self {
        Self {
            in_order: BTreeMap::new(),
            numbers: HashMap::new(),
            next: 0,
        }
    }
}

impl<K: Copy + Eq + Hash, V> Roster<K, V> {
    /// Adds a value at the end. The key must be new.
    pub(crate) fn push(&mut self, key: K, value: V) {
        self.in_order.insert(self.next, (key, value));
        self.numbers.insert(key, self.next);
        self.next += 1;
    }

    pub(crate) fn len(&self) -> usize {
        self.in_order.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.in_order.is_empty()
    }

    pub(crate) fn remove(&mut self, key: K) -> Option<V> {
        let number = self.numbers.remove(&key)?;
        self.in_order.remove(&number).map(|(_, value)| value)
    }

    pub(crate) fn pop_first(&mut self) -> Option<V> {
        let (_, (key, value)) = self.in_order.pop_first()?;
        self.numbers.remove(&key);
        Some(value)
    }

    /// All keys, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = K> {
        self.in_order.values().map(|(key, _)| *key)
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(K) -> bool) {
        self.in_order.retain(|_, (key, _)| keep(*key));
        self.numbers.retain(|key, _| keep(*key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_can_go_and_the_others_keep_their_order() {
        let mut roster = Roster::default();
        for key in [7, 3, 9] {
            roster.push(key, key * 10);
        }
        assert_eq!((roster.remove(3), roster.remove(3)), (Some(30), None));
        roster.push(3, 31);
        assert_eq!(roster.keys().collect::<Vec<_>>(), [7, 9, 3]);
        assert_eq!(roster.pop_first(), Some(70));
        roster.retain(|key| key == 3);
        assert_eq!((roster.len(), roster.pop_first()), (1, Some(31)));
        assert!(roster.is_empty() && roster.remove(3).is_none());
    }
}
