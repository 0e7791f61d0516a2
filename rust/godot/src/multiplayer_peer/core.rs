//! The state behind an `AsyncMultiplayerPeer`, and what `poll()` does.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_sockets_net::mailbox::SocketId;
use async_sockets_net::wakes;
use async_sockets_net::websocket::options::BackpressurePolicy;
use godot::builtin::{PackedByteArray, Variant};
use godot::classes::multiplayer_peer::{ConnectionStatus, TransferMode};
use godot::global::push_warning;
use godot::meta::ToGodot;
use godot::obj::{Gd, NewGd};

use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::relaying::Relaying;
use super::roster::Roster;
use crate::class::SocketClass;
use crate::project_settings;
use crate::pump::{Pump, flush_room_if_early};
use crate::restore::Restore;
use crate::socket::{Socket, SocketBase, Turn};
use crate::websocket_client::WebSocketClient;
use crate::websocket_client::core::ClientCore;
use crate::websocket_server::WebSocketServer;
use crate::websocket_server::core::ServerCore;

/// What the peer is at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Nothing,
    Server,
    /// Waits for the connection, and then for its id, until the time given.
    Joining(Option<Instant>),
    /// Has this id.
    Joined(i32),
    /// This side has left, and the end is told in the next poll.
    Leaving(i32),
}

/// The engine objects that the peer works with. They go with its own, even where its state cannot, as it was dropped in
/// another thread.
#[derive(Default)]
struct Parts {
    server: Option<Gd<WebSocketServer>>,
    client: Option<Gd<WebSocketClient>>,
}

pub(crate) struct PeerCore {
    pub(super) base: SocketBase,
    pub(super) role: Cell<Role>,
    server: OnceCell<Rc<ServerCore>>,
    client: OnceCell<Rc<ClientCore>>,
    parts: RefCell<Parts>,
    pub(super) roster: RefCell<Roster>,
    pub(super) incoming: RefCell<Incoming>,
    pub(super) outgoing: RefCell<Outgoing>,
    /// `outbound_buffer_size` and what happens at it, as the server was started with them.
    pub(super) limits: Cell<(usize, BackpressurePolicy)>,
    pub(super) relaying: RefCell<Relaying>,
    /// Packets from client to client go round in the background.
    pub(super) relay_in_background: Cell<bool>,
    /// What `set_target_peer` chose for the next packet.
    pub(super) target: Cell<i32>,
    pub(super) channel: Cell<i32>,
    pub(super) mode: Cell<TransferMode>,
    pub(super) refusing: Cell<bool>,
    /// The additional headers of the handshake, as the script gave them.
    pub(super) headers: RefCell<Vec<String>>,
    /// Maximum time for one poll and the packets that are read after it.
    pub(super) budget: Cell<Duration>,
    /// When the budget of the last poll ends.
    deadline: Cell<Option<Instant>>,
    /// A packet was read since the last poll.
    has_read: Cell<bool>,
    /// `poll()` is running.
    pub(super) polling: Cell<bool>,
    /// What is to be logged once no borrow of the object is held, since a logger may be a script.
    pub(super) to_log: RefCell<Vec<String>>,
}

impl PeerCore {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            base: SocketBase::default(),
            role: Cell::new(Role::Nothing),
            server: OnceCell::new(),
            client: OnceCell::new(),
            parts: RefCell::default(),
            roster: RefCell::default(),
            incoming: RefCell::default(),
            outgoing: RefCell::default(),
            limits: Cell::default(),
            relaying: RefCell::default(),
            relay_in_background: Cell::new(false),
            target: Cell::new(0),
            channel: Cell::new(0),
            mode: Cell::new(TransferMode::RELIABLE),
            refusing: Cell::new(false),
            headers: RefCell::default(),
            budget: Cell::new(project_settings::frame_budget()),
            deadline: Cell::new(None),
            has_read: Cell::new(false),
            polling: Cell::new(false),
            to_log: RefCell::default(),
        })
    }

    // Parts -----------------------------------------------------------------------------------------------------------

    pub(super) fn server(&self) -> &Rc<ServerCore> {
        self.server.get_or_init(|| {
            let object = WebSocketServer::new_gd();
            let core = object.bind().core().cloned().unwrap_or_default();
            let mut options = core.options.borrow_mut();
            options.max_queued_per_client = super::INBOUND_DEFAULT;
            options.max_queued_messages = super::PACKETS_DEFAULT;
            drop(options);
            self.parts.borrow_mut().server = Some(object);
            core
        })
    }

    pub(super) fn server_object(&self) -> Option<Gd<WebSocketServer>> {
        self.server();
        self.parts.borrow().server.clone()
    }

    pub(super) fn client(&self) -> &Rc<ClientCore> {
        self.client.get_or_init(|| {
            let object = WebSocketClient::new_gd();
            let core = object.bind().core().cloned().unwrap_or_default();
            core.change_options(|options| {
                options.handshake_timeout = Some(super::HANDSHAKE_DEFAULT);
                options.max_queued_messages = super::PACKETS_DEFAULT;
            });
            core.set_max_queued(super::INBOUND_DEFAULT);
            self.parts.borrow_mut().client = Some(object);
            core
        })
    }

    pub(super) fn client_object(&self) -> Option<Gd<WebSocketClient>> {
        self.client();
        self.parts.borrow().client.clone()
    }

    /// Has the pump find this peer if its object goes in another thread.
    pub(super) fn note_owner(self: &Rc<Self>) {
        let owner: Rc<dyn Socket> = self.clone();
        Pump::get().note_owner(&owner);
    }

    // Status ----------------------------------------------------------------------------------------------------------

    pub(super) fn status(&self) -> ConnectionStatus {
        match self.role.get() {
            Role::Nothing => ConnectionStatus::DISCONNECTED,
            Role::Joining(_) => ConnectionStatus::CONNECTING,
            Role::Server | Role::Joined(_) | Role::Leaving(_) => ConnectionStatus::CONNECTED,
        }
    }

    /// Logs a line once it is safe to.
    pub(super) fn log(&self, line: String) {
        self.to_log.borrow_mut().push(line);
    }

    /// Prints what is to be logged. May run user code.
    pub(super) fn print_log(&self) {
        if self.to_log.borrow().is_empty() {
            return;
        }
        for line in self.to_log.take() {
            push_warning(&[format!("AsyncMultiplayerPeer: {line}").to_variant()] as &[Variant]);
        }
    }

    // Polling ---------------------------------------------------------------------------------------------------------

    /// Takes in what has happened. Emits signals: no borrow of the engine object may be held.
    pub(super) fn poll(self: &Rc<Self>) {
        self.flush();
        let pump = Pump::get();
        let budget = self.budget.get();
        self.deadline.set(Instant::now().checked_add(budget));
        self.has_read.set(false);
        self.incoming.borrow_mut().end_turn();
        self.check_next();
        {
            let _polling = Restore::set(&self.polling, true);
            match self.role.get() {
                Role::Nothing => {}
                Role::Server => self.poll_server(&pump, budget),
                Role::Joining(_) | Role::Joined(_) | Role::Leaving(_) => self.poll_client(&pump, budget),
            }
        }
        self.flush();
        self.print_log();
    }

    /// Number of packets that may be read now, at least: none once the time of a poll is over, but for the first. When
    /// all have been read, those that have arrived meanwhile follow.
    pub(super) fn available(&self) -> usize {
        let mut waiting = self.incoming.borrow().len();
        if self.has_read.get() {
            if self.deadline.get().is_some_and(|deadline| Instant::now() >= deadline) {
                waiting = 0;
            } else if waiting == 0 {
                self.take_in();
                waiting = self.incoming.borrow().len();
            }
        }
        if waiting == 0 {
            // The end of the reading: what its handlers have sent leaves.
            self.flush();
        }
        waiting
    }

    /// Takes in packets alone, and runs no user code, as SceneMultiplayer may have asked only for their number.
    pub(super) fn take_in(&self) {
        let hold = wakes::hold();
        match self.role.get() {
            Role::Server => self.server().collect_messages(self.deadline.get()),
            Role::Joined(_) => self.take_from_server(),
            Role::Nothing | Role::Joining(_) | Role::Leaving(_) => {}
        }
        drop(hold);
        flush_room_if_early(Instant::now(), self.deadline.get());
    }

    pub(super) fn take_packet(&self) -> PackedByteArray {
        let packet = self.incoming.borrow_mut().take();
        self.has_read.set(true);
        self.check_next();
        packet.unwrap_or_default()
    }

    /// Has a sender cut whose next message is no packet.
    pub(super) fn check_next(&self) {
        loop {
            let fault = self.incoming.borrow_mut().find_fault();
            match fault {
                Some((peer, fault)) => self.cut(peer, fault),
                None => break,
            }
        }
    }

    /// Whether `poll()` would do something.
    pub(super) fn has_work(&self) -> bool {
        if self.incoming.borrow().len() > 0 {
            return true;
        }
        match self.role.get() {
            Role::Nothing => false,
            Role::Server => self.server_has_work(),
            Role::Joining(_) | Role::Joined(_) | Role::Leaving(_) => self.client_has_work(),
        }
    }

    /// Sleeps until `poll()` has something to do, for the time of the budget.
    pub(super) fn wait(self: &Rc<Self>, budget: Duration) -> usize {
        self.flush();
        let socket: Rc<dyn Socket> = match self.role.get() {
            Role::Nothing => return 0,
            Role::Server => self.server().clone(),
            Role::Joining(_) | Role::Joined(_) | Role::Leaving(_) => self.client().clone(),
        };
        if !budget.is_zero() && !self.has_work() {
            Pump::get().process_until(socket, budget, &|| self.has_work());
        }
        let waiting = self.incoming.borrow().len();
        waiting.max(self.has_work().into())
    }

    // The end ---------------------------------------------------------------------------------------------------------

    /// Leaves or stops, after what was sent.
    pub(super) fn close(&self) {
        self.flush();
        match self.role.replace(Role::Nothing) {
            Role::Nothing => {}
            Role::Server => self.stop_server(),
            Role::Joining(_) | Role::Joined(_) | Role::Leaving(_) => self.leave(),
        }
        self.reset();
    }

    /// Forgets everything about a session that is over.
    pub(super) fn reset(&self) {
        self.role.set(Role::Nothing);
        self.roster.borrow_mut().clear();
        self.incoming.borrow_mut().clear();
        self.outgoing.borrow_mut().clear();
        self.relaying.take();
    }
}

/// The pump knows the server or the client of a peer. This is for what all classes share.
impl Socket for PeerCore {
    fn class(&self) -> &'static str {
        "AsyncMultiplayerPeer"
    }

    fn base(&self) -> &SocketBase {
        &self.base
    }

    fn id(&self) -> Option<SocketId> {
        None
    }

    fn queued(&self) -> usize {
        0
    }

    fn turn(self: Rc<Self>, _pump: &Pump) -> Turn {
        Turn::Done
    }

    fn expire(self: Rc<Self>, _pump: &Pump, _now: Instant) -> Option<Instant> {
        None
    }

    fn stop(self: Rc<Self>, _pump: &Pump) {
        self.close();
    }

    fn release(&self, _pump: &Pump) {
        self.close();
        let parts = self.parts.take();
        drop(parts);
    }
}
