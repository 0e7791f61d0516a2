//! Fragmented messages, with control frames between the fragments, split anywhere by the network.

mod websocket_common;

use async_sockets_net::websocket::options::WebSocketOptions;
use websocket_common::{CLOSE, PING, PONG, Server, TEXT, close_payload, frame};

#[test]
fn control_frames_may_stand_between_the_pieces() {
    let mut server = Server::start(WebSocketOptions::default());
    let (mut peer, _) = server.join();
    // The crab is split inside its four bytes.
    let crab = "🦀".as_bytes();
    peer.frame(0x01, &crab[..1]);
    peer.frame(PING, b"one");
    peer.frame(0x00, &crab[1..3]);
    peer.frame(PONG, b"nobody asked");
    peer.frame(0x00, b"");
    peer.frame(PING, b"");
    peer.frame(0x80, &crab[3..]);
    assert_eq!(server.text(), "🦀");
    assert_eq!(peer.next_frame(), (PONG, b"one".to_vec()));
    assert_eq!(peer.next_frame(), (PONG, Vec::new()));
}

#[test]
fn segments_of_one_byte() {
    let mut server = Server::start(WebSocketOptions::default());
    let (mut peer, _) = server.join();
    let mut bytes = Vec::new();
    bytes.extend(frame(TEXT, "schön".as_bytes()));
    bytes.extend(frame(0x02, &[1; 130]));
    bytes.extend(frame(PING, b"still there?"));
    bytes.extend(frame(0x80, &[2; 3]));
    bytes.extend(frame(TEXT, b""));
    bytes.extend(frame(CLOSE, &close_payload(4321, "enough")));
    for byte in bytes {
        peer.send(&[byte]);
    }
    assert_eq!(server.text(), "schön");
    assert_eq!(server.binary(), [&[1; 130][..], &[2; 3]].concat());
    assert_eq!(server.text(), "");
    assert_eq!(server.disconnected(), (4321, "enough".into(), true));
    assert_eq!(peer.next_frame(), (PONG, b"still there?".to_vec()));
    assert_eq!(peer.next_close(), (4321, "enough".into()));
    assert!(peer.rest().is_empty());
}

#[test]
fn a_thousand_pieces_are_one_message() {
    let mut server = Server::start(WebSocketOptions::default());
    let (mut peer, _) = server.join();
    let mut bytes = frame(0x02, &[0]);
    for n in 1..1000_u32 {
        bytes.extend(frame(if n == 999 { 0x80 } else { 0x00 }, &[n as u8]));
    }
    peer.send(&bytes);
    assert_eq!(server.binary(), (0..1000_u32).map(|n| n as u8).collect::<Vec<_>>());
}
