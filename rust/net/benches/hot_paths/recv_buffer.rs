//! The receive buffer: the cost of receiving blocks or lines, apart from the script itself.

use std::hint::black_box;

use async_sockets_net::receive::{Progress, Request, Want};
use async_sockets_net::recv_buffer::RecvBuffer;
use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput};

/// Receives per measurement.
const COUNT: usize = 32;

fn buffer_of(blocks: &[Bytes]) -> RecvBuffer {
    let mut buffer = RecvBuffer::default();
    blocks.iter().for_each(|block| buffer.push(block.clone()));
    buffer
}

/// Receives until the buffer is empty.
fn take_all(mut buffer: RecvBuffer, want: &Want) -> RecvBuffer {
    for _ in 0..COUNT {
        let Progress::Found { skip, len, drop } = Request::new(want.clone()).check(&buffer) else {
            panic!("the bytes are there");
        };
        match buffer.contiguous(skip, len) {
            Some(bytes) => _ = black_box(bytes),
            None => {
                let mut copy = vec![0; len];
                buffer.copy_to(skip, &mut copy);
                black_box(copy);
            }
        }
        buffer.consume(skip + len + drop);
    }
    assert!(buffer.is_empty());
    buffer
}

pub(crate) fn receives(criterion: &mut Criterion) {
    let line = [&[b'a'; 63][..], b"\n"].concat();
    let whole = [Bytes::from(line.repeat(COUNT))];
    let pieces: Vec<_> = whole[0].chunks(48).map(Bytes::copy_from_slice).collect();
    let mut group = criterion.benchmark_group("recv_buffer");
    group.throughput(Throughput::Elements(COUNT as u64));
    for (name, want, blocks) in [
        ("exactly 64, one block", Want::Exactly(64), &whole[..]),
        ("exactly 64, many blocks", Want::Exactly(64), &pieces[..]),
        ("line of 64", Want::Line { max: 4096 }, &whole[..]),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || buffer_of(blocks),
                |buffer| take_all(buffer, &want),
                BatchSize::SmallInput,
            );
        });
    }
    group.bench_function("push small blocks", |bencher| {
        bencher.iter_batched(
            || {
                pieces
                    .iter()
                    .map(|piece| Bytes::copy_from_slice(piece))
                    .collect::<Vec<_>>()
            },
            |pieces| {
                let mut buffer = RecvBuffer::default();
                pieces.into_iter().for_each(|piece| buffer.push(piece));
                buffer
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}
