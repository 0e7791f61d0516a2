//! The hot paths of this crate, measured one by one: `cargo bench --package async-sockets-net --features internals`.

mod broadcast;
mod frames;
mod handshake;
mod mailbox;
mod recv_buffer;

criterion::criterion_group!(
    benches,
    recv_buffer::receives,
    mailbox::events,
    handshake::handshakes,
    frames::frames,
    frames::encoders,
    broadcast::broadcasts
);
criterion::criterion_main!(benches);
