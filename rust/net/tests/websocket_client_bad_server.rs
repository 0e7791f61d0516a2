//! A server that violates the protocol is told why, and so is the main thread. Every frame that the client sends is
//! masked, each with another mask (checked by the helper).

mod websocket_client_common;
mod websocket_common;

use std::io::Write;

use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use websocket_client_common::{RawServer, server_frame as frame, server_header as header};
use websocket_common::{BINARY, CLOSE, PING, PONG, TEXT, close_payload, wait_until};

fn options() -> WebSocketClientOptions {
    WebSocketClientOptions {
        max_message_size: 1000,
        ..WebSocketClientOptions::default()
    }
}

/// Asserts that these bytes, after a valid message and a ping, end the connection with this code on both sides, with a
/// reason that contains `words`; whether they come at once or in many pieces.
#[track_caller]
fn fails(bytes: &[u8], code: u16, words: &str) {
    for piece in [bytes.len(), 1 + bytes.len() / 300] {
        let (mut client, mut server) = RawServer::start().join(options());
        server.frame(TEXT, b"before");
        server.frame(PING, b"are you there");
        for piece in bytes.chunks(piece) {
            // The client may not wait for all of it.
            let _ = server.stream.write_all(piece);
        }
        assert_eq!(client.text(), "before");
        let (got, reason, clean) = client.disconnected();
        assert_eq!((got, clean), (code, false), "{reason} ({bytes:X?})");
        assert!(reason.contains(words), "'{reason}' instead of '{words}' ({bytes:X?})");
        // A pong may be omitted once the connection has failed.
        let mut first = server.next_frame();
        if first.0 == PONG {
            assert_eq!(first.1, b"are you there");
            first = server.next_frame();
        }
        assert_eq!(first, (CLOSE, close_payload(code, &reason)), "{bytes:X?}");
        assert!(server.rest().is_empty());
    }
}

#[test]
fn masked_frames() {
    for first in [TEXT, BINARY, PING, PONG, CLOSE] {
        fails(&websocket_common::frame(first, b"hi"), 1002, "masked");
    }
    fails(&[TEXT, 0x80], 1002, "masked");
}

#[test]
fn reserved_bits() {
    for bit in [0x40, 0x20, 0x10] {
        for first in [TEXT, BINARY, PING, CLOSE] {
            fails(&frame(first | bit, b"x"), 1002, "reserved bit");
        }
        fails(
            &[frame(0x01, b"x"), frame(0x80 | bit, b"y")].concat(),
            1002,
            "reserved bit",
        );
    }
}

#[test]
fn reserved_opcodes() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        fails(&frame(0x80 | opcode, b"x"), 1002, "opcode");
    }
}

#[test]
fn control_frames_in_pieces_or_too_long() {
    for first in [PING, PONG, CLOSE] {
        fails(&frame(first & 0x7F, b"\x03\xE8"), 1002, "in pieces");
        fails(&frame(first, &[3; 126]), 1002, "125");
        fails(&header(first, 65_536), 1002, "125");
        // A length that would fit, in the longer form.
        fails(&[first, 126, 0, 2, 3, 0xE8], 1002, "125");
    }
}

#[test]
fn pieces_without_a_beginning_or_an_end() {
    fails(&frame(0x80, b"x"), 1002, "without a beginning");
    fails(&frame(0x00, b"x"), 1002, "without a beginning");
    let late = [frame(0x01, b"x"), frame(0x80, b"y"), frame(0x80, b"z")].concat();
    let (mut client, mut server) = RawServer::start().join(options());
    server.send(&late);
    assert_eq!(client.text(), "xy");
    assert_eq!(client.disconnected().0, 1002);
    for (first, second) in [(0x01, TEXT), (0x01, BINARY), (0x02, TEXT), (0x02, 0x02)] {
        fails(
            &[frame(first, b"x"), frame(second, b"y")].concat(),
            1002,
            "inside another",
        );
    }
}

#[test]
fn text_that_is_no_utf8() {
    for payload in [
        &[0xFF][..],
        b"abc\xFEdef",
        &[0x80],
        // Overlong: '/' in two and three bytes, U+0000 in two, U+FFFF in four.
        &[0xC0, 0xAF],
        &[0xE0, 0x80, 0xAF],
        &[0xC0, 0x80],
        &[0xF0, 0x8F, 0xBF, 0xBF],
        // Surrogates, alone and as a pair.
        &[0xED, 0xA0, 0x80],
        &[0xED, 0xBF, 0xBF],
        &[0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80],
        // Beyond U+10FFFF.
        &[0xF4, 0x90, 0x80, 0x80],
        &[0xF8, 0x88, 0x80, 0x80, 0x80],
        // Truncated at the end.
        &[0xC3],
        &[b'a', 0xE2, 0x82],
        &[0xF0, 0x9F, 0x98],
    ] {
        fails(&frame(TEXT, payload), 1007, "UTF-8");
        // The same, a byte a frame.
        let mut pieces: Vec<u8> = payload.iter().flat_map(|byte| frame(0, &[*byte])).collect();
        pieces[0] = 0x01;
        pieces.extend(frame(0x80, b""));
        fails(&pieces, 1007, "UTF-8");
    }
    // Continued wrongly.
    fails(
        &[frame(0x01, &[0xF0, 0x9F]), frame(0x80, b"xy")].concat(),
        1007,
        "UTF-8",
    );
    // An invalid beginning is enough: the end need not come.
    fails(&frame(0x01, &[0xFF, b'a']), 1007, "UTF-8");
    fails(&[&header(TEXT, 900)[..], &[0xFF; 100]].concat(), 1007, "UTF-8");
}

#[test]
fn a_character_may_be_split_over_frames_with_a_ping_between() {
    let (mut client, mut server) = RawServer::start().join(options());
    let text = "é€😀\u{FEFF}\u{FFFF}\0";
    for byte in text.as_bytes() {
        let first = if *byte == 0xC3 { 0x01 } else { 0x00 };
        server.send(&frame(first, &[*byte]));
        server.send(&frame(PING, &[*byte]));
        assert_eq!(server.next_frame(), (PONG, vec![*byte]));
    }
    server.send(&frame(0x80, b""));
    assert_eq!(client.text(), text);
}

#[test]
fn close_frames_that_no_one_may_send() {
    fails(&frame(CLOSE, &[3]), 1002, "");
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        let words = format!("the server closed with code {code}");
        fails(&frame(CLOSE, &close_payload(code, "why")), 1002, &words);
        fails(&frame(CLOSE, &close_payload(code, "")), 1002, &words);
    }
    for reason in [&[0xFF][..], &[0xED, 0xA0, 0x80], &[0xC3]] {
        fails(&frame(CLOSE, &[&[0x03, 0xE8], reason].concat()), 1007, "");
    }
}

#[test]
fn close_frames_that_a_server_may_send_are_answered() {
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
    ] {
        for reason in ["", "because", &"é".repeat(61)] {
            let (mut client, mut server) = RawServer::start().join(options());
            server.close(code, reason);
            assert_eq!(client.disconnected(), (code, reason.to_owned(), true));
            assert_eq!(server.next_close(), (code, reason.to_owned()));
            assert!(server.rest().is_empty());
        }
    }
    let (mut client, mut server) = RawServer::start().join(options());
    server.frame(CLOSE, b"");
    assert_eq!(client.disconnected(), (1005, String::new(), true));
    assert_eq!(server.next_frame(), (CLOSE, Vec::new()));
    assert!(server.rest().is_empty());
}

#[test]
fn more_than_the_limit() {
    let words = "longer than 1000 bytes";
    fails(&frame(BINARY, &[0; 1001]), 1009, words);
    fails(&[frame(0x02, &[0; 600]), frame(0x80, &[0; 600])].concat(), 1009, words);
    // Claimed lengths alone, with no payload behind them, the top bit set among them.
    for claim in [1001, 65_535, 65_536, u64::from(u32::MAX), 1 << 62, 1 << 63, u64::MAX] {
        fails(&header(BINARY, claim), 1009, words);
        fails(&header(TEXT, claim), 1009, words);
    }
    fails(
        &[frame(0x02, &[0; 600]), header(0x00, u64::MAX - 600)].concat(),
        1009,
        words,
    );
    fails(&[BINARY, 127, 0x80, 0, 0, 0, 0, 0, 0, 5], 1009, words);
    // The limit itself is fine.
    let (mut client, mut server) = RawServer::start().join(options());
    server.frame(BINARY, &[5; 1000]);
    server.send(&[frame(0x02, &[6; 600]), frame(0x80, &[6; 400])].concat());
    assert_eq!(client.binary(), [5; 1000]);
    assert_eq!(client.binary(), [6; 1000]);
}

#[test]
fn a_length_in_a_longer_form_is_understood() {
    let (mut client, mut server) = RawServer::start().join(options());
    server.send(&[TEXT, 126, 0, 2, b'h', b'i']);
    server.send(&[TEXT, 127, 0, 0, 0, 0, 0, 0, 0, 2, b'h', b'o']);
    assert_eq!((client.text(), client.text()), ("hi".to_owned(), "ho".to_owned()));
}

#[test]
fn a_frame_that_is_cut_off() {
    for bytes in [
        &[TEXT][..],
        &[TEXT, 126, 1],
        &[TEXT, 5, b'h', b'i'],
        &frame(0x01, b"first"),
        &[CLOSE, 2, 3],
        &[PING, 9],
    ] {
        let (mut client, mut server) = RawServer::start().join(options());
        server.send(bytes);
        server.fin();
        let (code, reason, clean) = client.disconnected();
        assert_eq!((code, clean), (1006, false), "{bytes:X?}");
        assert!(reason.contains("without a close frame"), "{reason}");
        assert!(server.rest().is_empty(), "an answer to nobody");

        let (mut client, mut server) = RawServer::start().join(options());
        server.frame(TEXT, b"before");
        server.send(bytes);
        assert_eq!(client.text(), "before");
        server.reset();
        let (code, reason, clean) = client.disconnected();
        assert_eq!((code, clean), (1006, false), "{bytes:X?}");
        assert!(reason.to_lowercase().contains("reset"), "{reason}");
    }
}

#[test]
fn nothing_after_a_close_frame_counts() {
    let (mut client, mut server) = RawServer::start().join(options());
    let after = [
        frame(TEXT, b"late"),
        frame(PING, b"late"),
        vec![0xFF; 50],
        frame(CLOSE, &close_payload(4001, "")),
    ];
    server.send(
        &[
            frame(TEXT, b"last"),
            frame(CLOSE, &close_payload(4000, "done")),
            after.concat(),
        ]
        .concat(),
    );
    assert_eq!(client.text(), "last");
    assert_eq!(client.disconnected(), (4000, "done".to_owned(), true));
    assert_eq!(server.next_close(), (4000, "done".to_owned()));
    assert!(server.rest().is_empty());
}

#[test]
fn a_violation_after_our_close_frame_gets_no_second_one() {
    let (mut client, mut server) = RawServer::start().join(options());
    client.close(4000, "enough");
    assert_eq!(server.next_close(), (4000, "enough".to_owned()));
    server.send(&[frame(TEXT, b"late"), frame(0x83, b"x")].concat());
    assert_eq!(client.disconnected(), (4000, "enough".to_owned(), false));
    assert!(server.rest().is_empty());
}

/// Pongs that a server does not read make the client stop reading.
#[test]
fn a_flood_of_pings_takes_no_memory() {
    const MOST: usize = 256 * 1024 * 1024;
    let (mut client, mut server) = RawServer::start().join(options());
    let pings = frame(PING, &[7; 125]).repeat(512);
    let taken = server.flood(&pings, MOST);
    assert!(taken < MOST, "all pings were taken");
    assert_eq!(client.inner.pending_bytes(), 0, "pongs count as messages");
    // Once the server reads, every ping has its pong.
    let whole = taken / 127;
    let mut writer = server.stream.try_clone().expect("a socket");
    let more = std::thread::spawn(move || {
        let skip = taken % 127;
        writer
            .write_all(&frame(PING, &[7; 125])[skip..])
            .expect("an open connection");
    });
    for _ in 0..=whole {
        assert_eq!(server.next_frame(), (PONG, vec![7; 125]));
    }
    more.join().expect("room at last");
    server.frame(TEXT, b"after");
    assert_eq!(client.text(), "after");
}

#[test]
fn pongs_that_nobody_asked_for_are_ignored() {
    let (mut client, mut server) = RawServer::start().join(options());
    server.frame(PONG, b"");
    server.frame(PONG, b"unasked");
    server.frame(TEXT, b"after");
    assert_eq!(client.text(), "after");
    assert_eq!(client.inner.latency(), None);
}

#[test]
fn masks_differ_for_all_kinds_of_frames() {
    let (client, mut server) = RawServer::start().join(options());
    for n in 0..20 {
        client.inner.send_text("text").expect("room");
        client.inner.send_binary(&[n; 200]).expect("room");
        client.inner.ping(b"ping").expect("room");
        assert_eq!(server.next_frame(), (TEXT, b"text".to_vec()));
        assert_eq!(server.next_frame(), (BINARY, vec![n; 200]));
        assert_eq!(server.next_frame(), (PING, b"ping".to_vec()));
    }
    client.close(1000, "");
    assert_eq!(server.next_close().0, 1000);
}

#[test]
fn a_disconnected_client_refuses_what_comes_later() {
    let (mut client, mut server) = RawServer::start().join(options());
    server.frame(0x83, b"x");
    assert_eq!(client.disconnected().0, 1002);
    assert!(client.inner.send_text("late").is_err());
    assert!(client.inner.ping(b"").is_err());
    client.inner.flush(1);
    client.inner.abort();
    wait_until("end", || client.inner.pending_bytes() == 0);
    assert!(client.poll().is_none());
}
