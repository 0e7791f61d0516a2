//! A message to clients that the user names one by one.

use std::collections::HashSet;
use std::sync::Arc;

use tokio_tungstenite::tungstenite::protocol::Role;

use super::broadcast::FEW;
use super::{ClientError, WebSocketServer};
use crate::websocket::broadcasts::Recipients;
use crate::websocket::client::Client;
use crate::websocket::frame::{Kind, encode, frame_len};
use crate::websocket::link::By;
use crate::websocket::{ClientId, Recipient};

/// A binary message whose recipients are added one by one, and which then leaves in one frame that they share.
///
/// It counts as pending for a client from [`WebSocketServer::admit_to`] on, and must be sent before anything else is
/// sent to one of its clients.
#[derive(Debug)]
pub struct Multicast {
    frame: Vec<u8>,
    header: usize,
    /// The recipients, all of them if they are few.
    few: Vec<Arc<Client>>,
    /// The ids of all.
    all: Vec<ClientId>,
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
            few: Vec::new(),
            all: Vec::new(),
            generation: 0,
        }
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.frame.get(self.header..).unwrap_or_default()
    }

    /// What it counts as pending for a client, in bytes: the payload with its header.
    #[must_use]
    pub fn frame_len(&self) -> usize {
        self.frame.len()
    }
}

impl WebSocketServer {
    /// A client as a recipient; `None` for an unknown id.
    #[must_use]
    pub fn recipient(&self, client: ClientId) -> Option<Recipient> {
        self.clients.get(&client).cloned().map(Recipient)
    }

    /// Adds a recipient, at most once each.
    ///
    /// # Errors
    /// [`ClientError`]; the client does not get the message then.
    pub fn admit_to(&mut self, multicast: &mut Multicast, Recipient(client): &Recipient) -> Result<(), ClientError> {
        let (len, limit) = (multicast.frame.len(), self.registry.options.max_pending);
        match client.link.admit(len, limit) {
            Ok(()) => {
                if multicast.all.is_empty() {
                    multicast.generation = self.generation;
                }
                // To count the references to hundreds of clients would cost as much as the rest.
                if multicast.few.len() <= FEW {
                    multicast.few.push(client.clone());
                }
                multicast.all.push(client.id);
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
            few,
            all,
            generation,
        } = multicast;
        self.registry.count_out(all.len(), frame.len());
        match few.as_slice() {
            [] => return,
            [client] => {
                let payload = frame.get(header..).unwrap_or_default();
                if self.registry.broadcasts.catch_up(client, By::Main) | client.link.send(Kind::Binary, payload) {
                    self.wakeups.defer(client.clone());
                }
            }
            few if self.are_few(few.len()) => self.send_to_few(frame, few),
            _ => {
                let recipients = if all.len() == self.clients.len() && generation == self.generation {
                    Recipients::AllBut(HashSet::new())
                } else {
                    Recipients::Only(all.into_iter().collect())
                };
                self.send_to_many(&frame, recipients);
            }
        }
        self.wake_unless_corked();
    }
}
