//! A StreamPeerTCP of the engine as the far end of a connection. The engine does not expose its socket, so it is driven
//! by every drain instead of the runtime.

use async_sockets_net::command::TcpCommand;
use async_sockets_net::event::{CloseReason, Endpoints, TcpEvent};
use async_sockets_net::external::External;
use bytes::{Buf, Bytes, BytesMut};
use godot::builtin::PackedByteArray;
use godot::classes::StreamPeerTcp;
use godot::classes::stream_peer_tcp::Status;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Maximum number of bytes that one visit reads, and that it writes: a wrapped stream takes time of the main thread.
const MAX_PER_VISIT: usize = 256 * 1024;

/// Time limit for sending what was queued before a close.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

enum Item {
    Bytes(BytesMut),
    Flushed(u64),
}

pub(crate) struct EngineStream {
    stream: Gd<StreamPeerTcp>,
    external: External,
    writes: VecDeque<Item>,
    /// Set once the user has closed: the stream ends when everything is written, at this moment at the latest.
    closing: Option<Instant>,
    over: bool,
}

impl EngineStream {
    pub(crate) fn new(stream: Gd<StreamPeerTcp>, external: External) -> Self {
        Self {
            stream,
            external,
            writes: VecDeque::new(),
            closing: None,
            over: false,
        }
    }

    /// The addresses of a connected stream; `None` if it is not connected.
    pub(crate) fn endpoints(stream: &Gd<StreamPeerTcp>) -> Option<Endpoints> {
        let mut stream = stream.clone();
        stream.poll();
        if stream.get_status() != Status::CONNECTED {
            return None;
        }
        let peer_ip = stream.get_connected_host().to_string().parse().ok()?;
        let peer = SocketAddr::new(peer_ip, u16::try_from(stream.get_connected_port()).ok()?);
        // The engine exposes only the port of this side.
        let local_ip = if peer.is_ipv4() {
            [0, 0, 0, 0].into()
        } else {
            [0u16; 8].into()
        };
        let local = SocketAddr::new(local_ip, u16::try_from(stream.get_local_port()).ok()?);
        Some(Endpoints { local, peer })
    }

    /// Reads and writes what is possible without waiting. Runs no user code. False once the stream is over.
    pub(crate) fn pump(&mut self) -> bool {
        self.take_commands();
        if !self.over {
            self.write();
            self.read();
        }
        if !self.over
            && self
                .closing
                .is_some_and(|end| self.writes.is_empty() || Instant::now() >= end)
        {
            self.finish(CloseReason::ByHost);
        }
        !self.over
    }

    fn take_commands(&mut self) {
        for command in self.external.take_commands() {
            match command {
                TcpCommand::Send(bytes) if self.over => self.external.settle(bytes.len()),
                TcpCommand::Send(bytes) => self.writes.push_back(Item::Bytes(bytes)),
                TcpCommand::Flush(token) => self.writes.push_back(Item::Flushed(token)),
                TcpCommand::Close => self.closing = Some(Instant::now() + FLUSH_TIMEOUT),
                TcpCommand::Abort | TcpCommand::Shed => self.finish(CloseReason::ByHost),
                TcpCommand::SetNoDelay(on) => self.stream.set_no_delay(on),
                // Not supported by the engine's stream.
                TcpCommand::ShutdownSend | TcpCommand::SetKeepAlive(_) | TcpCommand::StartTls(..) => {}
            }
        }
    }

    fn is_connected(&self) -> bool {
        self.stream.get_status() == Status::CONNECTED
    }

    fn write(&mut self) {
        if !self.is_connected() {
            return;
        }
        let mut left = MAX_PER_VISIT;
        while let Some(item) = self.writes.front_mut() {
            match item {
                Item::Flushed(token) => {
                    self.external.report(TcpEvent::Flushed(*token));
                    self.writes.pop_front();
                }
                Item::Bytes(bytes) => {
                    let block = PackedByteArray::from(&bytes[..bytes.len().min(left)]);
                    let result = self.stream.put_partial_data(&block);
                    let sent = usize::try_from(result.at(1).try_to::<i64>().unwrap_or(0)).unwrap_or(0);
                    bytes.advance(sent.min(bytes.len()));
                    self.external.wrote(sent);
                    left = left.saturating_sub(sent);
                    if !bytes.is_empty() {
                        return;
                    }
                    self.writes.pop_front();
                }
            }
        }
    }

    fn read(&mut self) {
        self.stream.poll();
        let mut left = MAX_PER_VISIT;
        // A closed stream reports an error when it is asked for bytes. After the user's close the bytes are read and
        // discarded: a peer whose bytes are not read may stop reading too.
        while left > 0 && self.is_connected() && (self.closing.is_some() || self.external.has_room()) {
            let available = usize::try_from(self.stream.get_available_bytes())
                .unwrap_or(0)
                .min(left);
            if available == 0 {
                break;
            }
            let result = self
                .stream
                .get_partial_data(i32::try_from(available).unwrap_or(i32::MAX));
            let data = result.at(1).try_to::<PackedByteArray>().unwrap_or_default();
            if result.at(0) != Error::OK.to_variant() || data.is_empty() {
                break;
            }
            left -= data.len().min(left);
            if self.closing.is_none() {
                self.external
                    .report(TcpEvent::Data(Bytes::copy_from_slice(data.as_slice())));
            }
        }
        match self.stream.get_status() {
            Status::CONNECTED | Status::CONNECTING => {}
            Status::ERROR => self.finish(CloseReason::Error),
            _ => {
                self.over = true;
                self.external.report(TcpEvent::PeerClosed);
                self.external.report(TcpEvent::Closed(CloseReason::ByPeer, None));
            }
        }
    }

    fn finish(&mut self, reason: CloseReason) {
        self.over = true;
        self.stream.disconnect_from_host();
        self.external.report(TcpEvent::Closed(reason, None));
    }
}
