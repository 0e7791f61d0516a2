//! A large text whose preparation takes long delays only its own client.

mod websocket_common;

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use async_sockets_net::runtime;
use async_sockets_net::websocket::messages::Prepared;
use async_sockets_net::websocket::options::WebSocketOptions;
use websocket_common::{Happened, LIMIT, Server, TEXT, frame, wait_until};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Nowhere,
    Preparing,
    Released,
}

static AT: (Mutex<At>, Condvar) = (Mutex::new(At::Nowhere), Condvar::new());

fn go(to: At) {
    *AT.0.lock().expect("no panic") = to;
    AT.1.notify_all();
}

/// Blocks until it is released.
fn slow(text: &str) -> Prepared {
    go(At::Preparing);
    let guard = AT.0.lock().expect("no panic");
    let waited = AT.1.wait_timeout_while(guard, LIMIT, |at| *at != At::Released);
    drop(waited);
    Box::new(text.len())
}

#[test]
fn others_are_heard_while_a_text_is_prepared() {
    runtime::set_worker_threads(Some(1));
    let mut server = Server::start(WebSocketOptions {
        prepare_text: Some(slow),
        ..WebSocketOptions::default()
    });
    let (mut large, large_id) = server.join();
    let (mut small, small_id) = server.join();
    let text = vec![b'x'; 16 * 1024 * 1024];
    let sender = std::thread::spawn(move || {
        large.send(&[frame(TEXT, &text), frame(TEXT, b"after it")].concat());
        large
    });
    wait_until("the preparation", || *AT.0.lock().expect("no panic") == At::Preparing);
    small.frame(TEXT, b"meanwhile");
    match server.next() {
        Happened::Text(id, text) => assert_eq!((id, text.as_str()), (small_id, "meanwhile")),
        other => panic!("{other:?}"),
    }
    assert_eq!(*AT.0.lock().expect("no panic"), At::Preparing);
    go(At::Released);
    for wanted in [16 * 1024 * 1024, 8] {
        match server.next() {
            Happened::Text(id, text) => assert_eq!((id, text.len()), (large_id, wanted)),
            other => panic!("{other:?}"),
        }
    }
    sender.join().expect("no failure");
    runtime::stop(Duration::from_secs(1));
}
