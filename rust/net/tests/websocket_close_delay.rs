//! The pause between the last message for a client and the close frame
//! ([`WebSocketOptions::close_delay`](async_sockets_net::websocket::options::WebSocketOptions::close_delay)).

mod websocket_common;

use std::time::{Duration, Instant};

use async_sockets_net::websocket::close_code::CloseFrame;
use async_sockets_net::websocket::options::WebSocketOptions;
use websocket_common::{BINARY, Happened, Server, wait_for};

const DELAY: Duration = Duration::from_millis(300);

/// Longer than a test waits for anything.
const ENDLESS: Duration = Duration::from_secs(3600);

fn start(close_delay: Duration) -> Server {
    Server::start(WebSocketOptions {
        close_delay,
        ..WebSocketOptions::default()
    })
}

fn close(code: i64) -> CloseFrame {
    CloseFrame::parse(code, "").expect("a code that may be sent")
}

#[test]
fn the_close_frame_follows_the_last_message_after_the_delay() {
    let mut server = start(DELAY);
    let (mut peer, id) = server.join();
    let sent = Instant::now();
    server.inner.send_binary(id, b"goodbye").expect("room");
    server.inner.disconnect(id, close(4000)).expect("a client");
    assert_eq!(peer.next_frame(), (BINARY, b"goodbye".to_vec()));
    assert_eq!(peer.next_close().0, 4000);
    assert!(sent.elapsed() >= DELAY, "{:?}", sent.elapsed());
    peer.close(4000, "");
    assert_eq!(server.disconnected(), (4000, String::new(), true));
}

#[test]
fn a_stop_makes_the_pause_too() {
    let mut server = start(DELAY);
    let (mut peer, id) = server.join();
    let sent = Instant::now();
    server.inner.send_binary(id, b"goodbye").expect("room");
    server.inner.stop();
    assert_eq!(peer.next_frame(), (BINARY, b"goodbye".to_vec()));
    assert_eq!(peer.next_close().0, 1001);
    assert!(sent.elapsed() >= DELAY, "{:?}", sent.elapsed());
    peer.close(1001, "");
    assert_eq!(server.disconnected().0, 1001);
}

/// A large message takes its time: the pause begins behind it.
#[test]
fn it_begins_when_everything_is_sent() {
    let mut server = start(DELAY);
    let (mut peer, id) = server.join();
    let large = vec![7; 12 * 1024 * 1024];
    server.inner.send_binary(id, &large).expect("room");
    server.inner.disconnect(id, close(1000)).expect("a client");
    // It is more than the system's buffers hold, so that the end is not sent yet.
    std::thread::sleep(2 * DELAY);
    let read = Instant::now();
    assert_eq!(peer.next_frame(), (BINARY, large));
    assert_eq!(peer.next_close().0, 1000);
    assert!(read.elapsed() >= DELAY, "{:?}", read.elapsed());
}

#[test]
fn a_client_that_was_sent_nothing_is_closed_at_once() {
    let mut server = start(ENDLESS);
    let (mut peer, id) = server.join();
    server.inner.disconnect(id, close(1000)).expect("a client");
    assert_eq!(peer.next_close().0, 1000);
}

#[test]
fn at_once_means_without_the_queue_and_the_pause() {
    let mut server = start(ENDLESS);
    let (mut peer, id) = server.join();
    server.inner.send_binary(id, b"first").expect("room");
    assert_eq!(peer.next_frame(), (BINARY, b"first".to_vec()));
    server.inner.cork();
    server.inner.send_binary(id, b"held back").expect("room");
    server.inner.disconnect_now(id, close(1000)).expect("a client");
    assert_eq!(peer.next_close().0, 1000);
    peer.close(1000, "");
    assert_eq!(server.disconnected(), (1000, String::new(), true));
}

/// The client closes in the pause: that is its own end, with its own code. What it has sent after the decision to close
/// is dropped.
#[test]
fn a_client_that_closes_in_the_pause() {
    let mut server = start(ENDLESS);
    let (mut peer, id) = server.join();
    server.inner.send_binary(id, b"goodbye").expect("room");
    server.inner.disconnect(id, close(1000)).expect("a client");
    assert_eq!(peer.next_frame(), (BINARY, b"goodbye".to_vec()));
    peer.frame(BINARY, b"too late");
    peer.close(4321, "bye");
    assert_eq!(peer.next_close(), (4321, "bye".to_owned()));
    assert_eq!(server.disconnected(), (4321, "bye".to_owned(), true));
}

#[test]
fn a_client_that_breaks_off_in_the_pause() {
    let mut server = start(ENDLESS);
    let (mut peer, id) = server.join();
    server.inner.send_binary(id, b"goodbye").expect("room");
    server.inner.disconnect(id, close(1000)).expect("a client");
    assert_eq!(peer.next_frame(), (BINARY, b"goodbye".to_vec()));
    drop(peer);
    let (code, _, is_clean) = server.disconnected();
    assert_eq!((code, is_clean), (1000, false));
}

/// The pause does not shorten the time for the closing handshake.
#[test]
fn the_close_timeout_is_longer_by_the_delay() {
    let mut server = Server::start(WebSocketOptions {
        close_delay: DELAY,
        close_timeout: Some(Duration::from_millis(20)),
        ..WebSocketOptions::default()
    });
    let (mut peer, id) = server.join();
    server.inner.send_binary(id, b"goodbye").expect("room");
    let begun = Instant::now();
    server.inner.disconnect(id, close(1000)).expect("a client");
    assert_eq!(peer.next_frame(), (BINARY, b"goodbye".to_vec()));
    let ended = wait_for("end", || server.poll());
    assert!(matches!(ended, Happened::Disconnected(..)), "{ended:?}");
    assert!(begun.elapsed() >= DELAY, "{:?}", begun.elapsed());
}
