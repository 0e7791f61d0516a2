//! Helpers shared by the socket tests: waiting for events with a deadline, reproducible bytes, and standard library
//! peers.

#![allow(dead_code, reason = "every test file uses its own part")]

use std::io::Read;
use std::net::{Ipv4Addr, Shutdown, TcpListener as StdListener, TcpStream as StdStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use async_sockets_net::address::{BindAddress, Target};
use async_sockets_net::event::{CloseReason, Endpoints, TcpEvent};
use async_sockets_net::mailbox::Mailbox;
use async_sockets_net::options::{ListenOptions, TcpOptions};
use async_sockets_net::recv_buffer::RecvBuffer;
use async_sockets_net::tcp_client::TcpClient;
use async_sockets_net::tcp_listener::{ListenerEvent, TcpListener};

/// The longest that a test waits for any one thing.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

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

/// Waits until a growing value has stopped changing for a while, and returns it.
#[track_caller]
pub(crate) fn settled<T: PartialEq>(mut value: impl FnMut() -> T) -> T {
    let deadline = Instant::now() + LIMIT;
    let mut last = value();
    let mut since = Instant::now();
    while since.elapsed() < Duration::from_millis(300) {
        assert!(Instant::now() < deadline, "no rest within {LIMIT:?}");
        sleep(Duration::from_millis(5));
        let now = value();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    last
}

/// Waits for the next event of a mailbox.
#[track_caller]
pub(crate) fn next<E>(mailbox: &Mailbox<E>) -> E {
    wait_for("event", || mailbox.next())
}

/// One of our connections, with the bytes received on it.
pub(crate) struct Client {
    pub(crate) tcp: TcpClient,
    pub(crate) buffer: RecvBuffer,
}

impl Client {
    pub(crate) fn new(tcp: TcpClient) -> Self {
        Self {
            tcp,
            buffer: RecvBuffer::default(),
        }
    }

    /// Starts connecting.
    pub(crate) fn start(host: &str, port: u16, options: &TcpOptions) -> Self {
        let target = Target::parse(host, port.into()).expect("a good host");
        Self::new(TcpClient::connect(target, options).expect("a runtime"))
    }

    /// Connects to this port of 127.0.0.1.
    pub(crate) fn connect(port: u16, options: &TcpOptions) -> Self {
        let client = Self::start("127.0.0.1", port, options);
        client.connected();
        client
    }

    /// Waits until the connection is established.
    #[track_caller]
    pub(crate) fn connected(&self) -> Endpoints {
        match next(self.tcp.mailbox()) {
            TcpEvent::Connected(endpoints) => *endpoints,
            other => panic!("not connected: {other:?}"),
        }
    }

    /// Waits for the next event other than data; data before it is buffered.
    #[track_caller]
    pub(crate) fn event(&mut self) -> TcpEvent {
        loop {
            match next(self.tcp.mailbox()) {
                TcpEvent::Data(bytes) => {
                    self.tcp.mailbox().release(bytes.len());
                    self.buffer.push(bytes);
                }
                other => return other,
            }
        }
    }

    /// Takes the bytes received so far.
    pub(crate) fn received(&mut self) -> Vec<u8> {
        let mut out = vec![0; self.buffer.len()];
        self.buffer.copy_to(0, &mut out);
        self.buffer.clear();
        out
    }

    /// Waits for this many bytes.
    #[track_caller]
    pub(crate) fn recv(&mut self, len: usize) -> Vec<u8> {
        while self.buffer.len() < len {
            match next(self.tcp.mailbox()) {
                TcpEvent::Data(bytes) => {
                    self.tcp.mailbox().release(bytes.len());
                    self.buffer.push(bytes);
                }
                other => panic!("{other:?} after {} of {len} bytes", self.buffer.len()),
            }
        }
        let mut out = vec![0; len];
        self.buffer.copy_to(0, &mut out);
        self.buffer.consume(len);
        out
    }

    /// Waits for the peer's FIN; returns the bytes before it.
    #[track_caller]
    pub(crate) fn recv_to_end(&mut self) -> Vec<u8> {
        match self.event() {
            TcpEvent::PeerClosed => self.received(),
            other => panic!("{other:?} and no end"),
        }
    }

    /// Waits for the last event.
    #[track_caller]
    pub(crate) fn closed(&mut self) -> (CloseReason, Option<std::io::Error>) {
        loop {
            if let TcpEvent::Closed(reason, error) = self.event() {
                return (reason, error);
            }
        }
    }
}

/// A standard library listener on a free port of 127.0.0.1.
pub(crate) fn std_listener() -> (StdListener, u16) {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

/// One of our connections, and its standard library peer.
pub(crate) fn pair(options: &TcpOptions) -> (Client, StdStream) {
    let (listener, port) = std_listener();
    let client = Client::connect(port, options);
    let (peer, _) = listener.accept().expect("a connection");
    (client, with_time_limit(peer))
}

/// A standard library connection to this port of 127.0.0.1.
pub(crate) fn std_connect(port: u16) -> StdStream {
    with_time_limit(StdStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection"))
}

fn with_time_limit(stream: StdStream) -> StdStream {
    stream.set_read_timeout(Some(LIMIT)).expect("a read timeout");
    stream.set_write_timeout(Some(LIMIT)).expect("a write timeout");
    stream
}

/// Closes with RST.
pub(crate) fn reset(stream: StdStream) {
    socket2::SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .expect("a linger time");
    drop(stream);
}

/// Reads until the end of the stream.
pub(crate) fn read_to_end(stream: &mut StdStream) -> Vec<u8> {
    let mut out = Vec::new();
    stream.read_to_end(&mut out).expect("a good end");
    out
}

/// Ends the sending side.
pub(crate) fn fin(stream: &StdStream) {
    stream.shutdown(Shutdown::Write).expect("a FIN");
}

/// Starts one of our listeners.
pub(crate) fn listen(host: &str, port: u16, max_clients: Option<usize>) -> TcpListener {
    TcpListener::start(bind_address(host, port), listen_options(max_clients)).expect("a listener")
}

pub(crate) fn bind_address(host: &str, port: u16) -> BindAddress {
    BindAddress::parse(host, port.into()).expect("a good address")
}

pub(crate) fn listen_options(max_clients: Option<usize>) -> ListenOptions {
    ListenOptions {
        max_clients,
        ..ListenOptions::default()
    }
}

/// Waits for the next connection that one of our listeners accepts.
#[track_caller]
pub(crate) fn accept(listener: &TcpListener) -> (Client, Endpoints) {
    match next(listener.mailbox()) {
        ListenerEvent::Accepted(client, endpoints) => (Client::new(client), *endpoints),
        other => panic!("nothing accepted: {other:?}"),
    }
}

/// Pseudo-random numbers, the same in every run (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A size from 1 to `most`, distributed so that small sizes are as likely as large ones.
    pub(crate) fn size(&mut self, most: usize) -> usize {
        let most = most >> (self.next() % 12);
        1 + self.next() as usize % most.max(1)
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(len + 8);
        while out.len() < len {
            out.extend_from_slice(&self.next().to_le_bytes());
        }
        out.truncate(len);
        out
    }
}

/// Asserts equality without printing megabytes.
#[track_caller]
pub(crate) fn assert_same(got: &[u8], want: &[u8]) {
    if got != want {
        let at = got.iter().zip(want).position(|(a, b)| a != b);
        panic!(
            "{} bytes instead of {}, first difference at {at:?}",
            got.len(),
            want.len()
        );
    }
}
