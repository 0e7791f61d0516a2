//! A message to clients that the user names one by one.

use std::collections::HashSet;
use std::sync::Arc;

use tokio_tungstenite::tungstenite::protocol::Role;

use super::{ClientError, WebSocketServer};
use crate::websocket::ClientId;
use crate::websocket::broadcasts::Recipients;
use crate::websocket::client::Client;
use crate::websocket::frame::{Kind, encode, frame_len};

/// A binary message whose recipients are added one by one, and which then leaves in one frame that they share.
///
/// It counts as pending for a client from [`WebSocketServer::admit_to`] on, and must be sent before anything else is
/// sent to one of its clients.
#[derive(Debug)]
pub struct Multicast {
    frame: Vec<u8>,
    header: usize,
    clients: Vec<Arc<Client>>,
    /// The server's clients when the first recipient was added.
    generation: u64,
}

impl Multicast {
    /// A message for nobody yet.
    #[must_use]
    pub fn new(payload: &[u8]) -> Self {
        let len = frame_len(Role::Server, payload.len());
        let mut frame = Vec::with_capacity(len);
        encode(Role::Server, Kind::Binary, payload, &mut frame);
        Self {
            header: len - payload.len(),
            frame,
            clients: Vec::new(),
            generation: 0,
        }
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.frame.get(self.header..).unwrap_or_default()
    }
}

impl WebSocketServer {
    /// Adds a recipient, at most once each.
    ///
    /// # Errors
    /// [`ClientError`]; the client does not get the message then.
    pub fn admit_to(&mut self, multicast: &mut Multicast, client: ClientId) -> Result<(), ClientError> {
        let client = self.clients.get(&client).ok_or(ClientError::Unknown(client))?;
        match client
            .link
            .admit(multicast.frame.len(), self.registry.options.max_pending)
        {
            Ok(()) => {
                if multicast.clients.is_empty() {
                    multicast.generation = self.generation;
                }
                multicast.clients.push(client.clone());
                Ok(())
            }
            Err(error) => Err(self.refused(client, error)),
        }
    }

    /// Sends a message to the recipients that were added. Like all that is sent while corked ([`Self::cork`]), it may
    /// leave later.
    pub fn send_multicast(&mut self, multicast: Multicast) {
        let Multicast {
            frame,
            header,
            clients,
            generation,
        } = multicast;
        self.registry.count_out(clients.len(), frame.len());
        match clients.as_slice() {
            [] => return,
            [client] => {
                let payload = frame.get(header..).unwrap_or_default();
                if self.registry.broadcasts.catch_up(client) | client.link.send(Kind::Binary, payload) {
                    self.wakeups.defer(client.clone());
                }
            }
            few if self.are_few(few.len()) => self.send_to_few(frame, few),
            many => {
                let recipients = if many.len() == self.clients.len() && generation == self.generation {
                    Recipients::AllBut(HashSet::new())
                } else {
                    Recipients::Only(many.iter().map(|client| client.id).collect())
                };
                self.send_to_many(&frame, recipients);
            }
        }
        self.wake_unless_corked();
    }
}
