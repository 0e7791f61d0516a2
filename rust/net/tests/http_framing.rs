//! Where one request ends and the next begins: pipelining, bodies, versions, and everything that two readers could take
//! differently.

mod http_common;
mod websocket_common;

use async_sockets_net::http_server::answer::Answer;
use async_sockets_net::http_server::options::HttpOptions;
use async_sockets_net::http_server::site::FolderOptions;
use http_common::{answer, kept, with, with_folder, with_handler};
use websocket_common::{Peer, Server};

fn files() -> Server {
    let files: &[(&str, &[u8])] = &[("a", b"A"), ("b", b"B"), ("large", &[b'x'; 3_000_000])];
    Server::start(with_folder(kept(files), FolderOptions::default()))
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = files();
    let mut peer = Peer::connect(server.port());
    let paths = ["/a", "/large", "/b", "/nothing", "/a"];
    peer.send(paths.map(get).concat().as_bytes());
    for (status, len) in [(200, 1), (200, 3_000_000), (200, 1), (404, 23), (200, 1)] {
        let response = peer.response();
        assert_eq!((response.status, response.body.len()), (status, len));
    }
    peer.send(get("/b").repeat(500).as_bytes());
    for _ in 0..500 {
        assert_eq!(peer.response().text(), "B");
    }
}

#[test]
fn pipelined_requests_for_the_main_thread_come_one_by_one() {
    let mut server = Server::start(with_handler());
    let mut peer = Peer::connect(server.port());
    peer.send(
        (get("/1") + &get("/2") + "POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + &get("/4"))
            .as_bytes(),
    );
    for (number, body) in [(1, ""), (2, ""), (3, "abc"), (4, "")] {
        let (request, reply) = server.request();
        assert_eq!(
            (request.path.as_str(), &*request.body),
            (&*format!("/{number}"), body.as_bytes())
        );
        assert!(server.poll().is_none(), "the next one waits");
        reply.send(answer(&number.to_string())).expect("open");
        assert_eq!(peer.response().text(), number.to_string());
    }
}

#[test]
fn a_request_byte_by_byte() {
    let mut server = Server::start(with_handler());
    let mut peer = Peer::connect(server.port());
    for round in 0..2 {
        for byte in "POST /a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nX: y\r\n\r\nbody".bytes() {
            peer.send(&[byte]);
        }
        let (request, reply) = server.request();
        assert_eq!(
            (&*request.method, &*request.path, &*request.query),
            ("POST", "/a", "b=c"),
            "{round}"
        );
        assert_eq!((request.headers.get("x"), &*request.body), (Some("y"), &b"body"[..]));
        assert_eq!(request.peer, peer.stream.local_addr().expect("an address"));
        reply.send(answer("ok")).expect("open");
        assert_eq!(peer.response().text(), "ok");
    }
}

#[test]
fn a_body_in_chunks_is_the_last_on_its_connection() {
    let mut server = Server::start(with_handler());
    let mut peer = Peer::connect(server.port());
    peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n5;x=y\r\npedia\r\n0\r\nTrailer: x\r\n\r\n");
    peer.send(get("/smuggled").as_bytes());
    let (request, reply) = server.request();
    assert_eq!(&*request.body, b"Wikipedia");
    reply.send(answer("ok")).expect("open");
    let response = peer.response();
    assert!(response.closes() && response.text() == "ok");
    peer.is_closed();
    assert!(server.poll().is_none(), "nothing else was asked");
}

#[test]
fn chunks_that_are_none_are_refused() {
    let mut server = Server::start(with_handler());
    for chunks in [
        "x\r\n",
        "-1\r\nab\r\n0\r\n\r\n",
        "0x2\r\nab\r\n0\r\n\r\n",
        "2\nab\r\n0\r\n\r\n",
        "2\r\nabc\r\n0\r\n\r\n",
        "2 2\r\nab\r\n0\r\n\r\n",
        "2;a\nb\r\nab\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nab\r\n",
        "\r\n",
    ] {
        let mut peer = Peer::connect(server.port());
        peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        peer.send(chunks.as_bytes());
        let response = peer.response();
        assert_eq!(response.status, 400, "{chunks:?}");
        assert!(response.closes());
        peer.is_closed();
    }
    let mut peer = Peer::connect(server.port());
    peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;");
    peer.send(&b"x".repeat(64 * 1024));
    assert_eq!(peer.response().status, 400, "an endless extension");
    assert!(server.poll().is_none());
}

#[test]
fn whatever_could_hide_a_second_request_is_refused() {
    let mut server = Server::start(with_handler());
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let post = |lines: &str| format!("POST /a HTTP/1.1\r\nHost: a\r\n{lines}\r\n{smuggled}");
    let bad = [
        (400, post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")),
        (400, post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")),
        (400, post("Content-Length: 0\r\nContent-Length: 36\r\n")),
        (400, post("Content-Length: 0\r\ncontent-length: 0\r\n")),
        (400, post("Content-Length: 0, 36\r\n")),
        (400, post("Content-Length: +0\r\n")),
        (400, post("Content-Length: 0x0\r\n")),
        (400, post("Content-Length: 99999999999999999999\r\n")),
        (400, post("Content-Length : 0\r\n")),
        (400, post("Content-Length\t: 0\r\n")),
        (400, post(" Content-Length: 0\r\n")),
        (501, post("Transfer-Encoding: xchunked\r\n")),
        (501, post("Transfer-Encoding: chunked, identity\r\n")),
        (
            501,
            post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
        ),
        (501, post("Transfer-Encoding: \x0bchunked\r\n").replace('\x0b', "cow, ")),
        (400, post("Transfer-Encoding: \x0bchunked\r\n")),
        (400, post("X: a\r\n folded: b\r\n")),
        (400, post("X: a\r\n\tfolded\r\n")),
        (400, post("X: a\0b\r\n")),
        (400, post("X\0: a\r\n")),
        (400, post("X: a\x01b\r\n")),
        (400, post("X: a\nContent-Length: 36\r\n")),
        (400, post("X: a\rContent-Length: 36\r\n")),
        (400, post("X: a\r\r\n")),
        (400, post("no colon\r\n")),
        (400, post(": no name\r\n")),
        (400, post("Host: b\r\n")),
        (400, format!("GET /a HTTP/1.1\nHost: a\n\n{smuggled}")),
        (400, format!("GET /a HTTP/1.1\r\nHost: a\r\n\n{smuggled}")),
        (400, format!("GET /a\tHTTP/1.1\r\nHost: a\r\n\r\n{smuggled}")),
        (400, format!("GET  /a HTTP/1.1\r\nHost: a\r\n\r\n{smuggled}")),
        (400, format!("GET /a  HTTP/1.1\r\nHost: a\r\n\r\n{smuggled}")),
        (400, format!("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n{smuggled}")),
        (400, format!("GET /a\0 HTTP/1.1\r\nHost: a\r\n\r\n{smuggled}")),
        (400, format!("GET a HTTP/1.1\r\nHost: a\r\n\r\n{smuggled}")),
        (400, format!("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n{smuggled}")),
        (400, format!("GET /a HTTP/1.1\r\n\r\n{smuggled}")),
        (400, format!("GET /a HTTP/1.2\r\nHost: a\r\n\r\n{smuggled}")),
        (400, format!("GET /a HTTP/2.0\r\nHost: a\r\n\r\n{smuggled}")),
        (400, format!("GET /a\r\n\r\n{smuggled}")),
        (400, format!("G{{T /a HTTP/1.1\r\nHost: a\r\n\r\n{smuggled}")),
        (
            400,
            format!("POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        ),
        (501, format!("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n{smuggled}")),
        (417, post("Expect: something\r\n")),
        (
            431,
            format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n{smuggled}", "a".repeat(9000)),
        ),
        (431, post(&format!("X: {}\r\n", "x".repeat(9000)))),
        (431, post(&"X: y\r\n".repeat(64))),
        (431, format!("GET /{}", "a".repeat(20_000))),
    ];
    // As the first request of a connection, and as a later one.
    for warm in [false, true] {
        for (status, bytes) in &bad {
            let mut peer = Peer::connect(server.port());
            if warm {
                peer.send(get("/warm").as_bytes());
                server.request().1.send(answer("warm")).expect("open");
                assert_eq!(peer.response().text(), "warm");
            }
            peer.send(bytes.as_bytes());
            let response = peer.response();
            assert_eq!(response.status, *status, "{warm} {bytes:?}: {}", response.text());
            assert!(response.closes(), "{bytes:?}");
            peer.is_closed();
            assert!(server.poll().is_none(), "{bytes:?} reached the main thread");
        }
    }
    // Others are served.
    let mut peer = Peer::connect(server.port());
    peer.send(get("/good").as_bytes());
    server.request().1.send(answer("good")).expect("open");
    assert_eq!(peer.response().text(), "good");
}

#[test]
fn a_body_that_nobody_wants_does_not_become_a_request() {
    let server = files();
    let mut peer = Peer::connect(server.port());
    let smuggled = get("/b");
    peer.send(
        format!(
            "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{smuggled}",
            smuggled.len()
        )
        .as_bytes(),
    );
    let response = peer.response();
    assert!(response.closes() && response.text() == "A");
    peer.is_closed();
}

#[test]
fn a_client_that_expects_to_be_told_to_go_on() {
    let mut server = Server::start(with(HttpOptions {
        has_handler: true,
        max_body: 10,
        ..HttpOptions::default()
    }));
    let mut peer = Peer::connect(server.port());
    peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(peer.response().status, 100);
    peer.send(b"body");
    let (request, reply) = server.request();
    assert_eq!(&*request.body, b"body");
    reply.send(answer("ok")).expect("open");
    assert_eq!(peer.response().text(), "ok");
    // It is told at once that its body is too large.
    peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
    let response = peer.response();
    assert_eq!((response.status, response.closes()), (413, true));
    peer.is_closed();
}

#[test]
fn a_body_has_its_limit() {
    let mut server = Server::start(with(HttpOptions {
        has_handler: true,
        max_body: 10,
        ..HttpOptions::default()
    }));
    for (request, status) in [
        ("Content-Length: 10\r\n\r\n0123456789", 200),
        ("Content-Length: 11\r\n\r\n01234567890", 413),
        ("Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n", 200),
        (
            "Transfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n5\r\n67890\r\n0\r\n\r\n",
            413,
        ),
        ("Transfer-Encoding: chunked\r\n\r\nfffffff\r\n012345", 413),
    ] {
        let mut peer = Peer::connect(server.port());
        let more = if request.contains("fffffff") {
            "x".repeat(100_000)
        } else {
            String::new()
        };
        peer.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{request}{more}").as_bytes());
        if status == 200 {
            server.request().1.send(answer("ok")).expect("open");
        }
        assert_eq!(peer.response().status, status, "{request}");
    }
    assert!(server.poll().is_none());
    assert_eq!(server.inner.statistics().memory, 0);
}

#[test]
fn old_versions_and_what_they_keep_open() {
    let server = files();
    let mut peer = Peer::connect(server.port());
    peer.send(b"GET /a HTTP/1.0\r\n\r\n");
    let response = peer.response();
    assert!(
        response.head.starts_with("HTTP/1.0 200") || response.head.starts_with("HTTP/1.1 200"),
        "{}",
        response.head
    );
    assert_eq!(response.text(), "A");
    peer.is_closed();

    let mut peer = Peer::connect(server.port());
    for _ in 0..2 {
        peer.send(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let response = peer.response();
        assert_eq!(response.text(), "A");
        assert!(
            response
                .header("connection")
                .is_some_and(|value| value.eq_ignore_ascii_case("keep-alive"))
        );
    }
    assert!(peer.get("/a", "Connection: close\r\n").closes());
    peer.is_closed();
}

#[test]
fn no_response_can_be_split() {
    for (status, kind, line) in [
        (200, "text/plain\r\nX: y", ""),
        (200, "", "X: a\r\nSet-Cookie: b"),
        (200, "", "X: a\nb"),
        (200, "", "X\r\n: a"),
        (200, "", "Content-Length: 3"),
        (200, "", "Transfer-Encoding: chunked"),
        (200, "", "Connection: keep-alive"),
        (200, "", "no colon"),
        (199, "", ""),
        (101, "", ""),
        (600, "", ""),
        (-200, "", ""),
    ] {
        let lines = Some(line).filter(|line| !line.is_empty());
        assert!(
            Answer::new(status, "", kind, lines).is_err(),
            "{status} {kind:?} {line:?}"
        );
    }
    for location in ["", "/a\r\nX: y", "/a b", "/é", "/a\0"] {
        assert!(Answer::redirect(location, 302).is_err(), "{location:?}");
    }
    assert!(Answer::redirect("/a", 200).is_err());
    // What the client sent is not repeated in its redirect other than encoded.
    let server = Server::start(with_folder(kept(&[("a b/index.html", b"x")]), FolderOptions::default()));
    let mut peer = Peer::connect(server.port());
    let response = peer.get("/a%20b?x=%0d%0aX:%20y", "");
    assert_eq!(response.header("location"), Some("/a%20b/?x=%0d%0aX:%20y"));
    assert_eq!(response.header("x"), None);
}

/// A target that only hyper refuses, as no browser sends it. The response is not lost if more bytes follow.
#[test]
fn a_target_with_bytes_that_must_be_encoded() {
    let mut server = Server::start(with_handler());
    for warm in [false, true] {
        for target in ["/a<b", "/?a=<b>", "/`", "http://a b", "http:///"] {
            let mut peer = Peer::connect(server.port());
            if warm {
                peer.send(get("/warm").as_bytes());
                server.request().1.send(answer("warm")).expect("open");
                assert_eq!(peer.response().text(), "warm");
            }
            let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
            peer.send((request + &get("/more").repeat(1000)).as_bytes());
            let response = peer.response();
            assert_eq!((response.status, response.closes()), (400, true), "{target}");
            peer.is_closed();
        }
    }
    assert!(server.poll().is_none());
}
