//! Stopping the runtime ends every client, with an event, whatever its phase. This test has a file of its own because
//! it stops the runtime of the whole process.

mod websocket_client_common;
mod websocket_common;

use std::time::{Duration, Instant};

use async_sockets_net::runtime;
use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use async_sockets_net::websocket::connect_error::WebSocketConnectError;
use async_sockets_net::websocket::reconnect::Failure;
use websocket_client_common::{Client, RawServer, Seen, switching_protocols};
use websocket_common::{TEXT, wait_until};

fn options() -> WebSocketClientOptions {
    WebSocketClientOptions {
        heartbeat_interval: Some(Duration::from_secs(60)),
        ..WebSocketClientOptions::default()
    }
}

#[test]
fn every_client_learns_of_the_end() {
    let server = RawServer::start();

    // Looking up a name, connecting, in the handshake, established, closing, and full.
    let mut looking_up = Client::start("ws://no-such-host.invalid/", options());
    // Refused if the lookup has failed already.
    let _ = looking_up.inner.send_text("lost");
    let mut asking = Client::start(&server.url(), options());
    asking.inner.send_text("lost").expect("room");
    let (_asked, _) = server.asked();
    let (mut established, _raw) = server.join(options());
    let (mut closing, mut closing_raw) = server.join(WebSocketClientOptions {
        close_timeout: None,
        ..options()
    });
    closing.close(4000, "bye");
    closing_raw.next_close();
    let (mut full, _full_raw) = server.join(WebSocketClientOptions::default());
    while full.inner.send_binary(&[0; 256 * 1024]).is_ok() {}
    let mut new = Client::start(&server.url(), options());

    let start = Instant::now();
    runtime::stop(Duration::ZERO);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    for client in [&mut looking_up, &mut asking, &mut new] {
        let error = client.failed();
        // A lookup may have failed before.
        assert!(
            matches!(
                error,
                WebSocketConnectError::Stopped | WebSocketConnectError::Connect(_)
            ),
            "{error:?}"
        );
        assert!(Failure::from(&error).may_pass());
        assert_eq!(client.inner.pending_bytes(), 0);
        assert!(client.poll().is_none());
    }
    let stopped = "the network runtime was stopped".to_owned();
    assert_eq!(established.disconnected(), (1006, stopped.clone(), false));
    assert_eq!(closing.disconnected(), (4000, "bye".to_owned(), false));
    let (code, reason, clean, unsent) = full.ended();
    assert_eq!((code, reason, clean), (1006, stopped, false));
    assert!(unsent > 0);
    for client in [&established, &closing, &full] {
        assert!(client.inner.send_text("late").is_err());
        assert_eq!(client.inner.pending_bytes(), 0);
    }

    // The last one may have been connected by the system.
    while server.has_more() {}

    // A stop waits for what was sent before a drop.
    let (client, mut raw) = server.join(options());
    client.inner.send_text("last words").expect("room");
    drop(client);
    let attempt = Client::start(&server.url(), options());
    attempt.inner.send_text("last words").expect("room");
    drop(attempt);
    let (mut second, head) = server.asked();
    let answers = std::thread::spawn(move || {
        second.send(switching_protocols(&head, "").as_bytes());
        for raw in [&mut raw, &mut second] {
            assert_eq!(raw.next_frame(), (TEXT, b"last words".to_vec()));
            assert_eq!(raw.next_close().0, 1001);
            raw.close(1001, "");
            assert!(raw.rest().is_empty());
        }
    });
    runtime::stop(Duration::from_secs(10));
    assert!(!runtime::is_running());
    answers.join().expect("a goodbye");

    // The runtime starts again. A stop in the middle of connecting, at any moment, leaves no client without its end.
    for n in 0..40 {
        let mut clients: Vec<_> = (0..10).map(|_| Client::start(&server.url(), options())).collect();
        let mut raws = Vec::new();
        for _ in 0..n % 11 {
            raws.push(server.open());
        }
        runtime::stop(Duration::ZERO);
        for client in &mut clients {
            match client.next() {
                Seen::ConnectFailed(WebSocketConnectError::Stopped) => {}
                Seen::Connected(_) => assert_eq!(client.disconnected().0, 1006),
                other => panic!("{other:?}"),
            }
            assert!(client.poll().is_none());
        }
        drop(raws);
        while server.has_more() {}
    }

    // And a last time.
    let (mut client, mut raw) = server.join(options());
    raw.frame(TEXT, b"hello");
    wait_until("a message", || client.inner.queued_events() > 0);
    runtime::stop(Duration::ZERO);
    assert_eq!(client.text(), "hello");
    assert_eq!(client.disconnected().0, 1006);
}
