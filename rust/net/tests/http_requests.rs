//! Requests that the main thread answers: now, later, never, or for a client that has left.

mod http_common;
mod websocket_common;

use std::time::Duration;

use async_sockets_net::event::WebSocketEvent;
use async_sockets_net::http_server::answer::Answer;
use async_sockets_net::http_server::options::HttpOptions;
use async_sockets_net::http_server::site::{FolderOptions, Site};
use async_sockets_net::websocket::options::{HandshakeOptions, WebSocketOptions};
use http_common::{DiskFolder, answer, kept, with, with_handler};
use websocket_common::{Happened, Peer, Server, wait_until};

/// In bytes.
const LARGE: usize = 64 * 1024 * 1024;

#[track_caller]
fn left(server: &mut Server) -> u64 {
    match server.next() {
        Happened::Other(WebSocketEvent::HttpClientLeft(id)) => id,
        other => panic!("nobody left: {other:?}"),
    }
}

#[test]
fn a_request_has_everything_that_was_sent() {
    let mut server = Server::start(with_handler());
    let mut peer = Peer::connect(server.port());
    peer.send(
        b"PATCH /a%20b/c?x=1&y=%C3%A9+z HTTP/1.1\r\nHost: a\r\nX-A: b\r\nx-a: c\r\nContent-Length: 2\r\n\r\n\0\xff",
    );
    let (request, reply) = server.request();
    assert_eq!((&*request.method, &*request.path), ("PATCH", "/a%20b/c"));
    assert_eq!(request.decoded_path(), "/a b/c");
    assert_eq!(request.query, "x=1&y=%C3%A9+z");
    assert_eq!(
        request.query_pairs(),
        [("x".into(), "1".into()), ("y".into(), "é z".into())]
    );
    assert_eq!(request.headers.all("x-a").collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!((&*request.body, request.secure), (&b"\0\xff"[..], false));
    let made = Answer::new(201, vec![0, 255], "application/x-test", ["X-B: c", "X-B: d"]).expect("a good answer");
    reply.send(made).expect("open");
    let response = peer.response();
    assert_eq!((response.status, &*response.body), (201, &[0, 255][..]));
    assert_eq!(response.header("content-type"), Some("application/x-test"));
    assert_eq!(response.head.matches("x-b: ").count(), 2);
}

#[test]
fn answers_of_every_kind() {
    let disk = DiskFolder::new(&[("page.html", b"<p>page</p>")]);
    let mut server = Server::start(with_handler());
    let mut peer = Peer::connect(server.port());
    let mut ask = |method: &str, lines: &str, answer: Answer| {
        peer.send(format!("{method} / HTTP/1.1\r\nHost: a\r\n{lines}\r\n").as_bytes());
        server.request().1.send(answer).expect("open");
        peer.response_to(method)
    };
    let file = || Answer::file(disk.path().join("page.html"), ["Cache-Control: no-store"]).expect("a good answer");
    let page = ask("GET", "", file());
    assert_eq!((page.status, page.text()), (200, "<p>page</p>"));
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let tag = page.header("etag").expect("a tag").to_owned();
    assert_eq!(ask("GET", &format!("If-None-Match: {tag}\r\n"), file()).status, 304);
    assert_eq!(ask("GET", "Range: bytes=3-6\r\n", file()).text(), "page");
    assert_eq!(ask("HEAD", "", file()).header("content-length"), Some("11"));
    let gone = Answer::file(disk.path().join("gone"), []).expect("a good answer");
    assert_eq!(ask("GET", "", gone).status, 404);

    let inside = Answer::kept_file("a.json", &b"{}"[..], []).expect("a good answer");
    let inside = ask("GET", "", inside);
    assert_eq!((inside.text(), inside.header("last-modified")), ("{}", None));
    assert_eq!(inside.header("content-type"), Some("application/json; charset=utf-8"));

    for name in ["100%25.txt", "100%.txt", ".well-known"] {
        let odd = Answer::kept_file(name, &b"odd"[..], []).expect("a good answer");
        assert_eq!(ask("GET", "", odd).text(), "odd", "{name}");
    }

    let redirect = ask("POST", "", Answer::redirect("/other?a=b", 303).expect("a good answer"));
    assert_eq!(
        (redirect.status, redirect.header("location")),
        (303, Some("/other?a=b"))
    );
    let empty = ask("GET", "", Answer::new(204, "ignored", "", []).expect("a good answer"));
    assert_eq!((empty.status, empty.header("content-length")), (204, None));
    assert_eq!(ask("GET", "", Answer::none()).status, 404);
    assert_eq!(ask("GET", "", answer("the connection is still good")).status, 200);
}

/// What has changed something is not answered by "nothing has changed": conditions are about reading.
#[test]
fn a_file_in_answer_to_a_post_has_no_conditions() {
    let disk = DiskFolder::new(&[("page.html", b"<p>page</p>")]);
    let mut server = Server::start(with_handler());
    let mut peer = Peer::connect(server.port());
    for lines in [
        "If-None-Match: *\r\n",
        "If-Modified-Since: Fri, 31 Dec 2100 00:00:00 GMT\r\n",
        "If-Match: \"x\"\r\n",
        "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
        "Range: bytes=3-6\r\n",
    ] {
        peer.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n").as_bytes());
        let file = Answer::file(disk.path().join("page.html"), []).expect("a good answer");
        server.request().1.send(file).expect("open");
        let response = peer.response();
        assert_eq!((response.status, response.text()), (200, "<p>page</p>"), "{lines}");
    }
}

#[test]
fn a_large_file_in_memory_holds_nobody_up() {
    let mut site = Site::default();
    site.set_health(Some("/healthz")).expect("a path");
    let mut server = Server::start(with(HttpOptions {
        site,
        has_handler: true,
        ..HttpOptions::default()
    }));
    let mut slow = Peer::connect(server.port());
    let mut others: Vec<_> = (0..8).map(|_| Peer::connect(server.port())).collect();
    for peer in &mut others {
        assert_eq!(peer.get("/healthz", "").status, 200);
    }
    // Its tag takes some tenths of a second in a build without optimisation.
    let large = Answer::kept_file("a.bin", vec![7; LARGE], []).expect("a good answer");
    slow.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    server.request().1.send(large).expect("open");
    for peer in &mut others {
        assert_eq!(peer.get("/healthz", "").status, 200);
    }
    slow.stream.set_nonblocking(true).expect("a socket");
    let first = slow.stream.peek(&mut [0]).map_err(|error| error.kind());
    assert_eq!(
        first,
        Err(std::io::ErrorKind::WouldBlock),
        "the others were answered first"
    );
    slow.stream.set_nonblocking(false).expect("a socket");
    assert_eq!(slow.response_to("HEAD").status, 200);
}

#[test]
fn folders_and_the_health_check_come_first() {
    let mut site = Site::default();
    site.serve("/", kept(&[("a.txt", b"file")]), FolderOptions::default())
        .expect("a prefix");
    site.set_health(Some("/healthz")).expect("a path");
    let mut server = Server::start(with(HttpOptions {
        site,
        has_handler: true,
        ..HttpOptions::default()
    }));
    let mut peer = Peer::connect(server.port());
    assert_eq!(peer.get("/a.txt", "").text(), "file");
    assert_eq!(peer.get("/healthz", "").status, 200);
    for (method, target) in [
        ("POST", "/a.txt"),
        ("GET", "/api"),
        ("POST", "/healthz"),
        ("GET", "/.x"),
        ("OPTIONS", "*"),
    ] {
        peer.send(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        let (request, reply) = server.request();
        assert_eq!((&*request.method, &*request.path), (method, target));
        reply.send(answer("script")).expect("open");
        assert_eq!(peer.response().text(), "script");
    }
    for target in ["/../a", "/..%2f..%2fetc%2fhostname", "/a%2F%2e%2E%2Fb", "/a/.%2fb"] {
        let mut peer = Peer::connect(server.port());
        assert_eq!(
            peer.get(target, "").status,
            400,
            "a script never sees {target}, which climbs"
        );
    }
    assert!(server.poll().is_none());
}

#[test]
fn without_a_handler_there_is_nothing() {
    let server = Server::start(WebSocketOptions {
        handshake: HandshakeOptions {
            paths: vec!["/chat".into()],
            ..HandshakeOptions::default()
        },
        ..with_handler()
    });
    server.inner.set_http_handler(false);
    let mut peer = Peer::connect(server.port());
    assert_eq!(peer.get("/", "").status, 426, "HTTP is off");
    let mut site = Site::default();
    site.set_health(Some("/healthz")).expect("a path");
    server.inner.set_site(site);
    let mut peer = Peer::connect(server.port());
    assert_eq!(peer.get("/", "").status, 404);
    let chat = peer.get("/chat", "");
    assert_eq!((chat.status, chat.header("upgrade")), (426, Some("websocket")));
    assert_eq!(chat.header("sec-websocket-version"), Some("13"));
    assert_eq!(chat.header("connection"), Some("close, upgrade"));
    let mut peer = Peer::connect(server.port());
    let chunks = peer.get("/chat", "Transfer-Encoding: chunked\r\n");
    assert_eq!(
        (chunks.status, chunks.header("connection")),
        (426, Some("close, upgrade"))
    );
}

#[test]
fn no_answer_in_time() {
    let mut server = Server::start(with(HttpOptions {
        has_handler: true,
        answer_timeout: Some(Duration::from_millis(100)),
        ..HttpOptions::default()
    }));
    let mut peer = Peer::connect(server.port());
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let (_, reply) = server.request();
    assert_eq!(peer.response().status, 504);
    wait_until("end of the request", || !reply.is_open());
    assert!(reply.send(answer("too late")).is_err());
    // A reply that is dropped will never come.
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    drop(server.request());
    assert_eq!(peer.response().status, 504);
}

#[test]
fn a_client_that_leaves() {
    let mut server = Server::start(with_handler());
    let mut peer = Peer::connect(server.port());
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let (request, reply) = server.request();
    drop(peer);
    assert_eq!(left(&mut server), request.id);
    let _ = reply.send(answer("for nobody"));

    // One that resets the connection.
    let mut peer = Peer::connect(server.port());
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let (request, reply) = server.request();
    socket2::SockRef::from(&peer.stream)
        .set_linger(Some(Duration::ZERO))
        .expect("a socket");
    drop(peer);
    assert_eq!(left(&mut server), request.id);
    wait_until("end of the request", || !reply.is_open());
    assert!(server.poll().is_none(), "told once");
}

#[test]
fn a_client_that_has_only_finished_sending() {
    let mut server = Server::start(with_handler());
    let mut peer = Peer::connect(server.port());
    peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    peer.shutdown();
    let (request, reply) = server.request();
    assert_eq!(left(&mut server), request.id);
    assert!(reply.is_open());
    reply.send(answer("still there")).expect("open");
    assert_eq!(peer.response().text(), "still there");
    peer.is_closed();
}

#[test]
fn a_stop_answers_what_is_pending() {
    let mut server = Server::start(with_handler());
    let mut peer = Peer::connect(server.port());
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let (_, _reply) = server.request();
    let mut idle = Peer::connect(server.port());
    idle.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    server.request().1.send(answer("ok")).expect("open");
    assert_eq!(idle.response().text(), "ok");
    server.inner.stop();
    let response = peer.response();
    assert_eq!((response.status, response.closes()), (503, true));
    peer.is_closed();
    idle.is_closed();
    match server.next() {
        Happened::Other(WebSocketEvent::Stopped) => {}
        other => panic!("nobody left, since both were answered: {other:?}"),
    }
}
