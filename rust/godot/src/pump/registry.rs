//! The sockets that are open, by id.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::{Rc, Weak};

use async_sockets_net::mailbox::SocketId;

use crate::socket::{Socket, SocketKey};

/// A socket under one of its ids.
struct Registered {
    key: SocketKey,
    socket: Weak<dyn Socket>,
}

#[derive(Default)]
pub(super) struct Registry {
    sockets: RefCell<HashMap<SocketId, Registered>>,
    /// The ids of each socket; more than one while servers of an earlier start are still stopping.
    ids: RefCell<HashMap<SocketKey, Vec<SocketId>>>,
    /// Those that have no id, as they only own others.
    owners: RefCell<HashMap<SocketKey, Weak<dyn Socket>>>,
}

impl Registry {
    pub(super) fn add(&self, id: SocketId, socket: &Rc<dyn Socket>) {
        let key = socket.base().key();
        let socket = Rc::downgrade(socket);
        self.sockets.borrow_mut().insert(id, Registered { key, socket });
        self.ids.borrow_mut().entry(key).or_default().push(id);
    }

    pub(super) fn remove(&self, id: SocketId) {
        let Some(Registered { key, .. }) = self.sockets.borrow_mut().remove(&id) else {
            return;
        };
        if let Entry::Occupied(mut ids) = self.ids.borrow_mut().entry(key) {
            ids.get_mut().retain(|&other| other != id);
            if ids.get().is_empty() {
                ids.remove();
            }
        }
    }

    pub(super) fn add_owner(&self, socket: &Rc<dyn Socket>) {
        let (key, socket) = (socket.base().key(), Rc::downgrade(socket));
        self.owners.borrow_mut().insert(key, socket);
    }

    pub(super) fn remove_owner(&self, key: SocketKey) {
        self.owners.borrow_mut().remove(&key);
    }

    pub(super) fn get(&self, id: SocketId) -> Option<Rc<dyn Socket>> {
        self.sockets.borrow().get(&id)?.socket.upgrade()
    }

    pub(super) fn find(&self, key: SocketKey) -> Option<Rc<dyn Socket>> {
        let id = self.ids.borrow().get(&key).and_then(|ids| ids.last().copied());
        match id {
            Some(id) => self.get(id),
            None => self.owners.borrow().get(&key)?.upgrade(),
        }
    }

    /// Each of them once, whatever number of ids it has.
    pub(super) fn all(&self) -> Vec<Rc<dyn Socket>> {
        let (sockets, ids) = (self.sockets.borrow(), self.ids.borrow());
        let last_ids = ids.values().filter_map(|ids| ids.last());
        let named = last_ids.filter_map(|id| sockets.get(id));
        named.filter_map(|named| named.socket.upgrade()).collect()
    }
}
