//! Opening handshakes that the user of a server decides
//! ([`HandshakeOptions::manual`](crate::websocket::options::HandshakeOptions::manual)).

use std::collections::HashMap;

use tokio::sync::oneshot;

use super::{DecisionError, WebSocketServer};
use crate::http::headers::ResponseHeader;
use crate::http::response::Refusal;
use crate::websocket::ClientId;
use crate::websocket::options::Subprotocol;
use crate::websocket::registry::Decision;
use crate::websocket::request::Request;

/// The handshakes that were reported to the user, were not rejected, and whose end was not reported.
#[derive(Debug, Default)]
pub(super) struct Handshakes(HashMap<ClientId, Handshake>);

#[derive(Debug)]
enum Handshake {
    Pending {
        answer: oneshot::Sender<Decision>,
        /// The subprotocols that the client offered.
        protocols: Vec<String>,
    },
    /// Decided, or dropped by a stop.
    Decided,
}

impl Handshakes {
    pub(super) fn add(&mut self, id: ClientId, request: &Request, answer: oneshot::Sender<Decision>) {
        let protocols = request.protocols().iter().map(ToString::to_string).collect();
        self.0.insert(id, Handshake::Pending { answer, protocols });
    }

    /// Ends a handshake, established or failed. Returns whether its end is to be reported, as it was not rejected.
    pub(super) fn end(&mut self, id: ClientId) -> bool {
        self.0.remove(&id).is_some()
    }

    /// Drops all pending handshakes. Their failures are still reported.
    pub(super) fn drop_pending(&mut self) {
        self.0
            .values_mut()
            .for_each(|handshake| *handshake = Handshake::Decided);
    }

    fn is_pending(&self, id: ClientId) -> bool {
        matches!(self.0.get(&id), Some(Handshake::Pending { answer, .. }) if !answer.is_closed())
    }

    fn offered(&self, id: ClientId) -> Option<&[String]> {
        match self.0.get(&id)? {
            Handshake::Pending { protocols, .. } => Some(protocols),
            Handshake::Decided => None,
        }
    }

    fn decide(&mut self, id: ClientId, decision: Decision) -> Result<(), DecisionError> {
        let unknown = DecisionError::Unknown(id);
        let Some(handshake) = self.0.get_mut(&id) else {
            return Err(unknown);
        };
        match std::mem::replace(handshake, Handshake::Decided) {
            Handshake::Pending { answer, .. } => answer.send(decision).map_err(|_| unknown),
            Handshake::Decided => Err(unknown),
        }
    }
}

impl WebSocketServer {
    /// Whether a client still waits for a decision.
    #[must_use]
    pub fn is_handshake_pending(&self, client: ClientId) -> bool {
        self.handshakes.is_pending(client)
    }

    /// Accepts a client that [`WebSocketEvent::HandshakeRequested`](crate::event::WebSocketEvent::HandshakeRequested)
    /// named. An empty `protocol` leaves the choice to the server's own list of subprotocols.
    ///
    /// # Errors
    /// [`DecisionError`].
    pub fn accept_handshake(&mut self, client: ClientId, protocol: &str) -> Result<(), DecisionError> {
        let offered = self.handshakes.offered(client).ok_or(DecisionError::Unknown(client))?;
        let protocol = match protocol {
            "" => None,
            name if Subprotocol::parse(name).is_ok() && offered.iter().any(|p| p == name) => Some(name.to_owned()),
            name => return Err(DecisionError::Protocol(name.to_owned())),
        };
        self.handshakes.decide(client, Decision::Accept(protocol))
    }

    /// Refuses a client that [`WebSocketEvent::HandshakeRequested`](crate::event::WebSocketEvent::HandshakeRequested)
    /// named, with an HTTP status from 400 to 599, a body, and additional header lines. The body is plain text unless
    /// these contain another `Content-Type`. The client's id stays unknown, and no further event names it.
    ///
    /// # Errors
    /// [`DecisionError`].
    pub fn reject_handshake(
        &mut self,
        client: ClientId,
        status: i64,
        body: &str,
        headers: Vec<ResponseHeader>,
    ) -> Result<(), DecisionError> {
        let Ok(status @ 400..=599) = u16::try_from(status) else {
            return Err(DecisionError::Status(status));
        };
        let refusal = Refusal {
            headers,
            ..Refusal::new(status, body)
        };
        self.handshakes.decide(client, Decision::Reject(refusal))?;
        self.handshakes.end(client);
        Ok(())
    }

    /// Lets a handshake expire that nobody can decide any more. Without effect on one that was decided.
    pub fn expire_handshake(&mut self, client: ClientId) {
        let _ = self.handshakes.decide(client, Decision::Expire);
    }
}
