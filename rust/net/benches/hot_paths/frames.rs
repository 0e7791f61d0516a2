//! WebSocket frames: from the bytes of one read to messages for the main thread, and from a payload to its frame,
//! beside tungstenite's own encoder.

use std::hint::black_box;
use std::io::{self, Read, Write};

use async_sockets_net::internals::{Decoder, encode_frame};
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig, WebSocketContext};

/// Frames per read.
const COUNT: usize = 32;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn masked(first: u8, len: u8) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | len];
    frame.extend(MASK);
    frame.extend((0..usize::from(len)).map(|n| b'a' ^ MASK[n % 4]));
    frame
}

pub(crate) fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frames");
    group.throughput(Throughput::Elements(COUNT as u64));
    for (name, first) in [("32 texts of 64 bytes", 0x81), ("32 binaries of 64 bytes", 0x82)] {
        let input = masked(first, 64).repeat(COUNT);
        group.bench_function(name, |bencher| {
            let mut decoder = Decoder::new(1024 * 1024);
            bencher.iter(|| {
                let messages = decoder.receive(black_box(&input)).expect("valid frames");
                assert_eq!(messages.len(), COUNT);
                messages
            });
        });
    }
    group.finish();
}

/// A socket that takes everything.
struct Nowhere;

impl Read for Nowhere {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(black_box(bytes).len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn encoders(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode a frame");
    for size in [16, 1024, 64 * 1024] {
        let payload = vec![b'a'; size];
        let mut out = Vec::with_capacity(size + 64);
        group.throughput(Throughput::Bytes(size as u64));
        for (name, role) in [("server", Role::Server), ("client", Role::Client)] {
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter(|| {
                    out.clear();
                    encode_frame(role, black_box(&payload), &mut out);
                    black_box(out.len())
                });
            });
        }
        group.bench_function(BenchmarkId::new("tungstenite's header and a copy", size), |bencher| {
            bencher.iter(|| {
                out.clear();
                let header = FrameHeader {
                    opcode: OpCode::Data(Data::Binary),
                    ..FrameHeader::default()
                };
                out.reserve(size + 10);
                header.format(size as u64, &mut out).expect("memory takes it");
                out.extend_from_slice(black_box(&payload));
                black_box(out.len())
            });
        });
        let shared = Bytes::from(payload.clone());
        group.bench_function(BenchmarkId::new("tungstenite's client", size), |bencher| {
            let mut engine = WebSocketContext::new(Role::Client, Some(WebSocketConfig::default().write_buffer_size(0)));
            bencher.iter(|| {
                let message = Message::Binary(black_box(&shared).clone());
                engine.write(&mut Nowhere, message).expect("taken");
            });
        });
    }
    group.finish();
}
