//! What the process does at SIGTERM and SIGINT. Tokio sets its handlers once and never removes them; here they are
//! exchanged for what was there before, so that the default action comes back, and no handler is left when the library is
//! unloaded.

use std::io;
use std::mem::MaybeUninit;
use std::sync::{Mutex, PoisonError};

/// The action of each signal in [`SIGNALS`].
type Actions = [libc::sigaction; SIGNALS.len()];

const SIGNALS: [libc::c_int; 2] = [libc::SIGTERM, libc::SIGINT];

/// Tokio's handlers.
static HANDLERS: Mutex<Option<Actions>> = Mutex::new(None);

/// What the process did before its signals were caught.
pub(super) struct Before(Actions);

impl Before {
    pub(super) fn now() -> io::Result<Self> {
        present().map(Self)
    }

    pub(super) fn restore(&self) {
        set(&self.0);
    }
}

/// Sets tokio's handlers, after it has set them for the first time.
pub(super) fn install_handlers() -> io::Result<()> {
    let mut handlers = HANDLERS.lock().unwrap_or_else(PoisonError::into_inner);
    match &*handlers {
        Some(handlers) => set(handlers),
        None => *handlers = Some(present()?),
    }
    Ok(())
}

/// Has the signals end the process.
pub(super) fn set_default() {
    set(&SIGNALS.map(|_| default_action()));
}

#[allow(unsafe_code, reason = "no crate offers the value")]
fn default_action() -> libc::sigaction {
    // SAFETY: it consists of numbers, of which 0 stands for the default action, no flags and no signals.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

fn present() -> io::Result<Actions> {
    let [terminate, interrupt] = SIGNALS.map(present_of);
    Ok([terminate?, interrupt?])
}

#[allow(unsafe_code, reason = "no crate offers the call as a safe one")]
fn present_of(signal: libc::c_int) -> io::Result<libc::sigaction> {
    let mut action = default_action();
    // SAFETY: with a null pointer for the new action, the system only writes the present one to `action`.
    match unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) } {
        0 => Ok(action),
        _ => Err(io::Error::last_os_error()),
    }
}

#[allow(unsafe_code, reason = "no crate offers the call as a safe one")]
fn set(actions: &Actions) {
    for (signal, action) in SIGNALS.into_iter().zip(actions) {
        // SAFETY: each action is the default one, or was that of the process for this signal. It fails for no signal that
        // can be caught.
        unsafe { libc::sigaction(signal, action, std::ptr::null_mut()) };
    }
}
