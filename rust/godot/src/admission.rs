//! The properties of servers that limit and block clients by address.

use std::cell::RefCell;

use async_sockets_net::admission::{AdmissionRules, BlockedAddresses};
use godot::builtin::PackedStringArray;

use crate::convert::{int, size};

/// The rules for a running server and for the next start.
#[derive(Default)]
pub(crate) struct Admission {
    rules: RefCell<AdmissionRules>,
    /// The entries as the script wrote them.
    blocked: RefCell<PackedStringArray>,
}

impl Admission {
    pub(crate) fn rules(&self) -> AdmissionRules {
        self.rules.borrow().clone()
    }

    pub(crate) fn max_clients_per_address(&self) -> i64 {
        self.rules.borrow().max_clients_per_address.map_or(0, int)
    }

    /// Sets the limit; the error is in words.
    pub(crate) fn set_max_clients_per_address(&self, clients: i64) -> Result<(), String> {
        let clients = checked(clients)?;
        self.rules.borrow_mut().max_clients_per_address = Some(clients).filter(|&clients| clients > 0);
        Ok(())
    }

    pub(crate) fn max_handshakes_per_second(&self) -> i64 {
        self.rules.borrow().max_handshakes_per_second.map_or(0, int)
    }

    /// Sets the limit; the error is in words.
    pub(crate) fn set_max_handshakes_per_second(&self, handshakes: i64) -> Result<(), String> {
        let most = u32::try_from(checked(handshakes)?).unwrap_or(u32::MAX);
        self.rules.borrow_mut().max_handshakes_per_second = Some(most).filter(|&most| most > 0);
        Ok(())
    }

    pub(crate) fn blocked_addresses(&self) -> PackedStringArray {
        self.blocked.borrow().clone()
    }

    /// Sets all entries; if one is invalid, nothing changes and the error names it in words.
    pub(crate) fn set_blocked_addresses(&self, addresses: PackedStringArray) -> Result<(), String> {
        let blocked = BlockedAddresses::parse(addresses.as_slice().iter().map(ToString::to_string))
            .map_err(|error| format!("{error}; nothing is changed"))?;
        self.rules.borrow_mut().blocked = blocked;
        self.blocked.replace(addresses);
        Ok(())
    }
}

fn checked(number: i64) -> Result<usize, String> {
    size(number, 0).ok_or_else(|| format!("{number} is outside 0..2147483647"))
}
