//! Named groups of clients, so that one call reaches all members.

use std::collections::{BTreeSet, HashMap};

use super::ClientId;

/// The groups of one server. A client may be in any number of them and leaves them all when it disconnects; a group
/// exists while it has a member.
#[derive(Debug, Default)]
pub struct Groups {
    members: HashMap<String, BTreeSet<ClientId>>,
    /// The names of the groups that each client is in.
    of: HashMap<ClientId, Vec<String>>,
}

impl Groups {
    /// The members of a group, in the order of their ids; none if the group does not exist.
    pub fn members(&self, group: &str) -> impl Iterator<Item = ClientId> {
        self.members.get(group).into_iter().flatten().copied()
    }

    /// The groups that a client is in, in the order in which it joined.
    #[must_use]
    pub fn of(&self, client: ClientId) -> &[String] {
        self.of.get(&client).map_or(&[], Vec::as_slice)
    }

    /// Adds a client to a group. Returns whether it was not a member before.
    pub(crate) fn add(&mut self, client: ClientId, group: &str) -> bool {
        if !self.members.entry(group.to_owned()).or_default().insert(client) {
            return false;
        }
        self.of.entry(client).or_default().push(group.to_owned());
        true
    }

    /// Removes a client from a group. Returns whether it was a member.
    pub(crate) fn remove(&mut self, client: ClientId, group: &str) -> bool {
        let Some(members) = self.members.get_mut(group) else {
            return false;
        };
        let was_in = members.remove(&client);
        if members.is_empty() {
            self.members.remove(group);
        }
        if let Some(names) = self.of.get_mut(&client) {
            names.retain(|name| name != group);
            if names.is_empty() {
                self.of.remove(&client);
            }
        }
        was_in
    }

    /// Removes a client from all groups.
    pub(crate) fn forget(&mut self, client: ClientId) {
        for group in self.of.remove(&client).unwrap_or_default() {
            if let Some(members) = self.members.get_mut(&group) {
                members.remove(&client);
                if members.is_empty() {
                    self.members.remove(&group);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_in_a_group_until_it_leaves_or_is_gone() {
        let mut groups = Groups::default();
        assert!(groups.add(2, "a") && groups.add(1, "a") && groups.add(1, "b"));
        assert!(!groups.add(1, "a"));
        assert_eq!(groups.members("a").collect::<Vec<_>>(), [1, 2]);
        assert_eq!(groups.of(1), ["a", "b"]);
        assert!(groups.remove(2, "a") && !groups.remove(2, "a"));
        groups.forget(1);
        assert_eq!(groups.members("a").count() + groups.members("b").count(), 0);
        assert!(groups.members.is_empty() && groups.of.is_empty());
    }
}
