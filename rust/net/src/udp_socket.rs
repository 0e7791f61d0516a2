//! The handle of a UDP socket.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use socket2::SockRef;
use tokio::net::UdpSocket as TokioUdpSocket;

pub use crate::udp::interface::Interface;

use crate::address::{BindAddress, Destination};
use crate::command::UdpCommand;
use crate::datagram_queue::DatagramQueue;
use crate::error::{BindError, DatagramError, MulticastError, SendError};
use crate::event::{Datagram, UdpEvent};
use crate::limits::{MAX_DATAGRAM, MAX_UDP_EVENTS};
use crate::mailbox::{Mailbox, SocketId, mailbox};
use crate::options::UdpOptions;
use crate::outbox::Outbox;
use crate::port_release::{ReleaseOnDrop, held_port};
use crate::runtime;
use crate::udp::driver::{Driver, weight};
use crate::udp::socket::{Family, Settings, bind, parse_group};

/// Maximum number of bytes of failed datagrams queued for the main thread; further failures are omitted unless awaited.
const MAX_LOST_BYTES: usize = 1024 * 1024;

/// A bound UDP socket, as seen from the thread that uses it. Dropping it closes the socket; what was sent before still
/// goes out.
///
/// Received datagrams have a queue of their own ([`Self::next_datagram`]), which drops the oldest when it is full;
/// everything else is an event in the mailbox. Both put the socket on the ready list.
#[derive(Debug)]
pub struct UdpSocket {
    mailbox: Mailbox<UdpEvent>,
    outbox: Arc<Outbox<UdpCommand>>,
    datagrams: Arc<DatagramQueue>,
    /// Owned by the task alone, so that its end frees the port.
    socket: Weak<TokioUdpSocket>,
    family: Family,
    local: SocketAddr,
    max_pending_send: usize,
    /// Whether [`Self::connect`] was called.
    connected: bool,
    /// `None` once closed.
    release: Option<ReleaseOnDrop>,
}

impl UdpSocket {
    /// Binds a port (0 for any free one) and starts to receive. [`BindAddress::Any`] includes both IPv6 and IPv4 where
    /// the system supports that.
    ///
    /// # Errors
    /// [`BindError`], without waiting for the network.
    pub fn bind(address: BindAddress, options: &UdpOptions) -> Result<Self, BindError> {
        let (socket, local, family) = bind(address, options)?;
        let socket = Arc::new(runtime::enter(|| TokioUdpSocket::from_std(socket))??);
        let weak = Arc::downgrade(&socket);
        let (sender, mailbox) = mailbox(MAX_UDP_EVENTS, MAX_LOST_BYTES);
        let outbox = Arc::<Outbox<UdpCommand>>::default();
        let datagrams = Arc::new(DatagramQueue::new(options.max_datagrams, options.max_datagram_bytes));
        let driver = Driver::new(outbox.clone(), sender, datagrams.clone(), family);
        let (port, release) = held_port(local.port());
        let wait_for_names = address.port() == 0;
        runtime::spawn(|tasks| driver.run(socket, port, wait_for_names, tasks.flush_guard()))?;
        Ok(Self {
            mailbox,
            outbox,
            datagrams,
            socket: weak,
            family,
            local,
            max_pending_send: options.max_pending_send,
            connected: false,
            release: Some(release),
        })
    }

    /// The id of the socket.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.mailbox.id()
    }

    /// The mailbox of events. Only [`UdpEvent::SendFailed`] has bytes to release: those of its data.
    #[must_use]
    pub fn mailbox(&self) -> &Mailbox<UdpEvent> {
        &self.mailbox
    }

    /// Takes the oldest received datagram. Datagrams received before a close can still be taken after it.
    #[must_use]
    pub fn next_datagram(&self) -> Option<Datagram> {
        self.datagrams.pop()
    }

    /// Puts back a datagram that was taken but not used, as the oldest one.
    pub fn put_back(&self, datagram: Datagram) {
        self.datagrams.put_back(datagram);
    }

    /// Number of queued received datagrams.
    #[must_use]
    pub fn available_datagrams(&self) -> usize {
        self.datagrams.len()
    }

    /// Total payload bytes of the queued received datagrams.
    #[must_use]
    pub fn available_bytes(&self) -> usize {
        self.datagrams.bytes()
    }

    /// Number of datagrams dropped since the bind because the queue was full. Datagrams that the system drops because
    /// its own buffer is full are not counted.
    #[must_use]
    pub fn dropped_datagrams(&self) -> u64 {
        self.datagrams.dropped()
    }

    /// Sets the maximum number of received datagrams, and of their bytes, queued for the user; see [`UdpOptions`]. At
    /// least one datagram is always kept.
    pub fn set_queue_limits(&self, max_datagrams: usize, max_bytes: usize) {
        self.datagrams.set_limits(max_datagrams, max_bytes);
    }

    /// The bound address, with the port that the system chose if 0 was requested.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Connects the socket: [`Self::send`] sends to this host, and only datagrams from it are received.
    /// [`UdpEvent::Connected`] or [`UdpEvent::ConnectFailed`] follows; datagrams may be sent before that. If connecting
    /// fails, the socket stays as it was, which may be connected to another host.
    ///
    /// # Errors
    /// [`SendError::Closed`] if the socket is closed.
    pub fn connect(&mut self, to: Destination) -> Result<(), SendError> {
        if self.is_closed() {
            return Err(SendError::Closed);
        }
        self.connected = true;
        self.outbox.push(UdpCommand::Connect(to));
        Ok(())
    }

    /// Whether [`Self::connect`] was called.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// Sends a datagram to the host that the socket is connected to.
    ///
    /// # Errors
    /// [`DatagramError`]; nothing is queued then.
    pub fn send(&self, data: &[u8]) -> Result<(), DatagramError> {
        if !self.connected && !self.is_closed() {
            return Err(DatagramError::NotConnected);
        }
        self.queue(data, None, None)
    }

    /// Sends a datagram. A name is looked up in the background and then cached for [`crate::limits::NAME_LIFETIME`];
    /// meanwhile datagrams to that name wait, in order, without holding up others. [`UdpEvent::SendFailed`] reports a
    /// datagram that could not be sent.
    ///
    /// # Errors
    /// [`DatagramError`]; nothing is queued then.
    pub fn send_to(&self, data: &[u8], to: Destination) -> Result<(), DatagramError> {
        self.queue(data, Some(to), None)
    }

    /// Like [`Self::send_to`], but [`UdpEvent::Sent`] or [`UdpEvent::SendFailed`] with `token` always follows. `None`
    /// is the host that the socket is connected to.
    ///
    /// # Errors
    /// [`DatagramError`]; nothing is queued then and no event follows.
    pub fn send_to_awaited(&self, data: &[u8], to: Option<Destination>, token: u64) -> Result<(), DatagramError> {
        if to.is_none() && !self.connected && !self.is_closed() {
            return Err(DatagramError::NotConnected);
        }
        self.queue(data, to, Some(token))
    }

    fn queue(&self, data: &[u8], to: Option<Destination>, token: Option<u64>) -> Result<(), DatagramError> {
        if self.is_closed() {
            return Err(SendError::Closed.into());
        }
        if data.len() > MAX_DATAGRAM {
            return Err(DatagramError::TooLarge(data.len()));
        }
        // Checked first, so that a full queue does not cost a copy. Only this thread adds.
        let weight = weight(data);
        if self.outbox.pending().saturating_add(weight) > self.max_pending_send {
            return Err(SendError::Full.into());
        }
        let data = Bytes::copy_from_slice(data);
        let command = UdpCommand::Send { data, to, token };
        Ok(self.outbox.push_within(command, weight, self.max_pending_send)?)
    }

    /// Bytes waiting to be sent. Each datagram counts as its payload plus [`crate::limits::DATAGRAM_OVERHEAD`].
    #[must_use]
    pub fn pending_send_bytes(&self) -> usize {
        self.outbox.pending()
    }

    /// Sets the maximum number of bytes waiting to be sent, counted as in [`Self::pending_send_bytes`].
    pub fn set_max_pending_send(&mut self, bytes: usize) {
        self.max_pending_send = bytes;
    }

    /// Allows (`true`) or forbids sending to broadcast addresses.
    ///
    /// # Errors
    /// If the system refuses, or the socket is closed.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.settings(|settings| settings.set_broadcast(on))
    }

    /// Sets the TTL (in IPv6, the hop limit) of unicast and multicast datagrams, 1 to 255. Default: the system's,
    /// usually 64 for unicast and 1 for multicast.
    ///
    /// # Errors
    /// If the system refuses, or the socket is closed.
    pub fn set_ttl(&self, ttl: NonZeroU8) -> io::Result<()> {
        self.settings(|settings| settings.set_ttl(ttl))
    }

    /// Sets whether this machine receives the multicast datagrams that the socket sends. Default: `true`.
    ///
    /// # Errors
    /// If the system refuses, or the socket is closed.
    pub fn set_multicast_loop(&self, on: bool) -> io::Result<()> {
        self.settings(|settings| settings.set_multicast_loop(on))
    }

    /// Sets the interface for outgoing multicast datagrams; [`Interface::Default`] leaves the choice to the system.
    ///
    /// # Errors
    /// [`MulticastError`].
    pub fn set_multicast_interface(&self, interface: &Interface) -> Result<(), MulticastError> {
        self.settings(|settings| settings.set_multicast_interface(interface))
    }

    /// Joins a multicast group (an IPv4 or IPv6 address) on an interface.
    ///
    /// # Errors
    /// [`MulticastError`].
    pub fn join_multicast_group(&self, group: &str, interface: &Interface) -> Result<(), MulticastError> {
        let group = parse_group(group)?;
        self.settings(|settings| settings.join(group, interface))
    }

    /// Leaves a multicast group that was joined on the same interface.
    ///
    /// # Errors
    /// [`MulticastError`].
    pub fn leave_multicast_group(&self, group: &str, interface: &Interface) -> Result<(), MulticastError> {
        let group = parse_group(group)?;
        self.settings(|settings| settings.leave(group, interface))
    }

    fn settings<E: From<Gone>>(&self, f: impl FnOnce(&Settings<'_>) -> Result<(), E>) -> Result<(), E> {
        let socket = match self.socket.upgrade() {
            Some(socket) if !self.is_closed() => socket,
            _ => return Err(Gone.into()),
        };
        f(&Settings::new(SockRef::from(&*socket), self.family))
    }

    /// Closes the socket; [`UdpEvent::Closed`] follows. What was sent before still goes out, except datagrams to a name
    /// that is still being looked up if the user chose the port, which is then freed at once.
    pub fn close(&mut self) {
        if self.release.take().is_some() {
            self.outbox.push(UdpCommand::Close);
        }
    }

    /// Returns whether the socket was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.release.is_none()
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        self.close();
    }
}

/// The error that the socket is closed.
struct Gone;

impl From<Gone> for io::Error {
    fn from(_: Gone) -> Self {
        Self::new(io::ErrorKind::NotConnected, "the socket is closed")
    }
}

impl From<Gone> for MulticastError {
    fn from(_: Gone) -> Self {
        Self::Closed
    }
}
