//! The properties about who may connect, by address. Both kinds of servers have them.

use std::cell::RefCell;

use async_sockets_net::admission::{AdmissionRules, BlockedAddresses};
use godot::builtin::PackedStringArray;

use crate::convert::{int, size};
use crate::guard::misuse;

/// The rules that hold now, and will for the next start.
#[derive(Default)]
pub(crate) struct Admission {
    rules: RefCell<AdmissionRules>,
    /// As the script wrote them.
    blocked: RefCell<PackedStringArray>,
}

impl Admission {
    pub(crate) fn rules(&self) -> AdmissionRules {
        self.rules.borrow().clone()
    }

    pub(crate) fn max_clients_per_address(&self) -> i64 {
        self.rules.borrow().max_clients_per_address.map_or(0, int)
    }

    /// Says whether the number was taken.
    pub(crate) fn set_max_clients_per_address(&self, class: &str, clients: i64) -> bool {
        let Some(clients) = checked(class, "max_clients_per_address", clients) else {
            return false;
        };
        self.rules.borrow_mut().max_clients_per_address = Some(clients).filter(|&clients| clients > 0);
        true
    }

    pub(crate) fn max_handshakes_per_second(&self) -> i64 {
        self.rules.borrow().max_handshakes_per_second.map_or(0, int)
    }

    /// Says whether the number was taken.
    pub(crate) fn set_max_handshakes_per_second(&self, class: &str, handshakes: i64) -> bool {
        let Some(most) = checked(class, "max_handshakes_per_second_per_address", handshakes) else {
            return false;
        };
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        self.rules.borrow_mut().max_handshakes_per_second = Some(most).filter(|&most| most > 0);
        true
    }

    pub(crate) fn blocked_addresses(&self) -> PackedStringArray {
        self.blocked.borrow().clone()
    }

    /// Takes all entries or, if one is bad, none. Says whether they were taken.
    pub(crate) fn set_blocked_addresses(&self, class: &str, addresses: PackedStringArray) -> bool {
        match BlockedAddresses::parse(addresses.as_slice().iter().map(ToString::to_string)) {
            Ok(blocked) => {
                self.rules.borrow_mut().blocked = blocked;
                self.blocked.replace(addresses);
                true
            }
            Err(error) => {
                misuse(&format!("{class}.blocked_addresses: {error}; nothing is changed"));
                false
            }
        }
    }
}

fn checked(class: &str, name: &str, number: i64) -> Option<usize> {
    let checked = size(number, 0);
    if checked.is_none() {
        misuse(&format!("{class}.{name}: {number} is outside 0..2147483647"));
    }
    checked
}
