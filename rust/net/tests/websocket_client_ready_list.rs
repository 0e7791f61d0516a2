//! A main thread that looks only at clients that the ready list names misses nothing, even while reading pauses all the
//! time. This test has a file of its own because the list belongs to the process.

mod websocket_client_common;
mod websocket_common;

use std::time::Instant;

use async_sockets_net::event::WebSocketClientEvent;
use async_sockets_net::mailbox::ReadyList;
use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use async_sockets_net::websocket::messages::Message;
use async_sockets_net::websocket::outgoing::Unread;
use websocket_client_common::{Client, RawServer};
use websocket_common::{LIMIT, TEXT};

const CLIENTS: usize = 8;
const MESSAGES: usize = 3000;

#[test]
fn no_wake_up_is_lost() {
    let server = RawServer::start();
    let options = WebSocketClientOptions {
        // A few messages.
        max_queued: 200,
        unread: Some(Unread::new(200)),
        ..WebSocketClientOptions::default()
    };
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| Client::start(&server.url(), options.clone()))
        .collect();
    let (mut received, mut ended) = ([0; CLIENTS], 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let raws: Vec<_> = (0..CLIENTS).map(|_| server.open()).collect();
            for mut raw in raws {
                scope.spawn(move || {
                    for n in 0..MESSAGES {
                        raw.frame(TEXT, n.to_string().as_bytes());
                        if n % 7 == 0 {
                            std::thread::yield_now();
                        }
                    }
                    raw.close(4000, "");
                    while raw.next_frame().0 == TEXT {}
                });
            }
        });
        while ended < CLIENTS {
            let id = ReadyList::global()
                .pop_until(Instant::now() + LIMIT)
                .expect("an event that the list names");
            let index = clients.iter().position(|client| client.inner.id() == id);
            let index = index.expect("one of ours");
            let client = &clients[index].inner;
            client.unlist();
            while let Some(event) = client.next_event() {
                match event {
                    WebSocketClientEvent::Messages => {
                        let mut messages = client.take_messages();
                        while let Some(Message::Text(text)) = messages.next() {
                            assert_eq!(text, received[index].to_string());
                            received[index] += 1;
                        }
                        if client.send_text("").is_ok() {
                            client.flush(received[index]);
                        }
                    }
                    WebSocketClientEvent::Connected(_) | WebSocketClientEvent::Flushed(_) => {}
                    WebSocketClientEvent::Disconnected(how, _) => {
                        assert!(how.clean);
                        ended += 1;
                    }
                    WebSocketClientEvent::ConnectFailed(error) => panic!("{error}"),
                }
            }
        }
    });
    assert_eq!(received, [MESSAGES as u64; CLIENTS]);
}
