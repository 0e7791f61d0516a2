//! Silent connections, regardless of their number and how often they are renewed, do not lock other clients out.

#![cfg(unix)]

mod common;
mod http_common;
mod tls_common;
mod websocket_common;

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, spawn};

use async_sockets_net::limits::{MAX_TLS_HANDSHAKES, NO_TIME_LIMIT};
use async_sockets_net::options::ListenOptions;
use async_sockets_net::websocket::options::{HandshakeOptions, WebSocketOptions};
#[cfg(target_os = "linux")]
use http_common::{answer, with_handler};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tls_common::{Authority, listen_with, try_connect};
use websocket_common::{Peer, REQUEST, Server, TEXT, frame, wait_for, wait_until};

/// Allows one crowd at a time, so that each has the machine to itself.
static TURN: Mutex<()> = Mutex::new(());

/// Silent connections to a port, each replaced as soon as it is dropped, until this value is dropped.
struct Crowd {
    _turn: MutexGuard<'static, ()>,
    stop: &'static AtomicBool,
    thread: Option<JoinHandle<usize>>,
}

impl Crowd {
    fn new(port: u16, count: usize, first_bytes: &'static [u8]) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let limit = Rlimit {
            current: maximum.map(|most| most.min(65_536)).or(Some(65_536)),
            maximum,
        };
        setrlimit(Resource::Nofile, limit).expect("as many files as this user may have");
        let stop: &'static AtomicBool = Box::leak(Box::default());
        let connect = move || {
            let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
            let mut silent: &TcpStream = &stream;
            let _ = std::io::Write::write_all(&mut silent, first_bytes);
            stream.set_nonblocking(true).ok()?;
            Some(stream)
        };
        let mut crowd: Vec<_> = (0..count).map(|_| connect()).collect();
        let thread = spawn(move || {
            let mut renewed = 0;
            while !stop.load(Ordering::Acquire) {
                for place in &mut crowd {
                    let is_alive = place.as_ref().is_some_and(|stream| {
                        let peek = stream.peek(&mut [0]);
                        peek.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
                    });
                    if !is_alive {
                        *place = connect();
                        renewed += 1;
                    }
                }
                std::thread::yield_now();
            }
            renewed
        });
        Self {
            _turn: turn,
            stop,
            thread: Some(thread),
        }
    }

    /// Ends the crowd, and returns how many connections were renewed.
    fn end(mut self) -> usize {
        self.stop.store(true, Ordering::Release);
        self.thread.take().map_or(0, |thread| thread.join().expect("no panic"))
    }
}

fn options(max_pending: usize) -> WebSocketOptions {
    WebSocketOptions {
        handshake: HandshakeOptions {
            max_pending,
            timeout: None,
            ..HandshakeOptions::default()
        },
        ..WebSocketOptions::default()
    }
}

/// Real clients connect one after the other from the same address as a crowd of silent connections, twice as many as
/// there are handshake slots; a client that was admitted earlier still gets its echoes.
fn come_in_beside(first_bytes: &'static [u8]) {
    let mut server = Server::start(options(1024));
    let (mut before, id) = server.join();
    let crowd = Crowd::new(server.port(), 2048, first_bytes);
    wait_until("the crowd", || server.inner.statistics().turned_away.displaced > 1024);
    for n in 0..20 {
        let (mut peer, _) = server.join();
        peer.frame(TEXT, b"in");
        assert_eq!(server.text(), "in");
        before.frame(TEXT, format!("echo {n}").as_bytes());
        let text = server.text();
        server.inner.send_text(id, &text).expect("room");
        assert_eq!(before.next_frame(), (TEXT, text.into_bytes()));
        drop(peer);
        server.disconnected();
    }
    assert!(crowd.end() > 0, "the crowd was not renewed");
}

#[test]
fn real_clients_get_in_beside_silent_ones() {
    come_in_beside(b"");
}

#[test]
fn real_clients_get_in_beside_requests_that_never_end() {
    come_in_beside(b"GET / HTTP/1.1\r\nHost:");
}

#[test]
#[cfg(target_os = "linux")] // 127.0.0.0/8 is loopback as a whole only there.
fn a_slow_client_of_another_address_is_not_the_one_that_goes() {
    let mut server = Server::start(options(64));
    let mut slow = Peer::connect_from([127, 0, 0, 2], server.port());
    let mut slower = Peer::connect_from([127, 0, 0, 2], server.port());
    slower.send(b"GET / HTTP/1.1\r\n");
    let crowd = Crowd::new(server.port(), 400, b"");
    // Many times more connections than there are slots have come and gone.
    wait_until("the crowd", || {
        server.inner.statistics().turned_away.displaced > 64 * 20
    });
    slow.send(format!("{REQUEST}\r\n").as_bytes());
    assert!(slow.head().starts_with("HTTP/1.1 101 "));
    slower.send(&format!("{REQUEST}\r\n").as_bytes()["GET / HTTP/1.1\r\n".len()..]);
    assert!(slower.head().starts_with("HTTP/1.1 101 "));
    server.connected();
    server.connected();
    crowd.end();
}

#[test]
fn refused_clients_hold_no_place_while_they_linger() {
    let mut server = Server::start(options(4));
    // They read their response but never close.
    let _refused: Vec<_> = (0..40)
        .map(|_| {
            let mut peer = Peer::connect(server.port());
            peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert!(peer.head().starts_with("HTTP/1.1 426 "));
            peer
        })
        .collect();
    assert_eq!(server.inner.statistics().turned_away.displaced, 0);
    server.join();
}

#[test]
fn tls_handshakes_too() {
    let authority = Authority::new("authority");
    let (listener, port) = listen_with(ListenOptions {
        tls: Some(authority.issue(&["localhost"]).server()),
        tls_timeout: NO_TIME_LIMIT,
        ..ListenOptions::default()
    });
    let mut secure = options(1024);
    secure.tls = Some(authority.issue(&["localhost"]).server());
    let mut server = Server::start(secure);
    // Nothing at all, and half of a TLS record.
    for first_bytes in [b"".as_slice(), &[22, 3, 1, 2, 0, 1]] {
        let crowd = Crowd::new(port, MAX_TLS_HANDSHAKES + 200, first_bytes);
        wait_until("the crowd", || listener.figures().turned_away().displaced > 0);
        // With only 256 slots, and the crowd in the same process, this may take a second attempt.
        let client = wait_for("a client", || try_connect("localhost", port, authority.client()).ok());
        let (mut accepted, _) = common::accept(&listener);
        client.tcp.send(b"here").expect("room");
        assert_eq!(accepted.recv(4), b"here");
        wait_until("words", || {
            let words = listener.figures().last_handshake_error().unwrap_or_default();
            words.contains("make room")
        });
        crowd.end();

        let crowd = Crowd::new(server.port(), 2048, first_bytes);
        wait_until("the crowd", || server.inner.statistics().turned_away.displaced > 0);
        let client = wait_for("a client", || {
            try_connect("localhost", server.port(), authority.client()).ok()
        });
        client.tcp.send(format!("{REQUEST}\r\n").as_bytes()).expect("room");
        server.connected();
        client.tcp.send(&frame(TEXT, b"hello")).expect("room");
        assert_eq!(server.text(), "hello");
        crowd.end();
        drop(client);
        server.disconnected();
    }
    assert!(listener.figures().failed_handshakes() > 0);
}

/// Runs a test in a process of its own, because it uses up all descriptors. Returns whether this is the process.
#[cfg(target_os = "linux")]
fn with_few_files(test: &str) -> bool {
    const CHILD: &str = "ASYNC_SOCKETS_TEST_SILENT_FEW_FILES";
    if std::env::var_os(CHILD).is_none() {
        let output = std::process::Command::new(std::env::current_exe().expect("a path"))
            .args(["--exact", test, "--nocapture"])
            .env(CHILD, "1")
            .output()
            .expect("a child process");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return false;
    }
    let limit = Rlimit {
        current: Some(256),
        maximum: getrlimit(Resource::Nofile).maximum,
    };
    setrlimit(Resource::Nofile, limit).expect("a lower limit");
    true
}

/// Opens files until there is one descriptor left, for the peer's end of a connection, and none for the server's.
#[cfg(target_os = "linux")]
fn use_up_files() -> Vec<std::fs::File> {
    let mut files = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        files.push(file);
    }
    files.pop();
    files
}

#[test]
#[cfg(target_os = "linux")] // Reads /proc/self/fd.
fn out_of_descriptors_the_silent_make_room() {
    if !with_few_files("out_of_descriptors_the_silent_make_room") {
        return;
    }
    // More slots than descriptors.
    let mut server = Server::start(options(1024));
    let mut silent: Vec<_> = (0..100).map(|_| Peer::connect(server.port())).collect();
    let descriptors = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    wait_until("both ends of all", || descriptors() >= 200);
    let _files = use_up_files();
    let peer = Peer::connect(server.port());
    wait_until("room", || server.inner.statistics().turned_away.displaced > 0);
    silent.push(peer);
    let peer = silent.last_mut().expect("a peer");
    peer.send(format!("{REQUEST}\r\n").as_bytes());
    assert!(peer.head().starts_with("HTTP/1.1 101 "));
    server.connected();
}

/// Connections for plain HTTP that wait for their next request cost nobody's entry. One with a request is not cut.
#[test]
#[cfg(target_os = "linux")] // The number of descriptors is known there.
fn out_of_descriptors_idle_pages_make_room() {
    if !with_few_files("out_of_descriptors_idle_pages_make_room") {
        return;
    }
    let mut options = with_handler();
    options.http.idle_timeout = NO_TIME_LIMIT;
    let mut server = Server::start(options);
    let ask = |server: &mut Server| {
        let mut peer = Peer::connect(server.port());
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (peer, server.request().1)
    };
    let (mut busy, later) = ask(&mut server);
    let mut idle: Vec<_> = (0..20)
        .map(|_| {
            let (mut peer, reply) = ask(&mut server);
            reply.send(answer("page")).expect("open");
            assert_eq!(peer.response().text(), "page");
            peer
        })
        .collect();
    let _files = use_up_files();
    let mut peer = Peer::connect(server.port());
    peer.send(format!("{REQUEST}\r\n").as_bytes());
    assert!(peer.head().starts_with("HTTP/1.1 101 "));
    idle.iter_mut().for_each(Peer::is_closed);
    later.send(answer("page")).expect("open");
    let response = busy.response();
    assert_eq!((response.text(), response.closes()), ("page", true));
    busy.is_closed();
}
