//! A message that is not complete in time ends its client, whatever else the client sends.

mod websocket_common;

use std::io::Write;
use std::time::{Duration, Instant};

use async_sockets_net::websocket::options::WebSocketOptions;
use websocket_common::{BINARY, Happened, LIMIT, PING, Peer, Server, TEXT, frame, header};

const TIMEOUT: Duration = Duration::from_millis(400);

fn server() -> Server {
    Server::start(WebSocketOptions {
        message_timeout: Some(TIMEOUT),
        close_timeout: Some(Duration::from_millis(200)),
        ..WebSocketOptions::default()
    })
}

/// Sends the beginning, then `more` repeatedly until the server ends the connection.
#[track_caller]
fn ends(beginning: &[u8], more: &[u8]) {
    let mut server = server();
    let (mut peer, id) = server.join();
    let start = Instant::now();
    peer.send(beginning);
    let how = loop {
        // The connection may already have ended.
        let _ = peer.stream.write_all(more);
        match server.poll() {
            None => std::thread::sleep(Duration::from_millis(5)),
            Some(Happened::Disconnected(from, how)) if from == id => break how,
            Some(other) => panic!("{other:?}"),
        }
        assert!(start.elapsed() < LIMIT, "it goes on");
    };
    assert!(start.elapsed() >= TIMEOUT);
    assert_eq!((how.code.get(), how.clean), (1008, false));
    assert!(how.reason.contains("in time"), "{}", how.reason);
}

#[test]
fn a_message_of_which_nothing_more_comes() {
    ends(&[header(BINARY, 1000), vec![0; 10]].concat(), b"");
}

#[test]
fn a_message_that_comes_byte_by_byte() {
    ends(&header(BINARY, 1_000_000), &[0]);
}

#[test]
fn a_message_of_pieces_with_pings_between() {
    ends(&frame(0x02, b"a"), &[frame(PING, b""), frame(0x00, b"b")].concat());
}

#[test]
fn a_beginning_of_a_header() {
    ends(&header(TEXT, 1000)[..1], b"");
}

#[test]
fn the_close_frame_says_so() {
    let mut server = server();
    let (mut peer, _) = server.join();
    peer.send(&header(BINARY, 1000));
    let (code, reason) = peer.next_close();
    assert_eq!(code, 1008);
    assert!(reason.contains("in time"), "{reason}");
}

/// Sends messages for three times the limit, each of them within it.
fn talk(server: &mut Server, peer: &mut Peer) {
    let start = Instant::now();
    while start.elapsed() < 3 * TIMEOUT {
        let message = frame(TEXT, &[b'x'; 500]);
        for part in message.chunks(100) {
            peer.send(part);
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(server.text().len(), 500);
    }
}

#[test]
fn messages_that_end_in_time_go_on_for_ever() {
    let mut server = server();
    let (mut peer, _) = server.join();
    talk(&mut server, &mut peer);
}

#[test]
fn silence_between_messages_is_no_message() {
    let mut server = server();
    let (mut peer, _) = server.join();
    let message = frame(TEXT, b"hello");
    peer.send(&message[..4]);
    std::thread::sleep(Duration::from_millis(50));
    peer.send(&message[4..]);
    assert_eq!(server.text(), "hello");
    std::thread::sleep(2 * TIMEOUT);
    peer.send(&message);
    assert_eq!(server.text(), "hello");
}
