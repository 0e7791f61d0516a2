//! Broadcasts: one message to many clients.

mod websocket_common;

use async_sockets_net::websocket::options::WebSocketOptions;
use async_sockets_net::websocket_server::{Audience, Broadcast, ClientError};
use websocket_common::{BINARY, Server, TEXT};

#[test]
fn everybody_gets_it_but_the_excluded() {
    let mut server = Server::start(WebSocketOptions::default());
    let mut peers: Vec<_> = (0..20).map(|_| server.join()).collect();
    let all = server.inner.broadcast_text("to all", Audience::All, &[]);
    assert_eq!(all, Broadcast { queued: 20, refused: 0 });
    let few = server.inner.broadcast_binary(&[9; 5000], Audience::All, &[3, 77]);
    assert_eq!(few.queued, 19);
    let many: Vec<i64> = (2..=20).collect();
    assert_eq!(server.inner.broadcast_text("to one", Audience::All, &many).queued, 1);
    server.inner.broadcast_text("end", Audience::All, &[]);
    for (peer, id) in &mut peers {
        assert_eq!(peer.next_frame(), (TEXT, b"to all".to_vec()));
        if *id != 3 {
            assert_eq!(peer.next_frame(), (BINARY, vec![9; 5000]));
        }
        if *id == 1 {
            assert_eq!(peer.next_frame(), (TEXT, b"to one".to_vec()));
        }
        assert_eq!(peer.next_frame(), (TEXT, b"end".to_vec()));
    }
}

/// With few clients, the main thread distributes a broadcast itself; with many, the server's task does.
fn order(clients: usize) {
    let mut server = Server::start(WebSocketOptions::default());
    let mut peers: Vec<_> = (0..clients).map(|_| server.join()).collect();
    for n in 0..500_usize {
        let (_, id) = peers[n % clients];
        server
            .inner
            .broadcast_binary(&vec![n as u8; 10 + n], Audience::All, &[]);
        server.inner.send_text(id, &format!("one {n}")).expect("room");
        if n % 50 == 0 {
            std::thread::yield_now();
        }
    }
    for (at, (peer, _)) in peers.iter_mut().enumerate() {
        for n in 0..500_usize {
            assert_eq!(peer.next_frame(), (BINARY, vec![n as u8; 10 + n]));
            if n % clients == at {
                assert_eq!(peer.next_frame(), (TEXT, format!("one {n}").into_bytes()));
            }
        }
    }
}

#[test]
fn order_with_other_messages_is_kept_for_few() {
    order(3);
}

#[test]
fn order_with_other_messages_is_kept_for_many() {
    order(30);
}

#[test]
fn who_comes_later_gets_what_is_sent_later() {
    let mut server = Server::start(WebSocketOptions::default());
    let mut peers: Vec<_> = (0..20).map(|_| server.join().0).collect();
    for n in 0..50_u8 {
        // The client is admitted, but the server's owner has not been told when the first broadcast is sent.
        let mut late = websocket_common::Peer::open(server.port(), "");
        websocket_common::wait_until("note", || server.inner.queued_events() == 1);
        server.inner.broadcast_binary(&[n, 0], Audience::All, &[]);
        server.connected();
        server.inner.broadcast_binary(&[n, 1], Audience::All, &[]);
        assert_eq!(late.next_frame(), (BINARY, vec![n, 1]));
        for peer in &mut peers {
            assert_eq!(peer.next_frame(), (BINARY, vec![n, 0]));
            assert_eq!(peer.next_frame(), (BINARY, vec![n, 1]));
        }
        late.close(1000, "");
        assert_eq!(server.disconnected().0, 1000);
    }
}

#[test]
fn it_goes_out_before_a_close_that_follows() {
    let mut server = Server::start(WebSocketOptions::default());
    let mut peers: Vec<_> = (0..20).map(|_| server.join()).collect();
    server.inner.cork();
    server.inner.broadcast_text("one", Audience::All, &[]);
    let bye = async_sockets_net::websocket::close_code::CloseFrame::parse(4000, "").expect("valid");
    server.inner.disconnect(peers[0].1, bye).expect("known");
    let two = server.inner.broadcast_text("two", Audience::All, &[]);
    assert_eq!(two, Broadcast { queued: 19, refused: 0 });
    server.inner.stop();
    assert_eq!(server.inner.broadcast_text("late", Audience::All, &[]).queued, 0);
    for (peer, id) in &mut peers {
        assert_eq!(peer.next_frame(), (TEXT, b"one".to_vec()));
        if *id != 1 {
            assert_eq!(peer.next_frame(), (TEXT, b"two".to_vec()));
        }
        assert_eq!(peer.next_close().0, if *id == 1 { 4000 } else { 1001 });
    }
}

#[test]
fn groups_hold_who_joined_and_did_not_leave() {
    let mut server = Server::start(WebSocketOptions::default());
    let (mut a, a_id) = server.join();
    let (mut b, b_id) = server.join();
    let (mut c, c_id) = server.join();
    for id in [a_id, b_id, c_id] {
        server.inner.add_to_group(id, "red").expect("known");
    }
    server.inner.add_to_group(a_id, "red").expect("twice is once");
    assert_eq!(server.inner.add_to_group(99, "red"), Err(ClientError::Unknown(99)));
    assert_eq!(server.inner.remove_from_group(b_id, "red"), Ok(true));
    assert_eq!(server.inner.remove_from_group(b_id, "red"), Ok(false));
    let red = Audience::Group("red");
    assert_eq!(server.inner.broadcast_text("1", red, &[]).queued, 2);
    assert_eq!(server.inner.broadcast_text("2", red, &[a_id]).queued, 1);
    c.close(1000, "");
    assert_eq!(server.disconnected().0, 1000);
    assert_eq!(server.inner.broadcast_text("3", red, &[]).queued, 1);
    assert_eq!(server.inner.broadcast_text("4", Audience::Group("blue"), &[]).queued, 0);
    server.inner.broadcast_text("end", Audience::All, &[]);
    let texts = |peer: &mut websocket_common::Peer| {
        let mut got = String::new();
        while !got.ends_with("end") {
            got += &String::from_utf8(peer.next_frame().1).expect("UTF-8");
        }
        got
    };
    assert_eq!(texts(&mut a), "13end");
    assert_eq!(texts(&mut b), "end");
}
