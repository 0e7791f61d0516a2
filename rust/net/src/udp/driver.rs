//! The task of one UDP socket: sends what is queued, receives datagrams, and looks up names.

mod receive_errors;
mod route;

use std::collections::{HashMap, VecDeque};
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{Interest, Ready};
use tokio::net::UdpSocket as TokioUdpSocket;
use tokio::time::{Sleep, sleep, timeout};

use self::receive_errors::{ReceiveErrors, is_refusal};
use super::socket::Family;
use crate::address::{Destination, canonical};
use crate::command::UdpCommand;
use crate::datagram_queue::DatagramQueue;
use crate::error::DatagramLost;
use crate::event::{Datagram, LostDatagram, UdpEvent};
use crate::give_way::give_way;
use crate::limits::{DATAGRAM_OVERHEAD, UDP_CLOSE_TIMEOUT};
use crate::mailbox::MailboxSender;
use crate::names::Lookups;
use crate::outbox::Outbox;
use crate::port_release::HeldPort;
use crate::runtime::FlushGuard;
use crate::scratch::with_read_buffer;
use crate::traffic::{count_received, count_sent};

/// Maximum number of retries of a datagram when the system answers with the refusal of an earlier one.
const MAX_REFUSALS: u32 = 3;

/// The task's state of a socket.
pub(crate) struct Driver {
    outbox: Arc<Outbox<UdpCommand>>,
    events: MailboxSender<UdpEvent>,
    datagrams: Arc<DatagramQueue>,
    family: Family,
    /// The peer of a connected socket, in the form that the socket takes.
    peer: Option<Peer>,
    /// The connect in progress, while its name is looked up.
    connecting: Option<Connecting>,
    /// Datagrams that are ready to be sent.
    ready: VecDeque<Outgoing>,
    /// Datagrams that wait for a lookup, by name.
    held: HashMap<String, VecDeque<Outgoing>>,
    lookups: Lookups,
    /// Number of times that sending the first of `ready` was answered with the refusal of an earlier datagram.
    refusals: u32,
    errors: ReceiveErrors,
    /// Wakes the task when the system has an error for a connected socket: reading alone does not notice it.
    alarm: Option<Pin<Box<dyn Future<Output = io::Result<Ready>> + Send>>>,
    /// Receiving pauses until this has elapsed.
    pause: Option<Pin<Box<Sleep>>>,
    /// The last event was sent.
    ended: bool,
}

struct Peer {
    address: SocketAddr,
    host: String,
}

struct Connecting {
    to: Destination,
    /// Datagrams for the peer sent in the meantime.
    waiting: VecDeque<Outgoing>,
}

struct Outgoing {
    data: Bytes,
    /// `None` is the connected peer.
    to: Option<Destination>,
    /// The destination in the form that the socket takes, once it is known.
    address: Option<SocketAddr>,
    token: Option<u64>,
}

impl Driver {
    pub(crate) fn new(
        outbox: Arc<Outbox<UdpCommand>>,
        events: MailboxSender<UdpEvent>,
        datagrams: Arc<DatagramQueue>,
        family: Family,
    ) -> Self {
        Self {
            outbox,
            events,
            datagrams,
            family,
            peer: None,
            connecting: None,
            ready: VecDeque::new(),
            held: HashMap::new(),
            lookups: Lookups::default(),
            refusals: 0,
            errors: ReceiveErrors::default(),
            alarm: None,
            pause: None,
            ended: false,
        }
    }

    /// Runs the socket until it is closed. With `wait_for_names`, datagrams whose name is still being looked up are
    /// sent after a close too.
    pub(crate) async fn run(
        mut self,
        socket: Arc<TokioUdpSocket>,
        port: HeldPort,
        wait_for_names: bool,
        unflushed: FlushGuard,
    ) {
        poll_fn(|cx| self.poll_open(&socket, cx)).await;
        if !wait_for_names {
            self.drop_waiting();
        }
        // What was not sent by then is reported by `finish`.
        let _ = timeout(UDP_CLOSE_TIMEOUT, poll_fn(|cx| self.poll_drain(&socket, cx))).await;
        self.alarm = None;
        drop(socket);
        drop(port);
        self.finish(None);
        drop(unflushed);
    }

    /// Drives the open socket. Ready when it is closed.
    fn poll_open(&mut self, socket: &Arc<TokioUdpSocket>, cx: &mut Context<'_>) -> Poll<()> {
        if self.take_commands(socket, cx) {
            return Poll::Ready(());
        }
        self.poll_names(socket, cx);
        self.poll_alarm(socket, cx);
        // One datagram each way in turn, so that neither direction starves the other.
        let (mut sending, mut receiving, mut received) = (true, true, false);
        while sending || receiving {
            sending = sending && self.poll_send(socket, cx).is_ready();
            receiving = receiving && self.poll_receive(socket, cx).is_ready();
            received |= receiving;
        }
        if received {
            self.events.notify();
        }
        Poll::Pending
    }

    /// Drives the socket after a close. Ready when nothing is left to send.
    fn poll_drain(&mut self, socket: &TokioUdpSocket, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_names(socket, cx);
        while self.poll_send(socket, cx).is_ready() {}
        let waits = self.connecting.as_ref().is_some_and(|c| !c.waiting.is_empty());
        if self.ready.is_empty() && self.held.is_empty() && !waits {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Carries out the queued commands. Returns whether the socket must be closed.
    fn take_commands(&mut self, socket: &TokioUdpSocket, cx: &Context<'_>) -> bool {
        for command in self.outbox.take(cx) {
            match command {
                UdpCommand::Connect(to) => self.connect(socket, to),
                UdpCommand::Send { data, to, token } => self.accept(Outgoing {
                    data,
                    to,
                    address: None,
                    token,
                }),
                UdpCommand::Close => return true,
            }
        }
        false
    }

    /// Sends the first datagram that is ready. Pending if there is none, or the system cannot take it now.
    fn poll_send(&mut self, socket: &TokioUdpSocket, cx: &mut Context<'_>) -> Poll<()> {
        let Some(first) = self.ready.front() else {
            return Poll::Pending;
        };
        let peer = self.peer.as_ref().map(|peer| peer.address);
        let sent = match first.address {
            address if address == peer => ready!(socket.poll_send(cx, &first.data)),
            Some(address) => ready!(socket.poll_send_to(cx, &first.data, address)),
            None => Err(io::ErrorKind::NotConnected.into()),
        };
        match sent {
            Err(error) if is_refusal(&error) && peer.is_some() && self.refusals < MAX_REFUSALS => {
                // It concerns an earlier datagram; this one was not sent yet.
                self.refusals += 1;
                self.unreachable(error);
            }
            sent => {
                self.refusals = 0;
                if let Some(outgoing) = self.ready.pop_front() {
                    match sent {
                        Ok(bytes) => {
                            count_sent(bytes);
                            self.sent(&outgoing);
                        }
                        Err(error) => self.lose(outgoing, error.into()),
                    }
                }
            }
        }
        Poll::Ready(())
    }

    /// Receives one datagram. Pending if there is none.
    fn poll_receive(&mut self, socket: &TokioUdpSocket, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let received = with_read_buffer(|buffer| {
            let from = ready!(socket.poll_recv_from(cx, buffer));
            Poll::Ready(from.map(|from| Datagram {
                data: Bytes::copy_from_slice(buffer.filled()),
                from: canonical(from),
            }))
        });
        match ready!(received) {
            Ok(datagram) => {
                self.errors.clear();
                count_received(datagram.data.len());
                self.datagrams.push(datagram);
                give_way();
            }
            Err(error) => {
                self.pause = self.errors.pause_after(&error).map(|time| Box::pin(sleep(time)));
                self.unreachable(error);
            }
        }
        Poll::Ready(())
    }

    /// Reports the errors that the system has for a connected socket.
    fn poll_alarm(&mut self, socket: &Arc<TokioUdpSocket>, cx: &mut Context<'_>) {
        while self.peer.is_some() {
            let alarm = self.alarm.get_or_insert_with(|| {
                let socket = socket.clone();
                Box::pin(async move { socket.ready(Interest::ERROR).await })
            });
            if alarm.as_mut().poll(cx).is_pending() {
                return;
            }
            self.alarm = None;
            let error = socket.try_io(Interest::ERROR, || match socket.take_error() {
                Ok(Some(error)) | Err(error) => Ok(error),
                // Clears the readiness until the next error.
                Ok(None) => Err(io::ErrorKind::WouldBlock.into()),
            });
            if let Ok(error) = error {
                self.unreachable(error);
            }
        }
    }

    /// Reports that an earlier datagram was rejected. Only a connected socket knows by whom.
    fn unreachable(&self, error: io::Error) {
        if let Some(peer) = &self.peer
            && self.events.has_room()
        {
            let event = UdpEvent::Unreachable(canonical(peer.address), error);
            self.events.send(event, 0);
        }
    }

    fn sent(&self, outgoing: &Outgoing) {
        self.outbox.settle(weight(&outgoing.data));
        if let Some(token) = outgoing.token {
            self.events.send(UdpEvent::Sent(token), 0);
        }
    }

    fn lose(&self, outgoing: Outgoing, error: DatagramLost) {
        self.outbox.settle(weight(&outgoing.data));
        self.tell_lost(outgoing, error);
    }

    fn tell_lost(&self, outgoing: Outgoing, error: DatagramLost) {
        let Outgoing { data, to, token, .. } = outgoing;
        if token.is_none() && !self.events.has_room() {
            return;
        }
        let (host, port) = match (&to, &self.peer) {
            (Some(to), _) => (to.host(), to.port()),
            (None, Some(peer)) => (peer.host.clone(), peer.address.port()),
            (None, None) => (String::new(), 0),
        };
        let bytes = data.len();
        let lost = LostDatagram {
            error,
            data,
            host,
            port,
            token,
        };
        self.events.send(UdpEvent::SendFailed(Box::new(lost)), bytes);
    }

    fn lose_all(&self, queue: impl IntoIterator<Item = Outgoing>, error: impl Fn() -> DatagramLost) {
        queue.into_iter().for_each(|outgoing| self.lose(outgoing, error()));
    }

    fn finish(&mut self, error: Option<io::Error>) {
        self.ended = true;
        self.drop_waiting();
        let ready = std::mem::take(&mut self.ready);
        self.lose_all(ready, || DatagramLost::Closed);
        for command in self.outbox.close() {
            if let UdpCommand::Send { data, to, token } = command {
                let address = None;
                self.tell_lost(
                    Outgoing {
                        data,
                        to,
                        address,
                        token,
                    },
                    DatagramLost::Closed,
                );
            }
        }
        self.events.send(UdpEvent::Closed(error), 0);
    }
}

impl Drop for Driver {
    /// The task ended early: the runtime was stopped, or it panicked. The user must still learn of the end.
    fn drop(&mut self) {
        if !self.ended {
            self.finish(Some(io::Error::other("the network runtime was stopped")));
        }
    }
}

/// The number of bytes that a datagram counts as in the queue of unsent ones.
pub(crate) fn weight(data: &[u8]) -> usize {
    data.len() + DATAGRAM_OVERHEAD
}
