//! Whether signals have connections, and the sockets that wait for one.

use std::cell::{OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use godot::builtin::{StringName, Variant};
use godot::classes::Object;
use godot::meta::ToGodot;

use super::Pump;
use crate::socket::Socket;

/// Maximum number of waiting sockets that are checked in a frame.
const MAX_CHECKED: usize = 1000;

/// Asks the engine: by `Object.has_connections()` where it exists (Godot 4.5 and newer), since a list of all
/// connections costs as much as an emission.
pub(crate) struct Ears {
    has_connections: StringName,
    is_there: OnceCell<bool>,
    /// Sockets with something pending for a signal that had no connection.
    waiting: RefCell<VecDeque<Weak<dyn Socket>>>,
}

impl Ears {
    pub(crate) fn new() -> Self {
        Self {
            has_connections: StringName::from("has_connections"),
            is_there: OnceCell::new(),
            waiting: RefCell::default(),
        }
    }

    /// Whether the signal has a connection. Runs no user code.
    pub(crate) fn are_on(&self, object: &mut Object, signal: &StringName) -> bool {
        if *self.is_there.get_or_init(|| object.has_method(&self.has_connections)) {
            let args: [Variant; 1] = [signal.to_variant()];
            object.call(&self.has_connections, &args).booleanize()
        } else {
            !object.get_signal_connection_list(signal).is_empty()
        }
    }
    /// Checks the socket in every frame until its signal has a connection.
    pub(super) fn wait(&self, socket: &Rc<dyn Socket>) {
        if !socket.base().unheard.replace(true) {
            self.waiting.borrow_mut().push_back(Rc::downgrade(socket));
        }
    }

    /// Gives a turn to the waiting sockets whose signal has a connection by now.
    pub(super) fn look(&self, pump: &Pump) {
        let mut left = self.waiting.borrow().len().min(MAX_CHECKED);
        while left > 0 {
            left -= 1;
            let Some(socket) = self.waiting.borrow_mut().pop_front() else {
                return;
            };
            let Some(socket) = socket.upgrade() else { continue };
            match socket.finds_ears(pump) {
                Some(false) => self.waiting.borrow_mut().push_back(Rc::downgrade(&socket)),
                heard => {
                    socket.base().unheard.set(false);
                    if heard.is_some() {
                        pump.schedule(socket);
                    }
                }
            }
        }
    }
}
