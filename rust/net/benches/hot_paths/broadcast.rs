//! A broadcast to a thousand clients: the cost of the call on the main thread. The clients are real and read what they
//! receive.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use async_sockets_net::address::BindAddress;
use async_sockets_net::websocket::options::WebSocketOptions;
use async_sockets_net::websocket_server::{Audience, WebSocketServer};
use criterion::{Criterion, Throughput};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Builder;

const CLIENTS: usize = 1000;

/// Consecutive broadcasts before the clients get time to read.
const BURST: u64 = 16;

const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Connects, performs the handshake, and from then on reads and discards on a thread of its own.
fn connect(server: SocketAddr) {
    let mut streams = Vec::new();
    for _ in 0..CLIENTS {
        let mut stream = TcpStream::connect(server).expect("connected");
        stream.write_all(UPGRADE).expect("sent");
        let mut answer = [0; 1024];
        let n = stream.read(&mut answer).expect("answered");
        assert!(answer[..n].starts_with(b"HTTP/1.1 101 "));
        stream.set_nonblocking(true).expect("set");
        streams.push(stream);
    }
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            for stream in streams {
                let mut stream = tokio::net::TcpStream::from_std(stream).expect("a stream");
                tokio::spawn(async move {
                    let mut buffer = vec![0; 4096];
                    while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
                    let _ = stream.shutdown().await;
                });
            }
            std::future::pending::<()>().await;
        });
    });
}

fn wait_until_sent(server: &WebSocketServer) {
    let ids = server.client_ids();
    while ids.iter().any(|&id| server.client_pending_bytes(id) != Some(0)) {
        thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn broadcasts(criterion: &mut Criterion) {
    let address = BindAddress::parse("127.0.0.1", 0).expect("an address");
    let mut server = WebSocketServer::start(address, WebSocketOptions::default()).expect("started");
    connect(server.local_address());
    while server.client_count() < CLIENTS {
        let _ = server.next_event();
    }
    let mut group = criterion.benchmark_group("broadcast");
    group.throughput(Throughput::Elements(CLIENTS as u64));
    for (name, corked) in [("64 bytes, alone", false), ("64 bytes, corked", true)] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                let mut took = Duration::ZERO;
                for round in 0..rounds {
                    if corked && round % BURST == 0 {
                        server.cork();
                    }
                    let start = Instant::now();
                    let result = server.broadcast_binary(&[7; 64], Audience::All, &[]);
                    took += start.elapsed();
                    assert_eq!(result.queued, CLIENTS);
                    if round % BURST == BURST - 1 || round == rounds - 1 {
                        server.uncork();
                        wait_until_sent(&server);
                    }
                }
                took
            });
        });
    }
    group.finish();
}
