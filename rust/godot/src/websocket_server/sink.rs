//! What takes the events of a server's clients in place of its signals: an `AsyncMultiplayerPeer`.

use std::rc::Rc;

use async_sockets_net::websocket::close_code::Disconnect;
use async_sockets_net::websocket::{Arrived, ClientId};
use godot::global::Error;

use super::core::ServerCore;
use crate::pump::Pump;

/// Takes the events of clients. Its methods may run user code.
pub(crate) trait Sink {
    /// Whether it takes events now. Otherwise they stay queued, and TCP slows the clients.
    fn takes_events(&self) -> bool;

    /// A client is established.
    fn connected(&self, client: ClientId, pump: &Pump);

    /// Messages of a client have arrived. Runs no user code.
    fn received(&self, arrived: Arrived);

    /// Has everything leave that was sent. Runs no user code.
    fn flush(&self);

    /// A message that another client has sent this one is lost, as too much was pending.
    fn missed(&self, client: ClientId);

    /// An established client is disconnected.
    fn disconnected(&self, client: ClientId, how: &Disconnect);

    /// Reserves a peer id for a client that is being accepted.
    fn reserve(&self, client: ClientId, peer: i64) -> Result<(), (Error, String)>;

    /// A client for which an id may have been reserved is not established.
    fn failed(&self, client: ClientId);
}

impl ServerCore {
    /// What takes the events of clients, if that is not the signals.
    pub(crate) fn sink(&self) -> Option<Rc<dyn Sink>> {
        self.sink.borrow().as_ref()?.upgrade()
    }

    pub(crate) fn set_sink(&self, sink: &Rc<impl Sink + 'static>) {
        let sink: Rc<dyn Sink> = sink.clone();
        *self.sink.borrow_mut() = Some(Rc::downgrade(&sink));
    }

    /// Has everything leave that the sink has sent, before a script closes connections.
    pub(super) fn flush_sink(&self) {
        if let Some(sink) = self.sink() {
            sink.flush();
        }
    }

    /// The signals report the events of clients again.
    pub(crate) fn remove_sink(&self) {
        self.sink.take();
    }

    /// Sets whether every new client is refused with 503, in its opening handshake; also of later starts.
    pub(crate) fn set_refusing(&self, on: bool) {
        self.refusing.set(on);
        self.with(|server| server.set_refusing(on));
    }
}
