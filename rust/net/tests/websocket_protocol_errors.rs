//! A peer that violates the protocol is told why, and so is the main thread.

mod websocket_common;

use async_sockets_net::websocket::options::WebSocketOptions;
use websocket_common::{BINARY, CLOSE, PING, Server, TEXT, frame, header};

/// Asserts that these bytes, after a valid message, end the connection with this code on both sides.
#[track_caller]
fn fails(bytes: &[u8], code: u16) {
    let mut server = Server::start(WebSocketOptions {
        max_message_size: 1000,
        ..WebSocketOptions::default()
    });
    let (mut peer, _) = server.join();
    peer.frame(TEXT, b"before");
    peer.send(bytes);
    assert_eq!(server.text(), "before");
    let (got, reason, clean) = server.disconnected();
    assert_eq!((got, clean), (code, false), "{reason}");
    assert!(!reason.is_empty());
    assert_eq!(peer.next_close(), (code, reason));
    assert!(peer.rest().is_empty());
}

#[test]
fn an_unmasked_frame() {
    fails(b"\x81\x02hi", 1002);
}

#[test]
fn reserved_bits() {
    for bit in [0x40, 0x20, 0x10] {
        fails(&frame(TEXT | bit, b"x"), 1002);
        fails(&frame(PING | bit, b"x"), 1002);
    }
}

#[test]
fn reserved_opcodes() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        fails(&frame(0x80 | opcode, b""), 1002);
    }
}

#[test]
fn control_frames_in_pieces_or_too_long() {
    fails(&frame(PING & 0x7F, b"x"), 1002);
    fails(&frame(PING, &[0; 126]), 1002);
    fails(&frame(CLOSE, &[3; 126]), 1002);
}

#[test]
fn pieces_without_a_beginning_or_an_end() {
    fails(&frame(0x80, b"x"), 1002);
    fails(&frame(0x00, b"x"), 1002);
    fails(&[frame(0x01, b"x"), frame(TEXT, b"y")].concat(), 1002);
}

#[test]
fn text_that_is_no_utf8() {
    fails(&frame(TEXT, &[0xFF]), 1007);
    fails(&frame(TEXT, &[0xC0, 0x80]), 1007);
    fails(&frame(TEXT, &[0xED, 0xA0, 0x80]), 1007);
    // Split inside a character and continued wrongly; ended inside a character.
    fails(&[frame(0x01, &[0xF0, 0x9F]), frame(0x80, b"xy")].concat(), 1007);
    fails(&[frame(0x01, &[0xF0, 0x9F]), frame(0x80, b"")].concat(), 1007);
    fails(&frame(CLOSE, &[0x03, 0xE8, 0xFF]), 1007);
}

#[test]
fn more_than_the_limit() {
    fails(&frame(BINARY, &[0; 1001]), 1009);
    fails(&[frame(0x02, &[0; 600]), frame(0x80, &[0; 600])].concat(), 1009);
    // Claimed lengths alone, with no payload behind them.
    for claim in [1001, 65_536, u64::from(u32::MAX), 1 << 62, 1 << 63, u64::MAX] {
        fails(&header(BINARY, claim), 1009);
    }
}

#[test]
fn a_header_is_enough_to_be_refused() {
    fails(b"\x82\x05", 1002);
    fails(b"\x82\x7F", 1002);
    fails(&header(PING, 126)[..2], 1002);
    fails(&header(CLOSE, 65_536)[..2], 1002);
    fails(&header(PING & 0x7F, 1)[..2], 1002);
    fails(&header(BINARY | 0x40, 100)[..2], 1002);
    fails(&header(0x83, 100)[..2], 1002);
    fails(&header(0x8F, 100)[..2], 1002);
    fails(&header(0x80, 100)[..2], 1002);
    fails(&[&frame(0x01, b"x")[..], &header(BINARY, 100)[..2]].concat(), 1002);
    fails(&header(BINARY, 1001)[..4], 1009);
    fails(&[&frame(0x02, &[0; 600])[..], &header(0x80, 401)[..4]].concat(), 1009);
}

#[test]
fn the_limit_itself_is_fine() {
    let mut server = Server::start(WebSocketOptions {
        max_message_size: 1000,
        ..WebSocketOptions::default()
    });
    let (mut peer, _) = server.join();
    peer.frame(BINARY, &[5; 1000]);
    assert_eq!(server.binary(), [5; 1000]);
    peer.send(&[frame(0x02, &[6; 600]), frame(0x80, &[6; 400])].concat());
    assert_eq!(server.binary(), [6; 1000]);
}
