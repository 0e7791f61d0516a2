//! How connections end, and with which code.

mod websocket_common;

use std::net::Shutdown;
use std::time::{Duration, Instant};

use async_sockets_net::websocket::close_code::CloseFrame;
use async_sockets_net::websocket::options::WebSocketOptions;
use async_sockets_net::websocket_server::ClientError;
use socket2::SockRef;
use websocket_common::{CLOSE, PING, PONG, Server, TEXT, frame};

fn bye(code: i64, reason: &str) -> CloseFrame {
    CloseFrame::parse(code, reason).expect("valid")
}

fn impatient() -> Server {
    Server::start(WebSocketOptions {
        close_timeout: Some(Duration::from_millis(200)),
        ..WebSocketOptions::default()
    })
}

#[test]
fn the_peers_own_code_is_answered_and_told() {
    let mut server = Server::start(WebSocketOptions::default());
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
    ] {
        let (mut peer, _) = server.join();
        peer.close(code, "wörd");
        assert_eq!(server.disconnected(), (code, "wörd".into(), true));
        assert_eq!(peer.next_close(), (code, "wörd".into()));
        assert!(peer.rest().is_empty());
    }
}

#[test]
fn a_code_that_nobody_may_send_is_our_1002_and_not_clean() {
    let mut server = Server::start(WebSocketOptions::default());
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        let (mut peer, _) = server.join();
        peer.frame(PING, b"before");
        peer.close(code, "wörd");
        let (told, reason, clean) = server.disconnected();
        assert_eq!((told, clean), (1002, false), "{code}");
        assert!(
            reason.contains(&code.to_string()) && reason.contains("wörd"),
            "{reason}"
        );
        assert_eq!(peer.next_frame(), (PONG, b"before".to_vec()));
        assert_eq!(peer.next_close(), (1002, reason));
        assert!(peer.rest().is_empty());
    }
}

#[test]
fn an_illegal_code_is_told_within_what_a_close_frame_holds() {
    let mut server = Server::start(WebSocketOptions::default());
    let (mut peer, _) = server.join();
    peer.close(999, &"é".repeat(61));
    let (code, reason, clean) = server.disconnected();
    assert_eq!((code, clean), (1002, false));
    assert!(reason.contains("999") && reason.len() <= 123, "{reason}");
    assert_eq!(peer.next_close(), (1002, reason));
}

#[test]
fn a_close_frame_that_is_none_is_not_clean() {
    let mut server = Server::start(WebSocketOptions::default());
    for (payload, code) in [
        (&[3][..], 1002),
        (&[0x03, 0xE8, 0xFF], 1007),
        (&[0x03, 0xF6, 0xFF], 1007),
    ] {
        let (mut peer, _) = server.join();
        peer.frame(CLOSE, payload);
        let (told, reason, clean) = server.disconnected();
        assert_eq!((told, clean), (code, false), "{payload:?}");
        assert!(!reason.is_empty());
        assert_eq!(peer.next_close(), (code, reason));
    }
}

#[test]
fn an_illegal_answer_to_our_close_is_not_clean() {
    let mut server = Server::start(WebSocketOptions::default());
    for (answer, is_clean) in [(1014, true), (4000, true), (999, false), (1006, false)] {
        let (mut peer, id) = server.join();
        server.inner.disconnect(id, bye(4001, "kicked")).expect("known");
        assert_eq!(peer.next_close(), (4001, "kicked".into()));
        peer.close(answer, "");
        assert_eq!(server.disconnected(), (4001, "kicked".into(), is_clean), "{answer}");
        // There is exactly one close frame.
        assert!(peer.rest().is_empty());
    }
}

#[test]
fn no_code_is_1005() {
    let mut server = Server::start(WebSocketOptions::default());
    let (mut peer, _) = server.join();
    peer.frame(CLOSE, b"");
    assert_eq!(server.disconnected(), (1005, String::new(), true));
    assert_eq!(peer.next_frame(), (CLOSE, Vec::new()));
}

#[test]
fn whoever_vanishes_is_1006() {
    let mut server = Server::start(WebSocketOptions::default());
    let (peer, _) = server.join();
    drop(peer);
    assert_eq!(server.disconnected().0, 1006);

    let (mut peer, _) = server.join();
    peer.send(&frame(TEXT, b"cut")[..5]);
    SockRef::from(&peer.stream)
        .set_linger(Some(Duration::ZERO))
        .expect("a socket");
    drop(peer);
    let (code, reason, clean) = server.disconnected();
    assert_eq!((code, clean), (1006, false));
    assert!(!reason.is_empty());
}

#[test]
fn messages_before_a_close_come_before_it() {
    let mut server = Server::start(WebSocketOptions::default());
    let (mut peer, _) = server.join();
    let mut bytes: Vec<u8> = (0..1000).flat_map(|_| frame(TEXT, b"x")).collect();
    bytes.extend(frame(CLOSE, &[0x0F, 0xA0]));
    bytes.extend(frame(TEXT, b"too late"));
    peer.send(&bytes);
    drop(peer);
    for _ in 0..1000 {
        assert_eq!(server.text(), "x");
    }
    assert_eq!(server.disconnected().0, 4000);
}

#[test]
fn our_close_comes_after_what_was_sent_and_waits_for_the_answer() {
    let mut server = Server::start(WebSocketOptions::default());
    let (mut peer, id) = server.join();
    server.inner.send_text(id, "last words").expect("room");
    server.inner.disconnect(id, bye(4001, "kicked")).expect("known");
    assert_eq!(
        server.inner.disconnect(id, bye(1000, "")),
        Err(ClientError::Closing(id))
    );
    assert_eq!(server.inner.send_text(id, "x"), Err(ClientError::Closing(id)));
    assert_eq!(peer.next_frame(), (TEXT, b"last words".to_vec()));
    assert_eq!(peer.next_close(), (4001, "kicked".into()));
    // Anything that still arrives is dropped.
    peer.frame(TEXT, b"but");
    assert!(server.poll().is_none());
    peer.close(4001, "kicked");
    assert_eq!(server.disconnected(), (4001, "kicked".into(), true));
    assert!(peer.rest().is_empty());
    assert_eq!(server.inner.send_text(id, "x"), Err(ClientError::Unknown(id)));
    assert_eq!(
        server.inner.disconnect(id, bye(1000, "")),
        Err(ClientError::Unknown(id))
    );
    assert_eq!(server.inner.client_count(), 0);
}

#[test]
fn a_peer_that_does_not_answer_is_cut_in_time() {
    let mut server = impatient();
    let (mut peer, id) = server.join();
    let start = Instant::now();
    server.inner.disconnect(id, bye(1000, "")).expect("known");
    assert_eq!(server.disconnected(), (1000, String::new(), false));
    assert!(start.elapsed() >= Duration::from_millis(150) && start.elapsed() < Duration::from_secs(3));
    peer.ends();
}

#[test]
fn a_peer_that_reads_nothing_is_cut_in_time() {
    let mut server = impatient();
    let (peer, id) = server.join();
    while server.inner.send_binary(id, &[0; 1 << 20]).is_ok() {}
    server.inner.disconnect(id, bye(1000, "")).expect("known");
    assert_eq!(server.disconnected(), (1000, String::new(), false));
    drop(peer);
}

#[test]
fn a_half_closed_peer_is_gone() {
    let mut server = Server::start(WebSocketOptions::default());
    let (mut peer, _) = server.join();
    peer.frame(TEXT, b"x");
    peer.stream.shutdown(Shutdown::Write).expect("open");
    assert_eq!(server.text(), "x");
    assert_eq!(server.disconnected().0, 1006);
}
