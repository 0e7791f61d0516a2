//! Bytes are counted as they are handed to and received from the system, for every protocol.

mod common;
mod tls_common;
mod udp_common;

use async_sockets_net::options::TcpOptions;
use async_sockets_net::traffic::{received, sent};
use common::pair;
use tls_common::tls_pair;

const LEN: usize = 1_000_000;

/// Returns how much `moves` adds to the counts.
fn counted(moves: impl FnOnce()) -> (u64, u64) {
    let before = (received(), sent());
    moves();
    (received() - before.0, sent() - before.1)
}

/// A single test, because the counts belong to the whole process.
#[test]
fn bytes_are_counted() {
    let (mut ours, mut peer) = pair(&TcpOptions::default());
    let tcp = counted(|| {
        ours.tcp.send(&vec![7; LEN]).expect("room");
        let mut block = vec![0; LEN];
        std::io::Read::read_exact(&mut peer, &mut block).expect("the bytes");
        common::wait_until("the count", || ours.tcp.pending_send_bytes() == 0);
        std::io::Write::write_all(&mut peer, b"hello").expect("a send");
        assert_eq!(ours.recv(5), b"hello");
    });
    assert_eq!(tcp, (5, LEN as u64));

    let (socket, other) = (udp_common::bind("127.0.0.1"), udp_common::bind("127.0.0.1"));
    let udp = counted(|| {
        let to = udp_common::to_address(other.local_address());
        socket.send_to_awaited(&[1; 1000], Some(to), 1).expect("room");
        udp_common::event(&socket);
        udp_common::recv(&other);
    });
    assert_eq!(udp, (1000, 1000));

    let (client, mut server) = tls_pair();
    let tls = counted(|| {
        client.tcp.send(&vec![7; LEN]).expect("room");
        server.recv(LEN);
        common::wait_until("the count", || client.tcp.pending_send_bytes() == 0);
    });
    // Each record, of at most 16 KiB, is slightly longer than its content.
    let expected = LEN as u64 + LEN as u64 / 16_384..LEN as u64 + 10_000;
    assert!(expected.contains(&tls.0) && expected.contains(&tls.1), "{tls:?}");
}
