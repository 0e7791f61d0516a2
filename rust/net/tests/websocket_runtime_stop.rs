//! Stopping the runtime still sends the close frames. This test has a file of its own because it stops the runtime of
//! the whole process.

mod websocket_common;

use std::time::{Duration, Instant};

use async_sockets_net::event::WebSocketEvent;
use async_sockets_net::runtime;
use async_sockets_net::websocket::options::WebSocketOptions;
use websocket_common::{Happened, Server, TEXT};

#[test]
fn close_frames_go_out_and_nobody_is_forgotten() {
    // A dropped handle: its clients are notified.
    let mut server = Server::start(WebSocketOptions::default());
    let (mut peer, id) = server.join();
    server.inner.send_text(id, "last words").expect("room");
    let answer = std::thread::spawn(move || {
        assert_eq!(peer.next_frame(), (TEXT, b"last words".to_vec()));
        assert_eq!(peer.next_close().0, 1001);
        peer.close(1001, "");
        assert!(peer.rest().is_empty());
    });
    drop(server);
    let start = Instant::now();
    runtime::stop(Duration::from_secs(5));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert!(!runtime::is_running());
    answer.join().expect("a goodbye");

    // A handle that is still alive: it learns of the end.
    let mut server = Server::start(WebSocketOptions::default());
    let (_peer, _) = server.join();
    runtime::stop(Duration::ZERO);
    assert_eq!(server.disconnected().0, 1006);
    assert!(matches!(server.next(), Happened::Other(WebSocketEvent::Stopped)));
    assert!(server.poll().is_none() && server.inner.is_over());

    // The runtime starts again.
    let mut server = Server::start(WebSocketOptions::default());
    let _ = server.join();
}
