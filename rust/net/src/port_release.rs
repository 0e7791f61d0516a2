//! Waiting for ports that are being closed. A stopped socket is closed on the runtime, a moment after the call that
//! stopped it. Binding the same port in that moment waits here instead of failing, so that restarting on the same port
//! works; no other call ever waits.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Maximum wait for a port that is being closed.
const LIMIT: Duration = Duration::from_secs(1);

static CLOSING: Mutex<Vec<(u16, Weak<()>)>> = Mutex::new(Vec::new());
static CLOSED: Condvar = Condvar::new();

/// The task's share, dropped after its socket.
#[derive(Debug)]
pub(crate) struct HeldPort(Option<Arc<()>>);

/// The handle's share. After it is dropped, the port counts as closing until the task's share is dropped too.
#[derive(Debug)]
pub(crate) struct ReleaseOnDrop(u16, Weak<()>);

pub(crate) fn held_port(port: u16) -> (HeldPort, ReleaseOnDrop) {
    let held = Arc::new(());
    let release = ReleaseOnDrop(port, Arc::downgrade(&held));
    (HeldPort(Some(held)), release)
}

impl Drop for HeldPort {
    fn drop(&mut self) {
        self.0 = None;
        closing().retain(is_held);
        CLOSED.notify_all();
    }
}

impl Drop for ReleaseOnDrop {
    fn drop(&mut self) {
        let mut list = closing();
        let entry = (self.0, self.1.clone());
        if is_held(&entry) {
            list.push(entry);
        }
    }
}

/// Waits until no socket that this process is closing holds the port. Returns whether that happened in time, so that
/// binding is worth another try: the port may have become free since the last one.
pub(crate) fn wait_for_release(port: u16) -> bool {
    #[cfg(test)]
    WAITS.with(|waits| waits.set(waits.get() + 1));
    let deadline = Instant::now() + LIMIT;
    let mut list = closing();
    while list.iter().any(|(closing, _)| *closing == port) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        list = CLOSED
            .wait_timeout(list, left)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
    true
}

fn is_held((_, held): &(u16, Weak<()>)) -> bool {
    held.strong_count() > 0
}

fn closing() -> MutexGuard<'static, Vec<(u16, Weak<()>)>> {
    CLOSING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
thread_local! {
    /// Number of calls of [`wait_for_release`] on this thread.
    static WAITS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::BindAddress;
    use crate::error::BindError;
    use crate::options::ListenOptions;
    use crate::tcp_listener::TcpListener;
    use crate::websocket::options::WebSocketOptions;
    use crate::websocket_server::WebSocketServer;

    #[test]
    fn a_start_waits_for_its_port_once() {
        let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = other.local_addr().expect("an address").port();
        let address = BindAddress::parse("127.0.0.1", port.into()).expect("an address");
        // The port of a task that never ends.
        let (_held, release) = held_port(port);
        drop(release);
        let waits = |start: &dyn Fn() -> Option<BindError>| {
            WAITS.set(0);
            assert!(matches!(start(), Some(BindError::InUse(p)) if p == port));
            WAITS.get()
        };
        assert_eq!(
            waits(&|| WebSocketServer::start(address, WebSocketOptions::default()).err()),
            1
        );
        assert_eq!(
            waits(&|| TcpListener::start(address, ListenOptions::default()).err()),
            1
        );
    }
}
