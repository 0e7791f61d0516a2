//! The opening handshake: parsing a browser's request, checking it, and building the response.

use std::hint::black_box;

use async_sockets_net::internals::answer_handshake;
use async_sockets_net::websocket::options::HandshakeOptions;
use criterion::Criterion;

const SHORT: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

const BROWSER: &[u8] = b"GET /chat?room=1 HTTP/1.1\r\nHost: game.example.org:8080\r\nConnection: Upgrade\r\n\
    Pragma: no-cache\r\nCache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 \
    (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\nOrigin: https://game.example.org\r\n\
    Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en-US,en;q=0.9\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

pub(crate) fn handshakes(criterion: &mut Criterion) {
    let options = HandshakeOptions::default();
    let mut group = criterion.benchmark_group("handshake");
    for (name, request) in [("short request", SHORT), ("browser's request", BROWSER)] {
        assert!(!answer_handshake(request, &options).is_empty(), "{name}");
        group.bench_function(name, |bencher| {
            bencher.iter(|| answer_handshake(black_box(request), &options));
        });
    }
    group.finish();
}
