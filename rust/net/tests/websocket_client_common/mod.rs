//! Helpers of the WebSocket client tests: a client whose events can be waited for, and a server that sends arbitrary
//! bytes.

#![allow(dead_code, reason = "every test file uses its own part")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use async_sockets_net::event::{Established, WebSocketClientEvent};
use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use async_sockets_net::websocket::close_code::CloseFrame;
use async_sockets_net::websocket::connect_error::WebSocketConnectError;
use async_sockets_net::websocket::messages::{Message, Messages};
use async_sockets_net::websocket::url::WebSocketUrl;
use async_sockets_net::websocket_client::WebSocketClient;
use socket2::SockRef;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::websocket_common::{CLOSE, LIMIT, close_payload, wait_for};

/// One event of a client; messages are reported one by one.
#[derive(Debug)]
pub(crate) enum Seen {
    Connected(Box<Established>),
    ConnectFailed(WebSocketConnectError),
    Text(String),
    Binary(Vec<u8>),
    Flushed(u64),
    /// The code, the reason, whether it was clean, and the number of unsent bytes.
    Disconnected(u16, String, bool, usize),
}

pub(crate) struct Client {
    pub(crate) inner: WebSocketClient,
    current: Messages,
}

impl Client {
    /// Starts to connect.
    pub(crate) fn start(url: &str, options: WebSocketClientOptions) -> Self {
        let url = WebSocketUrl::parse(url).expect("a good URL");
        Self {
            inner: WebSocketClient::connect(url, options).expect("a runtime"),
            current: Messages::default(),
        }
    }

    /// Connects to this port of 127.0.0.1, and waits until the connection is established.
    #[track_caller]
    pub(crate) fn connect(port: u16, options: WebSocketClientOptions) -> Self {
        let mut client = Self::start(&url(port), options);
        client.connected();
        client
    }

    /// The next event, if there is one.
    pub(crate) fn poll(&mut self) -> Option<Seen> {
        loop {
            match self.current.next() {
                Some(Message::Text(text) | Message::PreparedText(text, _)) => return Some(Seen::Text(text.to_owned())),
                Some(Message::Binary(data)) => return Some(Seen::Binary(data.to_vec())),
                // They count as unread until they are dropped.
                None => self.current = Messages::default(),
            }
            return Some(match self.inner.next_event()? {
                WebSocketClientEvent::Messages => {
                    self.current = self.inner.take_messages();
                    continue;
                }
                WebSocketClientEvent::Connected(established) => Seen::Connected(established),
                WebSocketClientEvent::ConnectFailed(error) => Seen::ConnectFailed(*error),
                WebSocketClientEvent::Flushed(token) => Seen::Flushed(token),
                WebSocketClientEvent::Disconnected(how, unsent) => {
                    Seen::Disconnected(how.code.get(), how.reason, how.clean, unsent)
                }
            });
        }
    }

    #[track_caller]
    pub(crate) fn next(&mut self) -> Seen {
        wait_for("event", || self.poll())
    }

    #[track_caller]
    pub(crate) fn connected(&mut self) -> Established {
        match self.next() {
            Seen::Connected(established) => *established,
            other => panic!("not connected: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn failed(&mut self) -> WebSocketConnectError {
        match self.next() {
            Seen::ConnectFailed(error) => error,
            other => panic!("no failure: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn text(&mut self) -> String {
        match self.next() {
            Seen::Text(text) => text,
            other => panic!("no text: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn binary(&mut self) -> Vec<u8> {
        match self.next() {
            Seen::Binary(data) => data,
            other => panic!("no binary message: {other:?}"),
        }
    }

    /// Waits for the end, which must be the last event.
    #[track_caller]
    pub(crate) fn disconnected(&mut self) -> (u16, String, bool) {
        let (code, reason, clean, _) = self.ended();
        (code, reason, clean)
    }

    /// Likewise, with the number of unsent bytes.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> (u16, String, bool, usize) {
        match self.next() {
            Seen::Disconnected(code, reason, clean, unsent) => {
                assert!(self.poll().is_none(), "an event after the last");
                (code, reason, clean, unsent)
            }
            other => panic!("not disconnected: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn close(&self, code: i64, reason: &str) {
        let frame = CloseFrame::parse(code, reason).expect("a valid close");
        assert!(self.inner.close(frame), "closed before");
    }
}

pub(crate) fn url(port: u16) -> String {
    format!("ws://127.0.0.1:{port}/")
}

/// A listener whose connections are served by hand.
pub(crate) struct RawServer(TcpListener);

impl RawServer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        Self(listener)
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().expect("an address").port()
    }

    pub(crate) fn url(&self) -> String {
        url(self.port())
    }

    /// Whether a connection waits to be accepted.
    pub(crate) fn has_more(&self) -> bool {
        self.0.accept().is_ok()
    }

    /// Accepts the next connection, without reading its request.
    #[track_caller]
    pub(crate) fn accept(&self) -> Raw {
        wait_for("connection", || self.try_accept())
    }

    fn try_accept(&self) -> Option<Raw> {
        let (stream, _) = self.0.accept().ok()?;
        stream.set_nonblocking(false).expect("a socket");
        stream.set_read_timeout(Some(LIMIT)).expect("a socket");
        stream.set_write_timeout(Some(LIMIT)).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        Some(Raw {
            stream,
            masks: Vec::new(),
        })
    }

    /// Accepts a connection, and reads its request head.
    #[track_caller]
    pub(crate) fn asked(&self) -> (Raw, String) {
        let mut raw = self.accept();
        let head = raw.head();
        (raw, head)
    }

    /// The same, if a connection waits.
    #[track_caller]
    pub(crate) fn try_asked(&self) -> Option<(Raw, String)> {
        let mut raw = self.try_accept()?;
        let head = raw.head();
        Some((raw, head))
    }

    /// Accepts a connection, and answers its request with a valid head.
    #[track_caller]
    pub(crate) fn open(&self) -> Raw {
        let (mut raw, head) = self.asked();
        raw.send(switching_protocols(&head, "").as_bytes());
        raw
    }

    /// A client that is connected to this server, and this side of the connection.
    #[track_caller]
    pub(crate) fn join(&self, options: WebSocketClientOptions) -> (Client, Raw) {
        let mut client = Client::start(&self.url(), options);
        let raw = self.open();
        client.connected();
        (client, raw)
    }
}

/// The server's side of one connection.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    /// The masks of all frames so far.
    masks: Vec<[u8; 4]>,
}

impl Raw {
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("an open connection");
    }

    #[track_caller]
    pub(crate) fn frame(&mut self, first: u8, payload: &[u8]) {
        self.send(&server_frame(first, payload));
    }

    #[track_caller]
    pub(crate) fn close(&mut self, code: u16, reason: &str) {
        self.frame(CLOSE, &close_payload(code, reason));
    }

    #[track_caller]
    pub(crate) fn take(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.stream.read_exact(&mut bytes).expect("bytes from the client");
        bytes
    }

    #[track_caller]
    pub(crate) fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.take(1));
        }
        String::from_utf8(head).expect("an ASCII head")
    }

    /// Reads the next frame, which must be masked, and not as another was: its first byte and its payload.
    #[track_caller]
    pub(crate) fn next_frame(&mut self) -> (u8, Vec<u8>) {
        let [first, second] = self.take(2)[..] else {
            unreachable!()
        };
        assert!(second & 0x80 != 0, "not masked");
        let len = match second & 0x7F {
            126 => u16::from_be_bytes(self.take(2).try_into().expect("2 bytes")).into(),
            127 => u64::from_be_bytes(self.take(8).try_into().expect("8 bytes")),
            len => u64::from(len),
        };
        let mask: [u8; 4] = self.take(4).try_into().expect("4 bytes");
        // Random masks repeat, but not three of a few.
        let same = self.masks.iter().filter(|other| **other == mask).count();
        assert!(same < 2, "a mask comes again and again");
        if self.masks.len() < 100 {
            self.masks.push(mask);
        }
        let mut payload = self.take(usize::try_from(len).expect("a length"));
        for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        (first, payload)
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

    /// Reads everything until the client's FIN.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).expect("a good end");
        rest
    }

    /// Waits until the connection has ended in any way, and discards what comes before.
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

    /// Writes these bytes again and again until nothing has been taken for a while. Returns how many were taken;
    /// gives up at `most`.
    pub(crate) fn flood(&mut self, bytes: &[u8], most: usize) -> usize {
        self.stream
            .set_write_timeout(Some(Duration::from_millis(500)))
            .expect("a socket");
        let mut total = 0;
        while total < most {
            match self.stream.write(&bytes[total % bytes.len()..]) {
                Ok(n) => total += n,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                Err(error) => panic!("the connection ended: {error}"),
            }
        }
        self.stream.set_write_timeout(Some(LIMIT)).expect("a socket");
        total
    }

    pub(crate) fn fin(&self) {
        self.stream.shutdown(Shutdown::Write).expect("an open connection");
    }

    /// Ends the connection with RST.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .expect("a socket");
    }
}

/// The value of a header line of a request.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (n, value) = line.split_once(':')?;
        n.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The `Sec-WebSocket-Accept` that belongs to a request.
pub(crate) fn accept_of(head: &str) -> String {
    derive_accept_key(header(head, "Sec-WebSocket-Key").expect("a key").as_bytes())
}

/// A valid response to a request, with these additional lines, each with its CRLF.
pub(crate) fn switching_protocols(head: &str, lines: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n{lines}\r\n",
        accept_of(head)
    )
}

/// Encodes one frame as a server does, without a mask.
pub(crate) fn server_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = server_header(first, payload.len() as u64);
    out.extend_from_slice(payload);
    out
}

/// Encodes the header of such a frame that claims this length.
pub(crate) fn server_header(first: u8, len: u64) -> Vec<u8> {
    let mut out = vec![first];
    match len {
        0..126 => out.push(u8::try_from(len).expect("small")),
        126..65536 => {
            out.push(126);
            out.extend(u16::try_from(len).expect("small").to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend(len.to_be_bytes());
        }
    }
    out
}
