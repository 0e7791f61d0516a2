//! WebSocket frames: from the bytes of one read to messages for the main thread.

use std::hint::black_box;

use async_sockets_net::internals::Decoder;
use criterion::{Criterion, Throughput};

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
