//! Messages from client to client that the runtime passes on by itself.

mod websocket_common;

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use async_sockets_net::event::WebSocketEvent;
use async_sockets_net::websocket::options::{BackpressurePolicy, WebSocketOptions};
use async_sockets_net::websocket::relay::{RelayTo, Relayed};
use async_sockets_net::websocket_server::{Audience, ClientError};
use websocket_common::{BINARY, CLOSE, Happened, Peer, Server, TEXT, frame, wait_for, wait_until};

/// `b">"`, the recipient's number, and the rest: a number below 100 is one client, 100 is all, and 100 + n is all but n
/// and also for the main thread.
fn rule(message: &[u8]) -> Option<Relayed> {
    let [b'>', number, ..] = message else { return None };
    let number = i32::from(*number);
    Some(Relayed {
        to: match number {
            100.. => RelayTo::AllBut(number - 100),
            _ => RelayTo::One(number),
        },
        body_at: 2,
        is_for_main: number > 100,
    })
}

fn options() -> WebSocketOptions {
    WebSocketOptions {
        relay: Some(rule),
        ..WebSocketOptions::default()
    }
}

/// Has a client join, and take part by its id.
fn join(server: &mut Server) -> Peer {
    let (peer, id) = server.join();
    take_part(server, id);
    peer
}

fn take_part(server: &mut Server, id: i64) {
    let label = i32::try_from(id).expect("small");
    let head = [b'<', b'0' + label.to_le_bytes()[0]];
    server.inner.join_relay(id, label, &head).expect("a client");
    wait_until("begin", || server.inner.begin_relay(id));
}

fn send(peer: &mut Peer, to: u8, words: &str) {
    peer.frame(BINARY, &[&[b'>', to], words.as_bytes()].concat());
}

#[track_caller]
fn expect(peer: &mut Peer, words: &str) {
    let (first, payload) = peer.next_frame();
    assert_eq!((first, String::from_utf8_lossy(&payload).as_ref()), (BINARY, words));
}

#[test]
fn they_go_to_one_to_all_or_to_all_but_one() {
    let mut server = Server::start(options());
    let mut peers: Vec<_> = (0..4).map(|_| join(&mut server)).collect();
    send(&mut peers[0], 2, "to one");
    send(&mut peers[0], 100, "to all");
    send(&mut peers[0], 103, "not to the third");
    send(&mut peers[0], 77, "to nobody");
    send(&mut peers[0], 1, "to oneself");
    expect(&mut peers[0], "<1to oneself");
    expect(&mut peers[1], "<1to one");
    for peer in &mut peers[1..] {
        expect(peer, "<1to all");
    }
    expect(&mut peers[1], "<1not to the third");
    expect(&mut peers[3], "<1not to the third");
    // The main thread gets what is for it, and what is no message of the relay, in order.
    peers[0].frame(BINARY, b"to the server");
    assert_eq!(server.binary(), b"not to the third");
    assert_eq!(server.binary(), b"to the server");
    let figures = server.inner.statistics();
    assert_eq!((figures.relayed, figures.messages_in), (5, 6));
    assert_eq!(figures.messages_out, 1 + 3 + 2 + 1);
}

#[test]
fn large_ones_arrive_whole() {
    let mut server = Server::start(options());
    let (mut one, mut two) = (join(&mut server), join(&mut server));
    let large = "x".repeat(100_000);
    for to in [2, 100, 101] {
        send(&mut one, to, &large);
        expect(&mut two, &format!("<1{large}"));
    }
    assert_eq!(server.binary(), large.as_bytes());
}

/// Everything from one sender to one recipient stays in order, from before it takes part, and with what the server
/// sends.
#[test]
fn the_order_holds() {
    let mut server = Server::start(options());
    let mut two = join(&mut server);
    let (mut one, id) = server.join();
    assert_eq!(id, 2);
    for n in 0..50_u8 {
        one.frame(BINARY, &[b'>', 1, n]);
    }
    wait_until("messages", || server.inner.statistics().messages_in == 50);
    server.inner.join_relay(2, 2, b"").expect("a client");
    // What it has sent before is the main thread's.
    assert!(!server.inner.begin_relay(2));
    for n in 50..100_u8 {
        one.frame(BINARY, &[b'>', 1, n]);
    }
    for n in 0..50_u8 {
        assert_eq!(server.binary(), [b'>', 1, n]);
        server.inner.send_binary(1, &[n]).expect("room");
    }
    assert_eq!(server.inner.statistics().messages_in, 50, "it is not read meanwhile");
    assert!(server.inner.begin_relay(2));
    assert!(server.inner.begin_relay(2), "it has begun");
    for n in 0..100_u8 {
        assert_eq!(two.next_frame(), (BINARY, vec![n]));
    }
    assert_eq!(server.inner.statistics().relayed, 50);
}

/// A broadcast that one client answers reaches the others before the answer.
#[test]
fn an_answer_overtakes_no_broadcast() {
    let mut server = Server::start(options());
    let mut peers: Vec<_> = (0..3).map(|_| join(&mut server)).collect();
    for n in 0..200_u8 {
        server.inner.broadcast_binary(&[n], Audience::All, &[]);
        assert_eq!(peers[0].next_frame(), (BINARY, vec![n]));
        send(&mut peers[0], 100, "answer");
        for peer in &mut peers[1..] {
            assert_eq!(peer.next_frame(), (BINARY, vec![n]));
            expect(peer, "<1answer");
        }
    }
}

#[test]
fn only_those_who_take_part_do() {
    let mut server = Server::start(options());
    let mut one = join(&mut server);
    let (mut outside, id) = server.join();
    send(&mut outside, 1, "from outside");
    send(&mut outside, 100, "from outside");
    assert_eq!(server.binary(), b">\x01from outside");
    assert_eq!(server.binary(), b">\x64from outside");
    send(&mut one, 2, "to outside");
    send(&mut one, 101, "to the server alone");
    assert_eq!(server.binary(), b"to the server alone");
    server.inner.send_binary(id, b"first").expect("room");
    assert_eq!(outside.next_frame(), (BINARY, b"first".to_vec()));
    take_part(&mut server, id);
    send(&mut outside, 1, "from inside");
    expect(&mut one, "<2from inside");
    send(&mut one, 2, "to inside");
    expect(&mut outside, "<1to inside");
    // And then no longer.
    server.inner.leave_relay(id);
    send(&mut outside, 1, "from outside");
    assert_eq!(server.binary(), b">\x01from outside");
    send(&mut one, 2, "to outside");
    send(&mut one, 100, "to nobody");
    one.frame(BINARY, b"end");
    assert_eq!(server.binary(), b"end");
    server.inner.send_binary(id, b"second").expect("room");
    assert_eq!(outside.next_frame(), (BINARY, b"second".to_vec()));
    assert_eq!(server.inner.join_relay(99, 9, b""), Err(ClientError::Unknown(99)));
}

#[test]
fn one_who_left_is_dropped_and_its_number_is_free() {
    let mut server = Server::start(options());
    let (mut one, mut two) = (join(&mut server), join(&mut server));
    let mut three = join(&mut server);
    two.close(1000, "");
    assert_eq!(server.disconnected().0, 1000);
    send(&mut one, 2, "to nobody");
    send(&mut one, 3, "to the third");
    expect(&mut three, "<1to the third");
    let (mut four, id) = server.join();
    server.inner.join_relay(id, 2, b"<n").expect("a client");
    wait_until("begin", || server.inner.begin_relay(id));
    send(&mut one, 2, "to the new one");
    expect(&mut four, "<1to the new one");
    send(&mut four, 1, "from the new one");
    expect(&mut one, "<nfrom the new one");
}

/// What exceeds the limit of a recipient is lost. The server is told once; the others are unharmed.
#[test]
fn a_slow_recipient_loses_what_exceeds_its_limit() {
    let mut server = Server::start(WebSocketOptions {
        max_pending: 100_000,
        ..options()
    });
    let (mut one, _deaf, mut three) = (join(&mut server), join(&mut server), join(&mut server));
    let block = "x".repeat(50_000);
    for _ in 0..400 {
        send(&mut one, 2, &block);
        send(&mut one, 3, "small");
    }
    for _ in 0..400 {
        expect(&mut three, "<1small");
    }
    match server.next() {
        Happened::Other(WebSocketEvent::Missed(2)) => {}
        other => panic!("not told: {other:?}"),
    }
    one.frame(BINARY, b"end");
    assert_eq!(server.binary(), b"end");
}

#[test]
fn a_slow_recipient_is_disconnected_by_policy() {
    let mut server = Server::start(WebSocketOptions {
        max_pending: 100_000,
        backpressure: BackpressurePolicy::Disconnect,
        // However long the rest takes.
        close_timeout: None,
        ..options()
    });
    let (mut one, mut slow) = (join(&mut server), join(&mut server));
    let block = "x".repeat(50_000);
    // As many as the system's buffers never hold.
    for _ in 0..1000 {
        send(&mut one, 2, &block);
    }
    let mut last = slow.next_frame();
    while last.0 == BINARY {
        last = slow.next_frame();
    }
    assert_eq!((last.0, &last.1[..2]), (CLOSE, &1008_u16.to_be_bytes()[..]));
    slow.close(1008, "");
    let missed = wait_for("note", || server.poll());
    assert!(
        matches!(missed, Happened::Other(WebSocketEvent::Missed(2))),
        "{missed:?}"
    );
    assert_eq!(server.disconnected().0, 1008);
    send(&mut one, 2, "to nobody");
    one.frame(BINARY, b"end");
    assert_eq!(server.binary(), b"end");
}

#[test]
fn text_is_not_relayed() {
    let mut server = Server::start(options());
    let (mut one, mut two) = (join(&mut server), join(&mut server));
    one.frame(TEXT, b">\x02hello");
    assert_eq!(server.text(), ">\x02hello");
    send(&mut one, 2, "data");
    expect(&mut two, "<1data");
}

/// Many pairs at once, each with its own order.
#[test]
fn many_at_once() {
    let mut server = Server::start(options());
    let mut peers: Vec<_> = (0..20).map(|_| join(&mut server)).collect();
    for n in 0..200_u16 {
        for (from, peer) in peers.iter_mut().enumerate() {
            let to = u8::try_from(from / 2 * 2 + (1 - from % 2) + 1).expect("small");
            peer.frame(BINARY, &[&[b'>', to][..], &n.to_be_bytes()].concat());
        }
    }
    for (at, peer) in peers.iter_mut().enumerate() {
        let from = b'0' + u8::try_from(at / 2 * 2 + (1 - at % 2) + 1).expect("small");
        for n in 0..200_u16 {
            assert_eq!(
                peer.next_frame(),
                (BINARY, [&[b'<', from][..], &n.to_be_bytes()].concat())
            );
        }
    }
    assert_eq!(server.inner.statistics().relayed, 4000);
}

/// What is held back for a client, to leave with more, leaves with what another one sends it.
#[test]
fn it_does_not_wait_for_what_the_main_thread_holds_back() {
    let mut server = Server::start(options());
    let mut peers: Vec<_> = (0..3).map(|_| join(&mut server)).collect();
    server.inner.cork();
    for n in 0..20_u8 {
        server.inner.send_binary(2, &[n]).expect("room");
        send(&mut peers[0], 2, "relayed");
        assert_eq!(peers[1].next_frame(), (BINARY, vec![n]));
        expect(&mut peers[1], "<1relayed");
    }
    for n in 0..20_u8 {
        server.inner.broadcast_binary(&[n], Audience::All, &[]);
        send(&mut peers[2], 100, "relayed");
        for peer in &mut peers[..2] {
            assert_eq!(peer.next_frame(), (BINARY, vec![n]));
            expect(peer, "<3relayed");
        }
    }
    server.inner.uncork();
    for n in 0..20_u8 {
        assert_eq!(peers[2].next_frame(), (BINARY, vec![n]));
    }
}

/// Holds a task up.
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(PartialEq, Eq, Clone, Copy, Debug)]
enum State {
    Nobody,
    Waits,
    Open,
}

impl Gate {
    const fn new() -> Self {
        Self {
            state: Mutex::new(State::Nobody),
            changed: Condvar::new(),
        }
    }

    /// Waits until the gate is open, for ten seconds at most.
    fn pass(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State::Waits;
        let closed = |state: &mut State| *state != State::Open;
        let waited = self.changed.wait_timeout_while(state, Duration::from_secs(10), closed);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = State::Nobody;
    }

    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the gate, at which somebody must be waiting.
    #[track_caller]
    fn open(&self) {
        assert_eq!(self.state(), State::Waits, "the main thread was held up");
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::Open;
        self.changed.notify_all();
    }
}

/// The main thread ends a sender's part in the middle of a batch: it waits for no other message.
#[test]
fn leaving_does_not_wait_for_a_batch() {
    static GATE: Gate = Gate::new();
    fn slow_rule(message: &[u8]) -> Option<Relayed> {
        if message.ends_with(b"slow") {
            GATE.pass();
        }
        rule(message)
    }
    let mut server = Server::start(WebSocketOptions {
        relay: Some(slow_rule),
        ..options()
    });
    let (mut one, mut two) = (join(&mut server), join(&mut server));
    let batch = [&b">\x02before"[..], b">\x64slow", b">\x02after"];
    one.send(&batch.map(|message| frame(BINARY, message)).concat());
    wait_until("the slow one", || GATE.state() == State::Waits);
    server.inner.leave_relay(1);
    server.inner.send_binary(2, b"it has left").expect("room");
    GATE.open();
    expect(&mut two, "<1before");
    expect(&mut two, "it has left");
    // What it is too late for is the main thread's.
    assert_eq!(server.binary(), b">\x64slow");
    assert_eq!(server.binary(), b">\x02after");
    assert_eq!(server.inner.statistics().relayed, 1);
}

/// Nor does the main thread wait for the conversion of a long text, and the relay does not begin before that is over.
#[test]
fn joining_does_not_wait_for_a_long_text() {
    static GATE: Gate = Gate::new();
    let mut server = Server::start(WebSocketOptions {
        prepare_text: Some(|text| {
            GATE.pass();
            Box::new(text.len())
        }),
        ..options()
    });
    let (mut one, id) = server.join();
    let mut two = join(&mut server);
    assert_eq!(id, 1);
    let long = "x".repeat(20_000);
    one.frame(TEXT, long.as_bytes());
    wait_until("the text", || GATE.state() == State::Waits);
    server.inner.join_relay(1, 1, b"<1").expect("a client");
    assert!(!server.inner.begin_relay(1), "the text is on its way");
    server.inner.leave_relay(1);
    server.inner.join_relay(1, 1, b"<1").expect("a client");
    GATE.open();
    assert_eq!(server.text(), long);
    wait_until("begin", || server.inner.begin_relay(1));
    send(&mut one, 2, "relayed");
    expect(&mut two, "<1relayed");
}
