//! One client of a server.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, Weak};

use tokio_tungstenite::tungstenite::protocol::Role;

use super::ClientId;
use super::link::Link;
use super::messages::Messages;
use super::relay::Part;
use super::request::ClientInfo;
use crate::budget::{Holder, Share};
use crate::wakes::{self, Reader};

/// A client whose opening handshake has succeeded.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) info: Arc<ClientInfo>,
    pub(crate) link: Link,
    /// Number of the newest broadcast that was queued for this client or passed over as not meant for it. Locked before
    /// the link, so that the main thread and the server's task keep broadcasts in order.
    pub(crate) served: Mutex<u64>,
    /// How it takes part in the relay.
    pub(crate) part: Part,
    /// A relayed message for this client was refused.
    pub(crate) has_missed: AtomicBool,
}

impl Client {
    /// Creates a client that receives no broadcasts until `served` is set: the main thread does not know it yet.
    pub(crate) fn new(id: ClientId, info: ClientInfo, memory: Share) -> Arc<Self> {
        let client = Arc::new(Self {
            id,
            info: Arc::new(info),
            link: Link::new(Role::Server, memory),
            served: Mutex::new(u64::MAX),
            part: Part::default(),
            has_missed: AtomicBool::new(false),
        });
        let holder: Weak<Self> = Arc::downgrade(&client);
        client.link.account().set_holder(holder as Weak<dyn Holder>);
        client
    }

    /// Takes all waiting messages. The task resumes reading if it had stopped because of them.
    pub(crate) fn take_messages(self: &Arc<Self>) -> Messages {
        let (messages, task_waits) = self.link.take_messages();
        if task_waits {
            wakes::has_room(self);
        }
        messages
    }
}

/// A client as a recipient, found once for many messages.
#[derive(Debug, Clone)]
pub struct Recipient(pub(crate) Arc<Client>);

/// Messages of a client that wait for the main thread. As long as they are not taken, more of them may join, and no
/// further event tells of them; beyond the limits of one client, TCP slows it down.
#[derive(Debug)]
pub struct Arrived(Arc<Client>);

impl Arrived {
    pub(crate) fn new(client: Arc<Client>) -> Self {
        Self(client)
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> ClientId {
        self.0.id
    }

    /// Takes everything that has arrived, which makes room for more from this client. Possible after the client is
    /// gone, too.
    #[must_use]
    pub fn take(self) -> Messages {
        self.0.take_messages()
    }
}

impl Reader for Client {
    fn go_on(&self) {
        self.link.wake();
    }
}

impl Holder for Client {
    fn shed(&self) {
        self.link.shed();
    }
}
