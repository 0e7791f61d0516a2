//! Helpers of the WebSocket tests: a server whose events can be waited for, and a peer that sends arbitrary bytes.

#![allow(dead_code, reason = "every test file uses its own part")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use async_sockets_net::address::BindAddress;
use async_sockets_net::event::WebSocketEvent;
use async_sockets_net::websocket::ClientId;
use async_sockets_net::websocket::close_code::Disconnect;
use async_sockets_net::websocket::messages::{Message, Messages};
use async_sockets_net::websocket::options::WebSocketOptions;
use async_sockets_net::websocket::request::ClientInfo;
use async_sockets_net::websocket_server::WebSocketServer;

/// The longest that a test waits for any one thing.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A valid request head, to which a test appends further lines and the empty line.
pub(crate) const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;

/// One event of a server; messages are reported one by one.
#[derive(Debug)]
pub(crate) enum Happened {
    Connected(ClientId, Arc<ClientInfo>),
    Text(ClientId, String),
    Binary(ClientId, Vec<u8>),
    Disconnected(ClientId, Disconnect),
    Other(WebSocketEvent),
}

pub(crate) struct Server {
    pub(crate) inner: WebSocketServer,
    current: Option<(ClientId, Messages)>,
}

impl Server {
    pub(crate) fn start(options: WebSocketOptions) -> Self {
        Self::start_at(0, options)
    }

    pub(crate) fn start_at(port: u16, options: WebSocketOptions) -> Self {
        let address = BindAddress::parse("127.0.0.1", port.into()).expect("a good address");
        let inner = WebSocketServer::start(address, options).expect("a free port");
        Self { inner, current: None }
    }

    pub(crate) fn port(&self) -> u16 {
        self.inner.local_address().port()
    }

    /// The next event, if there is one.
    pub(crate) fn poll(&mut self) -> Option<Happened> {
        loop {
            if let Some((id, messages)) = &mut self.current {
                match messages.next() {
                    Some(Message::Text(text) | Message::PreparedText(text, _)) => {
                        return Some(Happened::Text(*id, text.to_owned()));
                    }
                    Some(Message::Binary(data)) => return Some(Happened::Binary(*id, data.to_vec())),
                    None => self.current = None,
                }
            }
            match self.inner.next_event()? {
                WebSocketEvent::Messages(arrived) => self.current = Some((arrived.client(), arrived.take())),
                WebSocketEvent::Connected(id, info) => return Some(Happened::Connected(id, info)),
                WebSocketEvent::Disconnected(id, how) => return Some(Happened::Disconnected(id, *how)),
                other => return Some(Happened::Other(other)),
            }
        }
    }

    #[track_caller]
    pub(crate) fn next(&mut self) -> Happened {
        wait_for("event", || self.poll())
    }

    #[track_caller]
    pub(crate) fn connected(&mut self) -> ClientId {
        match self.next() {
            Happened::Connected(id, _) => id,
            other => panic!("not connected: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn text(&mut self) -> String {
        match self.next() {
            Happened::Text(_, text) => text,
            other => panic!("no text: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn binary(&mut self) -> Vec<u8> {
        match self.next() {
            Happened::Binary(_, data) => data,
            other => panic!("no binary message: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn disconnected(&mut self) -> (u16, String, bool) {
        match self.next() {
            Happened::Disconnected(_, how) => (how.code.get(), how.reason, how.clean),
            other => panic!("not disconnected: {other:?}"),
        }
    }

    /// Connects a peer and waits until it is admitted; returns it with its id.
    #[track_caller]
    pub(crate) fn join(&mut self) -> (Peer, ClientId) {
        let peer = Peer::open(self.port(), "");
        let id = self.connected();
        (peer, id)
    }
}

/// A client written by hand.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
}

impl Peer {
    /// Connects without sending anything.
    pub(crate) fn connect(port: u16) -> Self {
        Self::of(TcpStream::connect(("127.0.0.1", port)).expect("a listening server"))
    }

    fn of(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(LIMIT)).expect("a socket");
        stream.set_write_timeout(Some(LIMIT)).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        Self { stream }
    }

    /// Connects from a specific local address. On Linux, all of 127.0.0.0/8 is local.
    pub(crate) fn connect_from(address: [u8; 4], port: u16) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((address, 0)).into()).expect("an address");
        socket
            .connect(&SocketAddr::from(([127, 0, 0, 1], port)).into())
            .expect("a listening server");
        Self::of(socket.into())
    }

    /// Connects and sends a valid request with these additional lines, each with its CRLF.
    pub(crate) fn ask(port: u16, lines: &str) -> Self {
        let mut peer = Self::connect(port);
        peer.send(format!("{REQUEST}{lines}\r\n").as_bytes());
        peer
    }

    /// Connects, sends a valid request, and waits for the 101 response.
    #[track_caller]
    pub(crate) fn open(port: u16, lines: &str) -> Self {
        let mut peer = Self::ask(port, lines);
        let answer = peer.head();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        peer
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("an open connection");
    }

    /// Sends one frame.
    #[track_caller]
    pub(crate) fn frame(&mut self, first: u8, payload: &[u8]) {
        self.send(&frame(first, payload));
    }

    #[track_caller]
    pub(crate) fn close(&mut self, code: u16, reason: &str) {
        self.frame(CLOSE, &close_payload(code, reason));
    }

    /// Reads a response head, including its empty line.
    #[track_caller]
    pub(crate) fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let [byte] = self.take(1)[..] else { unreachable!() };
            head.push(byte);
        }
        String::from_utf8(head).expect("an ASCII head")
    }

    #[track_caller]
    pub(crate) fn take(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.stream.read_exact(&mut bytes).expect("bytes from the server");
        bytes
    }

    /// Reads the next frame: its first byte and its payload.
    #[track_caller]
    pub(crate) fn next_frame(&mut self) -> (u8, Vec<u8>) {
        let [first, len] = self.take(2)[..] else { unreachable!() };
        let len = match len {
            126 => u16::from_be_bytes(self.take(2).try_into().expect("2 bytes")).into(),
            127 => u64::from_be_bytes(self.take(8).try_into().expect("8 bytes")),
            _ => u64::from(len),
        };
        (first, self.take(usize::try_from(len).expect("a length")))
    }

    /// Reads the next frame, which must be a close frame.
    #[track_caller]
    pub(crate) fn next_close(&mut self) -> (u16, String) {
        let (first, payload) = self.next_frame();
        assert_eq!(first, CLOSE, "not a close frame: {payload:?}");
        let (code, reason) = payload.split_at(2);
        let reason = String::from_utf8(reason.to_vec()).expect("UTF-8");
        (u16::from_be_bytes([code[0], code[1]]), reason)
    }

    /// Reads everything until the server's FIN.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).expect("a good end");
        rest
    }

    /// Whether the connection ends, in any way, after any bytes.
    #[track_caller]
    pub(crate) fn ends(&mut self) {
        let mut scrap = vec![0; 64 * 1024];
        loop {
            match self.stream.read(&mut scrap) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
                Err(error) => panic!("it goes on: {error}"),
            }
        }
    }

    pub(crate) fn shutdown(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("an open connection");
    }
}

/// Encodes one masked frame.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = header(first, payload.len() as u64);
    let mask = out[out.len() - 4..].to_vec();
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

/// Encodes the header of a masked frame that claims this length.
pub(crate) fn header(first: u8, len: u64) -> Vec<u8> {
    let mut out = vec![first];
    match len {
        0..126 => out.push(0x80 | u8::try_from(len).expect("small")),
        126..65536 => {
            out.push(0x80 | 126);
            out.extend(u16::try_from(len).expect("small").to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend(len.to_be_bytes());
        }
    }
    out.extend([0x12, 0x34, 0x56, 0x78]);
    out
}

pub(crate) fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes()[..], reason.as_bytes()].concat()
}

/// Polls until there is an answer.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "no {what} within {LIMIT:?}");
        sleep(Duration::from_micros(200));
    }
}

/// Polls until the condition holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()));
}
