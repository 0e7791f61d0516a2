//! The mailbox: the cost of passing an event to the main thread.

use std::hint::black_box;

use async_sockets_net::mailbox::{ReadyList, mailbox};
use criterion::{Criterion, Throughput};

/// Events per drain.
const COUNT: usize = 32;

pub(crate) fn events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mailbox");
    group.throughput(Throughput::Elements(COUNT as u64));
    group.bench_function("send and drain", |bencher| {
        let (sender, mailbox) = mailbox::<u64>(1024, 1024 * 1024);
        bencher.iter(|| {
            for event in 0..COUNT as u64 {
                sender.send(event, 64);
            }
            assert_eq!(ReadyList::global().pop(), Some(mailbox.id()));
            mailbox.unlist();
            while let Some(event) = mailbox.next() {
                mailbox.release(64);
                black_box(event);
            }
        });
    });
    group.finish();
}
