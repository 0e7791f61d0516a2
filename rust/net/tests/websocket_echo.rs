//! Messages of every size and type are echoed unchanged, with tokio-tungstenite as the client.

mod websocket_common;

use std::time::Duration;

use async_sockets_net::websocket::options::WebSocketOptions;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use websocket_common::{Happened, LIMIT, Server};

/// Echoes until the client has disconnected.
fn echo(mut server: Server) {
    loop {
        match server.next() {
            Happened::Connected(..) => {}
            Happened::Text(id, text) => server.inner.send_text(id, &text).expect("room"),
            Happened::Binary(id, data) => server.inner.send_binary(id, &data).expect("room"),
            Happened::Disconnected(_, how) => {
                assert_eq!((how.code.get(), how.reason.as_str(), how.clean), (1000, "bye", true));
                return;
            }
            Happened::Other(other) => panic!("{other:?}"),
        }
    }
}

fn goes_round(messages: Vec<Message>) {
    let server = Server::start(WebSocketOptions::default());
    let port = server.port();
    let client = async move {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a server");
        let (mut client, _) = client_async("ws://a/", stream).await.expect("a handshake");
        for message in messages {
            client.send(message.clone()).await.expect("an open connection");
            let echo = client.next().await.expect("an echo").expect("no error");
            assert!(echo == message, "{} bytes came back changed", message.len());
        }
        let bye = tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: 1000.into(),
            reason: "bye".into(),
        };
        client.close(Some(bye)).await.expect("an open connection");
        while client.next().await.is_some() {}
    };
    let client = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime
            .expect("a runtime")
            .block_on(async { timeout(LIMIT, client).await })
            .expect("in time");
    });
    echo(server);
    client.join().expect("no failure");
}

#[test]
fn binary_of_every_length_class() {
    let data = |len: usize| (0..len).map(|n| (n * 7 + n / 256) as u8).collect::<Vec<u8>>();
    let sizes = [
        0,
        1,
        125,
        126,
        1024,
        4096,
        4097,
        65_535,
        65_536,
        70_000,
        1 << 20,
        5 << 20,
    ];
    goes_round(sizes.map(|len| Message::binary(data(len))).into());
}

#[test]
fn text_of_every_script() {
    let texts = [
        String::new(),
        "hello".into(),
        "\u{FEFF}with a mark and \0 inside".into(),
        "🦀 שלום 你好 \u{10FFFF}".into(),
        "é".repeat(40_000),
    ];
    goes_round(texts.map(Message::text).into());
}

#[test]
fn many_in_flight_keep_their_order() {
    let mut server = Server::start(WebSocketOptions::default());
    let (mut peer, id) = server.join();
    let burst: Vec<u8> = (0..10_000)
        .flat_map(|n| websocket_common::frame(websocket_common::TEXT, format!("message {n}").as_bytes()))
        .collect();
    let sender = std::thread::spawn(move || {
        peer.send(&burst);
        peer
    });
    server.inner.cork();
    for n in 0..10_000 {
        let text = server.text();
        assert_eq!(text, format!("message {n}"));
        server.inner.send_text(id, &text).expect("room");
    }
    server.inner.uncork();
    let mut peer = sender.join().expect("sent");
    for n in 0..10_000 {
        let (first, payload) = peer.next_frame();
        assert_eq!(
            (first, payload),
            (websocket_common::TEXT, format!("message {n}").into_bytes())
        );
    }
    let statistics = server.inner.statistics();
    assert_eq!((statistics.messages_in, statistics.messages_out), (10_000, 10_000));
    websocket_common::wait_until("settled bytes", || server.inner.client_pending_bytes(id) == Some(0));
}

#[test]
fn memory_of_a_large_message_is_not_kept_by_the_connection() {
    // From outside, it only shows that the connection keeps working: large, small, large in fragments, small.
    let mut server = Server::start(WebSocketOptions::default());
    let (mut peer, _) = server.join();
    let large = vec![7; 300_000];
    let mut bytes = websocket_common::frame(websocket_common::BINARY, &large);
    bytes.extend(websocket_common::frame(websocket_common::TEXT, b"small"));
    bytes.extend(websocket_common::frame(0x02, &large));
    bytes.extend(websocket_common::frame(websocket_common::PING, b"?"));
    bytes.extend(websocket_common::frame(0x80, &large));
    bytes.extend(websocket_common::frame(websocket_common::TEXT, b"end"));
    for part in bytes.chunks(10_007) {
        peer.send(part);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(server.binary().len(), 300_000);
    assert_eq!(server.text(), "small");
    assert_eq!(server.binary(), [&large[..], &large[..]].concat());
    assert_eq!(server.text(), "end");
    assert_eq!(peer.next_frame(), (websocket_common::PONG, b"?".to_vec()));
}
