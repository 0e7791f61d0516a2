//! Limits of HTTP connections: time, number, requests a second, and what clients do that never finish.

mod http_common;
mod websocket_common;

use std::time::{Duration, Instant};

use async_sockets_net::admission::AdmissionRules;
use async_sockets_net::event::WebSocketEvent;
use async_sockets_net::http::trusted::TrustedProxies;
use async_sockets_net::http_server::answer::Answer;
use async_sockets_net::http_server::options::HttpOptions;
use async_sockets_net::http_server::site::{FolderOptions, Site};
use async_sockets_net::websocket::options::{HandshakeOptions, WebSocketOptions};
use http_common::{DiskFolder, answer, kept, with};
use websocket_common::{Happened, Peer, Server, wait_until};

const SHORT: Duration = Duration::from_millis(200);

fn site() -> Site {
    let mut site = Site::default();
    site.serve("/", kept(&[("a", b"A")]), FolderOptions::default())
        .expect("a prefix");
    site
}

fn options() -> HttpOptions {
    HttpOptions {
        site: site(),
        ..HttpOptions::default()
    }
}

#[track_caller]
fn is_served(server: &Server) {
    assert_eq!(
        Peer::connect(server.port()).get("/a", "").text(),
        "A",
        "others are not served"
    );
}

#[test]
fn a_slow_head_is_timed_out() {
    let server = Server::start(WebSocketOptions {
        handshake: HandshakeOptions {
            timeout: Some(SHORT),
            ..HandshakeOptions::default()
        },
        ..with(options())
    });
    // The first head, and a later one.
    for warm in [false, true] {
        let mut peer = Peer::connect(server.port());
        if warm {
            assert_eq!(peer.get("/a", "").text(), "A");
        }
        let start = Instant::now();
        peer.send(b"GET /a HTTP/1.1\r\nHos");
        is_served(&server);
        let response = peer.response();
        assert_eq!((response.status, response.closes()), (408, true), "{warm}");
        assert!(start.elapsed() < Duration::from_secs(5));
        peer.is_closed();
    }
}

#[test]
fn a_slow_body_is_timed_out() {
    let mut server = Server::start(with(HttpOptions {
        has_handler: true,
        body_timeout: SHORT,
        ..options()
    }));
    for lines in [
        "Content-Length: 10\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let mut peer = Peer::connect(server.port());
        peer.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}").as_bytes());
        is_served(&server);
        let response = peer.response();
        assert_eq!((response.status, response.closes()), (408, true), "{lines}");
        peer.is_closed();
    }
    assert!(server.poll().is_none(), "no incomplete request is reported");
}

#[test]
fn half_closed_before_the_end() {
    let mut server = Server::start(with(HttpOptions {
        has_handler: true,
        ..options()
    }));
    for request in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /a HT",
    ] {
        let mut peer = Peer::connect(server.port());
        peer.send(request.as_bytes());
        peer.shutdown();
        let rest = String::from_utf8_lossy(&peer.rest()).into_owned();
        let last = rest.rfind("HTTP/1.1 ").map(|at| &rest[at..]);
        assert!(
            last.is_some_and(|last| last.starts_with("HTTP/1.1 400 ")),
            "{request:?}: {rest}"
        );
    }
    // A whole request is answered.
    let mut peer = Peer::connect(server.port());
    peer.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    peer.shutdown();
    assert_eq!(peer.response().text(), "A");
    peer.is_closed();
    assert!(server.poll().is_none());
    is_served(&server);
}

#[test]
fn an_idle_connection_is_closed() {
    let server = Server::start(with(HttpOptions {
        idle_timeout: SHORT,
        ..options()
    }));
    let mut peer = Peer::connect(server.port());
    for _ in 0..2 {
        let start = Instant::now();
        while start.elapsed() < SHORT * 2 {
            assert_eq!(peer.get("/a", "").text(), "A");
        }
    }
    peer.is_closed();
    wait_until("end", || server.inner.statistics().http_connections == 0);
}

#[test]
fn a_client_that_does_not_read_is_cut() {
    let disk = DiskFolder::new(&[("large", &vec![7; 50_000_000])]);
    let mut site = site();
    site.serve("/disk", disk.serve(), FolderOptions::default())
        .expect("a prefix");
    let server = Server::start(with(HttpOptions {
        site,
        stall_timeout: SHORT,
        ..HttpOptions::default()
    }));
    let mut peer = Peer::connect(server.port());
    peer.send(b"GET /disk/large HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_until("connection", || server.inner.statistics().http_connections == 1);
    is_served(&server);
    wait_until("end", || server.inner.statistics().http_connections == 0);
    peer.ends();
}

#[test]
fn many_connections_do_not_lock_others_out() {
    let mut server = Server::start(with(HttpOptions {
        max_connections: 8,
        ..options()
    }));
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut peer = Peer::connect(server.port());
        assert!(!peer.get("/a", "").closes());
        held.push(peer);
    }
    // From half of the places on, none is kept after its response.
    let mut fourth = Peer::connect(server.port());
    assert!(fourth.get("/a", "").closes());
    fourth.is_closed();
    wait_until("end", || server.inner.statistics().http_connections == 3);
    // An address that holds too many gets no more; another one does.
    for _ in 0..2 {
        let mut peer = Peer::connect(server.port());
        peer.send(b"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
        assert_eq!(peer.response().status, 200);
    }
    let _client = server.join();
}

#[test]
fn the_clients_of_a_proxy_share_all_places() {
    let mut server = Server::start(with(HttpOptions {
        max_connections: 8,
        has_handler: true,
        trusted_proxies: TrustedProxies::parse(["127.0.0.1"]).expect("an address"),
        ..options()
    }));
    let mut held = Vec::new();
    for n in 0..8 {
        let mut peer = Peer::connect(server.port());
        peer.send(format!("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.{n}\r\n\r\n").as_bytes());
        let (request, reply) = server.request();
        assert_eq!(request.peer.ip().to_string(), format!("192.0.2.{n}"));
        held.push((peer, reply));
    }
    assert_eq!(Peer::connect(server.port()).get("/a", "").status, 503);
    for (mut peer, reply) in held {
        reply.send(answer("ok")).expect("open");
        assert_eq!(peer.response().text(), "ok");
    }
}

#[test]
fn requests_a_second() {
    let server = Server::start(with(HttpOptions {
        max_requests_per_second: Some(3),
        ..options()
    }));
    let mut peer = Peer::connect(server.port());
    let statuses: Vec<_> = (0..5).map(|_| peer.get("/a", "").status).collect();
    assert_eq!(statuses[..4], [200, 200, 200, 429]);
    assert_eq!(peer.get("/a", "").header("retry-after"), Some("1"));
    let mut other = Peer::connect_from([127, 0, 0, 2], server.port());
    assert_eq!(other.get("/a", "").status, 200);
    wait_until("a second", || peer.get("/a", "").status == 200);
}

#[test]
fn an_address_at_its_limit_of_clients_still_gets_the_page() {
    let mut server = Server::start(WebSocketOptions {
        admission: AdmissionRules {
            max_clients_per_address: Some(1),
            ..AdmissionRules::default()
        },
        ..with(options())
    });
    let _client = server.join();
    is_served(&server);
    assert!(Peer::ask(server.port(), "").head().starts_with("HTTP/1.1 429 "));
}

#[test]
fn bodies_count_as_memory() {
    let mut server = Server::start(WebSocketOptions {
        max_total: 8 * 1024 * 1024,
        ..with(HttpOptions {
            has_handler: true,
            ..options()
        })
    });
    let mut peer = Peer::connect(server.port());
    peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    peer.send(&vec![b'x'; 1_000_000]);
    let (request, reply) = server.request();
    assert!(server.inner.statistics().memory >= 1_000_000);
    drop(request);
    reply.send(answer("ok")).expect("open");
    assert_eq!(peer.response().text(), "ok");
    assert_eq!(server.inner.statistics().memory, 0);
    // Beyond the limit, the address that holds most loses its requests.
    let mut greedy = Vec::new();
    for _ in 0..12 {
        let mut peer = Peer::connect_from([127, 0, 0, 9], server.port());
        peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
        peer.send(&vec![b'x'; 999_999]);
        greedy.push(peer);
    }
    wait_until("room", || server.inner.statistics().memory < 8 * 1024 * 1024);
    let statuses: Vec<_> = greedy
        .iter_mut()
        .filter_map(|peer| {
            peer.stream.set_read_timeout(Some(SHORT)).expect("a socket");
            let mut head = [0; 12];
            std::io::Read::read_exact(&mut peer.stream, &mut head).ok()?;
            Some(String::from_utf8_lossy(&head).into_owned())
        })
        .collect();
    assert!(
        !statuses.is_empty() && statuses.iter().all(|status| status == "HTTP/1.1 503"),
        "{statuses:?}"
    );
    is_served(&server);
}

#[test]
fn bodies_that_nobody_takes_count_although_their_clients_are_gone() {
    const LIMIT: usize = 8 * 1024 * 1024;
    let mut server = Server::start(WebSocketOptions {
        max_total: LIMIT,
        ..with(HttpOptions {
            has_handler: true,
            ..options()
        })
    });
    let post = || {
        let mut peer = Peer::connect(server.port());
        peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
        peer.send(&vec![b'x'; 1_000_000]);
        peer
    };
    // A quarter of the memory is for what waits for the main thread.
    let mut each = 0;
    for n in 1..=3 {
        let peer = post();
        wait_until("request", || server.inner.queued_events() == 2 * n - 1);
        socket2::SockRef::from(&peer.stream)
            .set_linger(Some(Duration::ZERO))
            .expect("a socket");
        drop(peer);
        wait_until("end", || server.inner.statistics().http_connections == 0);
        let memory = server.inner.statistics().memory;
        each = memory / n;
        assert_eq!(memory, n * each);
        assert!(
            (1_000_000..1_001_000).contains(&each),
            "the bodies, and a little more: {each}"
        );
    }
    // The next one is read, and waits until the main thread takes something.
    let mut late = post();
    wait_until("body", || server.inner.statistics().memory == 3 * each + 1_000_000);
    for _ in 0..3 {
        drop(server.request());
        assert!(matches!(
            server.next(),
            Happened::Other(WebSocketEvent::HttpClientLeft(_))
        ));
    }
    let (request, reply) = server.request();
    assert_eq!(
        (request.body.len(), server.inner.statistics().memory),
        (1_000_000, each)
    );
    drop(request);
    assert_eq!(server.inner.statistics().memory, 0);
    reply.send(answer("ok")).expect("open");
    assert_eq!(late.response().text(), "ok");
}

/// A main thread that takes nothing for a while, as it loads a level, while requests time out and others come.
#[test]
fn requests_that_nobody_takes_do_not_pile_up() {
    const LIMIT: usize = 1024 * 1024;
    let server = Server::start(WebSocketOptions {
        max_total: LIMIT,
        ..with(HttpOptions {
            has_handler: true,
            answer_timeout: Some(Duration::from_millis(20)),
            ..HttpOptions::default()
        })
    });
    let mut peer = Peer::connect(server.port());
    let line = format!("X: {}\r\n", "x".repeat(7000));
    for _ in 0..100 {
        assert_eq!(peer.get("/", &line).status, 504);
    }
    // A quarter of the memory is for what waits for the main thread.
    let (events, memory) = (server.inner.queued_events(), server.inner.statistics().memory);
    assert!(
        events <= LIMIT / 4 / 7000 + 1,
        "{events} requests wait, in {memory} bytes"
    );
    assert!(memory >= events * 7000, "{events} requests wait, in {memory} bytes");
}

/// The answers of the main thread are memory too, until their clients have taken them.
#[test]
fn answers_that_nobody_reads_count_as_memory() {
    const LARGE: usize = 16 * 1024 * 1024;
    const LIMIT: usize = 40 * 1024 * 1024;
    let mut server = Server::start(WebSocketOptions {
        max_total: LIMIT,
        ..with(HttpOptions {
            has_handler: true,
            ..options()
        })
    });
    let large = || Answer::new(200, vec![7; LARGE], "", []).expect("a good answer");
    let mut greedy = Vec::new();
    for n in 1..=6 {
        let mut peer = Peer::connect_from([127, 0, 0, 9], server.port());
        peer.send(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
        server.request().1.send(large()).expect("open");
        greedy.push(peer);
        // The system's buffers take less than half.
        let expected = LARGE.min(LIMIT - LARGE);
        wait_until("response", || server.inner.statistics().memory >= expected);
        wait_until("room", || server.inner.statistics().memory <= LIMIT);
        if n <= 2 {
            assert_eq!(server.inner.statistics().http_connections, n);
        }
    }
    // Those that were too many were cut in the middle.
    wait_until("end", || server.inner.statistics().http_connections == 2);
    is_served(&server);
    let mut last = greedy.pop().expect("a peer");
    last.ends();
    drop(greedy);
    wait_until("end", || server.inner.statistics().memory == 0);
    // One that is read arrives whole, and is forgotten then.
    let mut peer = Peer::connect(server.port());
    peer.send(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    server.request().1.send(large()).expect("open");
    assert_eq!(peer.response().body.len(), LARGE);
    wait_until("end", || server.inner.statistics().memory == 0);
    assert_eq!(peer.get("/a", "").text(), "A");
}

/// So is what is read of files, block by block; a file that is kept in memory is there once.
#[test]
fn files_of_the_disk_count_as_memory_while_they_are_sent() {
    let large = vec![7; 20_000_000];
    let disk = DiskFolder::new(&[("large", &large)]);
    let mut site = Site::default();
    site.serve("/disk", disk.serve(), FolderOptions::default())
        .expect("a prefix");
    site.serve("/kept", kept(&[("large", &large)]), FolderOptions::default())
        .expect("a prefix");
    let server = Server::start(with(HttpOptions {
        site,
        ..HttpOptions::default()
    }));
    let ask = |prefix| {
        let mut peer = Peer::connect(server.port());
        peer.send(format!("GET {prefix}/large HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        peer
    };
    let mut of_disk = ask("/disk");
    wait_until("block", || server.inner.statistics().memory > 0);
    assert!(server.inner.statistics().memory <= 256 * 1024);
    assert!(of_disk.response().body == large, "other bytes");
    wait_until("end", || server.inner.statistics().memory == 0);
    let mut kept = ask("/kept");
    assert_eq!(kept.take(9), b"HTTP/1.1 ");
    assert_eq!(server.inner.statistics().memory, 0);
}
