//! A thousand idle clients in one process. Prints the memory that each takes (`-- --nocapture`); this side only, the
//! server's is a plain socket.

#![cfg(target_os = "linux")]

mod websocket_client_common;
mod websocket_common;

use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use websocket_client_common::RawServer;
use websocket_common::TEXT;

const CLIENTS: usize = 1000;

/// The resident memory of this process, in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().split(' ').next());
    number.and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn a_thousand_idle_clients() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: maximum.map(|most| most.min(8192)).or(Some(8192)),
        maximum,
    };
    setrlimit(Resource::Nofile, limit).expect("as many files as this user may have");
    let server = RawServer::start();
    let _first = server.join(WebSocketClientOptions::default());
    let before = resident();
    let mut all: Vec<_> = (0..CLIENTS)
        .map(|_| server.join(WebSocketClientOptions::default()))
        .collect();
    println!(
        "{} bytes for each of {CLIENTS} idle clients",
        resident().saturating_sub(before) * 1024 / CLIENTS
    );
    for (client, raw) in &mut all {
        raw.frame(TEXT, b"hello");
        assert_eq!(client.text(), "hello");
        client.inner.send_text("hi").expect("room");
        assert_eq!(raw.next_frame(), (TEXT, b"hi".to_vec()));
    }
    println!(
        "{} bytes after a message each way",
        resident().saturating_sub(before) * 1024 / CLIENTS
    );
}
