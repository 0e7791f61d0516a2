//! Every end of a client: closes by either side, aborts and drops, in each phase.

mod websocket_client_common;
mod websocket_common;

use std::io::Read;
use std::time::{Duration, Instant};

use async_sockets_net::error::SendError;
use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use async_sockets_net::websocket::close_code::CloseFrame;
use async_sockets_net::websocket::connect_error::WebSocketConnectError;
use async_sockets_net::websocket::options::WebSocketOptions;
use async_sockets_net::websocket::reconnect::Failure;
use websocket_client_common::{Client, Raw, RawServer, Seen, server_frame, switching_protocols};
use websocket_common::{BINARY, CLOSE, Happened, PING, Server, TEXT, close_payload, wait_until};

fn options() -> WebSocketClientOptions {
    WebSocketClientOptions::default()
}

fn closing_within(milliseconds: u64) -> WebSocketClientOptions {
    WebSocketClientOptions {
        close_timeout: Some(Duration::from_millis(milliseconds)),
        ..options()
    }
}

fn both() -> (Client, Server, i64) {
    let mut server = Server::start(WebSocketOptions::default());
    let client = Client::connect(server.port(), options());
    let id = server.connected();
    (client, server, id)
}

/// An attempt whose request was sent, and not answered.
fn attempt(server: &RawServer, message: Option<&str>) -> (Client, Raw, String) {
    let client = Client::start(&server.url(), options());
    if let Some(message) = message {
        client.inner.send_text(message).expect("room");
    }
    let (raw, head) = server.asked();
    (client, raw, head)
}

#[track_caller]
fn assert_over(client: &mut Client) {
    assert_eq!(client.inner.send_text("late"), Err(SendError::Closed));
    assert_eq!(client.inner.pending_bytes(), 0);
    assert!(!client.inner.close(CloseFrame::going_away()), "a second close");
    client.inner.abort();
    assert!(client.poll().is_none(), "an event after the last");
}

#[test]
fn the_client_closes() {
    for (code, reason) in [(1000, ""), (1000, "bye"), (3000, "é"), (4999, &"x".repeat(123))] {
        let (mut client, mut server, id) = both();
        client.inner.send_text("before").expect("room");
        client.close(code, reason);
        assert_eq!(client.inner.send_text("after"), Err(SendError::Closed));
        assert!(client.inner.ping(b"").is_err());
        assert_eq!(server.text(), "before");
        let code = u16::try_from(code).expect("a code");
        assert_eq!(server.disconnected(), (code, reason.to_owned(), true));
        assert_eq!(client.disconnected(), (code, reason.to_owned(), true));
        assert!(server.inner.send_text(id, "late").is_err());
        assert_over(&mut client);
    }
}

#[test]
fn the_server_closes() {
    for (code, reason) in [(1000, ""), (1001, "bye"), (3000, "é"), (4999, &"x".repeat(123))] {
        let (mut client, mut server, id) = both();
        server.inner.send_text(id, "before").expect("room");
        let frame = CloseFrame::parse(code, reason).expect("a valid close");
        server.inner.disconnect(id, frame).expect("known");
        assert_eq!(client.text(), "before");
        let code = u16::try_from(code).expect("a code");
        assert_eq!(client.disconnected(), (code, reason.to_owned(), true));
        assert_eq!(server.disconnected(), (code, reason.to_owned(), true));
        assert_over(&mut client);
    }
}

#[test]
fn both_close_at_once() {
    for _ in 0..20 {
        let (mut client, mut server, id) = both();
        let frame = CloseFrame::parse(4001, "server").expect("a valid close");
        server.inner.disconnect(id, frame).expect("known");
        // It may have heard of the server's close already.
        let _ = client
            .inner
            .close(CloseFrame::parse(4002, "client").expect("a valid close"));
        let (ours, theirs) = (client.disconnected(), server.disconnected());
        for (code, reason, clean) in [ours, theirs] {
            assert!(clean, "{reason}");
            assert!(
                matches!((code, reason.as_str()), (4001, "server") | (4002, "client")),
                "{code} {reason}"
            );
        }
    }
}

#[test]
fn a_message_right_before_a_close_is_delivered() {
    for (end, code) in [
        (server_frame(CLOSE, &close_payload(4000, "")), 4000),
        (Vec::new(), 1006),
    ] {
        for in_one in [true, false] {
            let (mut client, mut server) = RawServer::start().join(options());
            let last = [server_frame(TEXT, b"last"), server_frame(BINARY, &[5; 70_000])].concat();
            if in_one {
                server.send(&[&last[..], &end].concat());
            } else {
                server.send(&last);
                server.send(&end);
            }
            server.fin();
            assert_eq!(client.text(), "last");
            assert!(client.binary() == [5; 70_000]);
            assert_eq!(client.disconnected().0, code);
        }
    }
}

#[test]
fn messages_that_arrive_while_the_client_closes_are_dropped() {
    let (mut client, mut server) = RawServer::start().join(options());
    client.inner.send_text("before").expect("room");
    client.close(4000, "");
    assert_eq!(server.next_frame(), (TEXT, b"before".to_vec()));
    assert_eq!(server.next_close(), (4000, String::new()));
    for _ in 0..100 {
        server.frame(BINARY, &[1; 10_000]);
    }
    server.close(4000, "");
    assert_eq!(client.disconnected(), (4000, String::new(), true));
}

#[test]
fn a_server_that_does_not_answer_the_close_is_cut() {
    let (mut client, mut server) = RawServer::start().join(closing_within(200));
    let start = Instant::now();
    client.close(4000, "bye");
    assert_eq!(server.next_close(), (4000, "bye".to_owned()));
    // Data is no answer.
    server.frame(TEXT, b"not yet");
    assert_eq!(client.disconnected(), (4000, "bye".to_owned(), false));
    assert!(start.elapsed() >= Duration::from_millis(200));
    server.ends();
    assert_over(&mut client);
}

#[test]
fn a_server_that_closes_tcp_instead_of_answering() {
    let (mut client, mut server) = RawServer::start().join(options());
    client.close(4000, "bye");
    server.next_close();
    drop(server);
    assert_eq!(client.disconnected(), (4000, "bye".to_owned(), false));
    let (mut client, mut server) = RawServer::start().join(options());
    client.close(4000, "bye");
    server.next_close();
    server.reset();
    assert_eq!(client.disconnected(), (4000, "bye".to_owned(), false));
}

/// After the closing handshake the client does not wait for the server's FIN to tell its end.
#[test]
fn a_server_that_keeps_the_connection_open_after_the_closing_handshake() {
    let (mut client, mut server) = RawServer::start().join(WebSocketClientOptions {
        close_timeout: None,
        ..options()
    });
    server.close(4000, "");
    assert_eq!(client.disconnected(), (4000, String::new(), true));
    server.next_close();
    assert!(server.rest().is_empty());
    // What it still sends is answered by an end, at the latest once the client has waited for its FIN.
    let start = Instant::now();
    while std::io::Write::write(&mut server.stream, &[0; 1000]).is_ok() {
        assert!(start.elapsed() < websocket_common::LIMIT, "it goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_close_gives_up_an_attempt_without_messages() {
    let server = RawServer::start();
    let (mut client, mut raw, _) = attempt(&server, None);
    client.close(4000, "never mind");
    let error = client.failed();
    assert!(matches!(error, WebSocketConnectError::GivenUp), "{error:?}");
    assert_eq!(error.to_string(), "the attempt was given up");
    assert!(Failure::from(&error).may_pass());
    raw.ends();
    assert_over(&mut client);
    // At once, before anything has happened.
    for _ in 0..50 {
        let mut client = Client::start(&server.url(), options());
        client.close(4000, "");
        let error = client.failed();
        assert!(matches!(error, WebSocketConnectError::GivenUp), "{error:?}");
    }
}

#[test]
fn a_close_waits_for_messages_that_wait_for_the_connection() {
    let server = RawServer::start();
    for early in [true, false] {
        let (mut client, mut raw, head) = attempt(&server, Some("last words"));
        if early {
            client.close(4000, "done");
        }
        client.inner.flush(1);
        assert!(client.poll().is_none());
        raw.send(switching_protocols(&head, "").as_bytes());
        client.connected();
        if !early {
            client.close(4000, "done");
            assert!(matches!(client.next(), Seen::Flushed(1)));
        }
        assert_eq!(raw.next_frame(), (TEXT, b"last words".to_vec()));
        assert_eq!(raw.next_close(), (4000, "done".to_owned()));
        raw.close(4000, "done");
        assert_eq!(client.disconnected(), (4000, "done".to_owned(), true));
    }
    // The attempt may still fail.
    let (mut client, mut raw, _) = attempt(&server, Some("last words"));
    client.close(4000, "done");
    raw.send(b"HTTP/1.1 503 x\r\n\r\n");
    assert_eq!(client.failed().response().map(|(status, _)| status), Some(503));
    assert_over(&mut client);
}

#[test]
fn an_abort_gives_up_an_attempt() {
    let server = RawServer::start();
    for message in [None, Some("dropped")] {
        let (mut client, mut raw, _) = attempt(&server, message);
        client.inner.abort();
        assert!(matches!(client.failed(), WebSocketConnectError::GivenUp));
        raw.ends();
        assert_over(&mut client);
        // After a close that waits.
        let (mut client, mut raw, _) = attempt(&server, Some("dropped"));
        client.close(1000, "");
        client.inner.abort();
        assert!(matches!(client.failed(), WebSocketConnectError::GivenUp));
        raw.ends();
        assert_over(&mut client);
    }
    let mut client = Client::start("ws://no-such-host.invalid/", options());
    client.inner.abort();
    client.failed();
    assert_over(&mut client);
}

/// On Linux, a full backlog leaves further connection attempts unanswered.
#[test]
#[cfg(target_os = "linux")]
fn an_attempt_that_nothing_answers_can_be_ended() {
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    listener.bind(&address.into()).expect("a free port");
    listener.listen(0).expect("a listener");
    let address = listener.local_addr().expect("an address");
    let _queued: Vec<_> = (0..4)
        .map(|_| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
            socket.set_nonblocking(true).expect("an option");
            let _ = socket.connect(&address);
            socket
        })
        .collect();
    let url = websocket_client_common::url(address.as_socket().expect("IP").port());
    let mut client = Client::start(&url, options());
    client.close(1000, "");
    assert!(matches!(client.failed(), WebSocketConnectError::GivenUp));
    let mut client = Client::start(&url, options());
    client.inner.send_text("lost").expect("room");
    client.inner.abort();
    assert!(matches!(client.failed(), WebSocketConnectError::GivenUp));
    let mut client = Client::start(
        &url,
        WebSocketClientOptions {
            handshake_timeout: Some(Duration::from_millis(200)),
            ..options()
        },
    );
    client.inner.send_text("lost").expect("room");
    client.close(1000, "");
    assert!(client.failed().to_string().contains("within 0.2 s"));
    assert_over(&mut client);
}

/// Reads until the connection was reset.
#[track_caller]
fn assert_reset(mut raw: Raw) {
    let mut scrap = vec![0; 64 * 1024];
    loop {
        match raw.stream.read(&mut scrap) {
            Ok(0) => panic!("FIN"),
            Ok(_) => {}
            Err(error) => return assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
}

#[test]
fn an_abort_ends_a_connection_with_rst() {
    let server = RawServer::start();
    let (mut client, raw) = server.join(options());
    client.inner.abort();
    assert_eq!(client.inner.send_text("late"), Err(SendError::Closed));
    let (code, _, clean) = client.disconnected();
    assert_eq!((code, clean), (1006, false));
    assert_reset(raw);
    assert_over(&mut client);

    // While the closing handshake is in flight.
    let (mut client, mut raw) = server.join(options());
    client.close(4000, "bye");
    raw.next_close();
    client.inner.abort();
    assert_eq!(client.disconnected(), (4000, "bye".to_owned(), false));
    assert_reset(raw);
    assert_over(&mut client);

    // While the server does not read.
    let (mut client, raw) = server.join(options());
    while client.inner.send_binary(&[0; 256 * 1024]).is_ok() {}
    client.inner.abort();
    let (code, _, clean, unsent) = client.ended();
    assert_eq!((code, clean), (1006, false));
    assert!(unsent > 0);
    assert_reset(raw);
    assert_over(&mut client);
}

#[test]
fn what_was_sent_before_a_drop_arrives() {
    // Established: against a server that answers at once.
    let (client, mut server, _) = both();
    for n in 0..1000 {
        client.inner.send_text(&n.to_string()).expect("room");
    }
    client.inner.send_binary(&vec![7; 3_000_000]).expect("room");
    drop(client);
    for n in 0..1000 {
        assert_eq!(server.text(), n.to_string());
    }
    assert!(server.binary() == vec![7; 3_000_000]);
    assert_eq!(server.disconnected(), (1001, String::new(), true));

    // While connecting.
    let server = RawServer::start();
    let (client, mut raw, head) = attempt(&server, Some("last words"));
    drop(client);
    raw.send(switching_protocols(&head, "").as_bytes());
    assert_eq!(raw.next_frame(), (TEXT, b"last words".to_vec()));
    assert_eq!(raw.next_close(), (1001, String::new()));
    raw.close(1001, "");
    assert!(raw.rest().is_empty());
}

#[test]
fn a_drop_ends_an_attempt_without_messages() {
    let server = RawServer::start();
    let (client, mut raw, _) = attempt(&server, None);
    drop(client);
    raw.ends();
    // At once.
    for _ in 0..50 {
        drop(Client::start(&server.url(), options()));
    }
    drop(Client::start("ws://no-such-host.invalid/", options()));
}

#[test]
fn a_drop_while_closing_keeps_the_close_and_hurries_it() {
    let (client, mut server) = RawServer::start().join(WebSocketClientOptions {
        close_timeout: None,
        ..options()
    });
    client.close(4000, "bye");
    assert_eq!(server.next_close(), (4000, "bye".to_owned()));
    drop(client);
    // The server does not answer, and there is no time limit but that of a drop.
    server.ends();
}

#[test]
fn a_drop_beside_a_server_that_does_not_read_ends() {
    let (client, mut server) = RawServer::start().join(options());
    while client.inner.send_binary(&[0; 256 * 1024]).is_ok() {}
    drop(client);
    // Some of it comes, and then the end.
    std::thread::sleep(Duration::from_millis(1500));
    server.ends();
}

#[test]
fn a_drop_after_the_end_does_nothing() {
    let (mut client, mut server) = RawServer::start().join(options());
    server.close(1000, "");
    client.disconnected();
    drop(client);
    assert_eq!(server.next_close().0, 1000);
    assert!(server.rest().is_empty());
}

#[test]
fn a_close_while_messages_are_not_taken_is_clean() {
    let options = WebSocketClientOptions {
        max_queued: 1024,
        ..options()
    };
    let (mut client, mut server) = RawServer::start().join(options);
    let mut writer = server.stream.try_clone().expect("a socket");
    let more = std::thread::spawn(move || {
        for _ in 0..1000 {
            std::io::Write::write_all(&mut writer, &server_frame(BINARY, &[1; 60_000])).expect("an open connection");
        }
        std::io::Write::write_all(&mut writer, &server_frame(PING, b"")).expect("an open connection");
    });
    wait_until("a message", || client.inner.queued_events() > 0);
    client.close(4000, "");
    assert_eq!(server.next_close(), (4000, String::new()));
    more.join().expect("all of it was taken");
    server.close(4000, "");
    let mut messages = 0;
    loop {
        match client.next() {
            Seen::Binary(_) => messages += 1,
            Seen::Disconnected(4000, _, true, 0) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!((1..1000).contains(&messages), "{messages}");
    assert!(server.rest().is_empty(), "a pong after the close");
}

/// Whatever happens at the same time, there is one first event and one last.
#[test]
fn closes_and_aborts_at_any_moment() {
    let mut server = Server::start(WebSocketOptions::default());
    for n in 0..300_u64 {
        let mut client = Client::start(&websocket_client_common::url(server.port()), options());
        if n % 3 == 0 {
            client.inner.send_text("x").expect("room");
        }
        std::thread::sleep(Duration::from_micros(n * 7 % 1500));
        match n % 4 {
            0 => drop(client.inner.close(CloseFrame::going_away())),
            1 => client.inner.abort(),
            2 => {
                client.close(1000, "");
                client.inner.abort();
            }
            _ => {
                drop(client);
                continue;
            }
        }
        match client.next() {
            Seen::ConnectFailed(WebSocketConnectError::GivenUp) => {}
            Seen::Connected(_) => {
                client.disconnected();
            }
            other => panic!("{other:?}"),
        }
        assert_over(&mut client);
        while let Some(happened) = server.poll() {
            assert!(!matches!(happened, Happened::Other(_)), "{happened:?}");
        }
    }
    // The server loses none either.
    wait_until("the end of all", || {
        while server.poll().is_some() {}
        server.inner.client_count() == 0
    });
}
