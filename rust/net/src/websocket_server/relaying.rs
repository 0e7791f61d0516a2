//! Who takes part in the relay.

use super::{ClientError, WebSocketServer};
use crate::websocket::ClientId;
use crate::websocket::relay::{Label, Relay};

impl WebSocketServer {
    /// Has a client take part in the relay under this number; one that has the number already is replaced. It gets what
    /// others send it, after everything that was sent to it before. It is not read until [`Self::begin_relay`]. `head`
    /// is what its messages begin with for their recipients. Without effect if [the option][o] is not set.
    ///
    /// [o]: crate::websocket::options::WebSocketOptions::relay
    ///
    /// # Errors
    /// [`ClientError::Unknown`].
    pub fn join_relay(&mut self, client: ClientId, label: Label, head: &[u8]) -> Result<(), ClientError> {
        let client = self.clients.get(&client).ok_or(ClientError::Unknown(client))?;
        if let Some(relay) = &self.registry.relay {
            relay.join(client, label, head);
        }
        Ok(())
    }

    /// Relays what a client of [`Self::join_relay`] sends from now on. To be called once everything was handled that was
    /// taken of this client. Returns `false`, without effect, if there is more to take; then try again later.
    pub fn begin_relay(&mut self, client: ClientId) -> bool {
        self.clients.get(&client).is_none_or(|client| Relay::begin(client))
    }

    /// Ends a client's part in the relay: what it sends from now on, the main thread gets.
    pub fn leave_relay(&mut self, client: ClientId) {
        if let (Some(relay), Some(client)) = (&self.registry.relay, self.clients.get(&client)) {
            relay.leave(client);
        }
    }
}
