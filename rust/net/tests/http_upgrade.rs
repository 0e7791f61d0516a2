//! WebSockets and plain HTTP on one port: on connections of their own, and one after the other.

mod common;
mod http_common;
mod tls_common;
mod websocket_common;

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use async_sockets_net::admission::{AdmissionRules, BlockedAddresses};
use async_sockets_net::event::WebSocketEvent;
use async_sockets_net::http::trusted::TrustedProxies;
use async_sockets_net::http_server::options::HttpOptions;
use async_sockets_net::http_server::site::{FolderOptions, Site};
use async_sockets_net::websocket::options::{HandshakeOptions, WebSocketOptions};
use http_common::{answer, kept, with, with_folder};
use websocket_common::{Happened, Peer, REQUEST, Server, TEXT, frame};

fn served() -> WebSocketOptions {
    with_folder(kept(&[("index.html", b"page")]), FolderOptions::default())
}

#[test]
fn a_page_and_then_its_websocket_on_one_connection() {
    let mut server = Server::start(served());
    let mut peer = Peer::connect(server.port());
    assert_eq!(peer.get("/", "").text(), "page");
    assert_eq!(peer.get("/nothing", "").status, 404);
    let mut bytes = format!("{REQUEST}\r\n").into_bytes();
    bytes.extend(frame(TEXT, b"early"));
    peer.send(&bytes);
    let answer = peer.head();
    assert!(
        answer.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
        "{answer}"
    );
    let id = server.connected();
    assert_eq!(server.text(), "early");
    server.inner.send_text(id, "hello").expect("a client");
    assert_eq!(peer.next_frame(), (TEXT, b"hello".to_vec()));
    assert_eq!(server.inner.statistics().http_connections, 0);
    peer.close(1000, "");
    assert_eq!(server.disconnected().0, 1000);
}

#[test]
fn a_websocket_pipelined_behind_a_page() {
    let mut server = Server::start(served());
    let mut peer = Peer::connect(server.port());
    let page = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    peer.send(format!("{page}{page}{REQUEST}\r\n").as_bytes());
    assert_eq!(peer.response().text(), "page");
    assert_eq!(peer.response().text(), "page");
    assert!(peer.head().starts_with("HTTP/1.1 101 "));
    server.connected();
}

/// After the last response of a connection nothing is read, not even a request for a WebSocket.
#[test]
fn no_websocket_behind_a_response_that_closes() {
    let mut server = Server::start(served());
    for first in [
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
    ] {
        let mut peer = Peer::connect(server.port());
        peer.send(format!("{first}{REQUEST}\r\n").as_bytes());
        assert_eq!(peer.response().text(), "page", "{first}");
        peer.is_closed();
    }
    assert!(server.poll().is_none());
    // An upgrade to something else is just a request.
    let mut peer = Peer::connect(server.port());
    for _ in 0..2 {
        assert_eq!(peer.get("/", "Upgrade: h2c\r\nConnection: Upgrade\r\n").text(), "page");
    }
    peer.send(format!("{REQUEST}\r\n").as_bytes());
    assert!(peer.head().starts_with("HTTP/1.1 101 "));
    server.connected();
}

#[test]
fn the_rules_of_the_handshake_keep_their_meaning() {
    let mut server = Server::start(WebSocketOptions {
        handshake: HandshakeOptions {
            allowed_origins: vec!["https://good.example".into()],
            paths: vec!["/chat".into()],
            ..HandshakeOptions::default()
        },
        ..served()
    });
    let chat = REQUEST.replace("GET /", "GET /chat");
    let warm = |request: &str| {
        let mut peer = Peer::connect(server.port());
        assert_eq!(
            peer.get("/", "Origin: https://evil.example\r\n").text(),
            "page",
            "a page has no origin rule"
        );
        peer.send(request.as_bytes());
        peer.head()[9..12].to_owned()
    };
    assert_eq!(warm(&format!("{chat}Origin: https://evil.example\r\n\r\n")), "403");
    assert_eq!(warm(&format!("{REQUEST}Origin: https://good.example\r\n\r\n")), "404");
    assert_eq!(
        warm(&format!("{}\r\n", chat.replace("Version: 13", "Version: 12"))),
        "426"
    );
    assert_eq!(warm(&format!("{chat}Origin: https://good.example\r\n\r\n")), "101");
    server.connected();
    assert_eq!(Peer::connect(server.port()).get("/chat", "").status, 426);
}

#[test]
fn a_decision_by_hand_on_a_warm_connection() {
    let mut server = Server::start(WebSocketOptions {
        handshake: HandshakeOptions {
            manual: true,
            ..HandshakeOptions::default()
        },
        ..served()
    });
    let mut peer = Peer::connect(server.port());
    assert_eq!(peer.get("/", "").text(), "page");
    peer.send(format!("{REQUEST}\r\n").as_bytes());
    let Happened::Other(WebSocketEvent::HandshakeRequested(id, _)) = server.next() else {
        panic!("not asked");
    };
    server.inner.accept_handshake(id, "").expect("pending");
    assert!(peer.head().starts_with("HTTP/1.1 101 "));
    assert_eq!(server.connected(), id);
}

#[test]
fn the_client_behind_a_trusted_proxy() {
    let mut server = Server::start(WebSocketOptions {
        admission: AdmissionRules {
            max_clients_per_address: Some(1),
            blocked: BlockedAddresses::parse(["198.51.100.0/24"]).expect("a range"),
            ..AdmissionRules::default()
        },
        ..with(HttpOptions {
            has_handler: true,
            trusted_proxies: TrustedProxies::parse(["127.0.0.1"]).expect("an address"),
            ..HttpOptions::default()
        })
    });
    let port = server.port();
    let info = |server: &mut Server, lines: &str| {
        let peer = Peer::ask(port, lines);
        let Happened::Connected(_, info) = server.next() else {
            panic!("not connected")
        };
        (peer, info.peer.to_string())
    };
    let (_one, one) = info(&mut server, "X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\n");
    let (_two, two) = info(&mut server, "Forwarded: for=\"192.0.2.2:77\"\r\n");
    assert_eq!((&*one, &*two), ("192.0.2.1:0", "192.0.2.2:77"));
    let status = |lines: &str| Peer::ask(port, lines).head()[9..12].to_owned();
    assert_eq!(
        status("X-Forwarded-For: 192.0.2.1\r\n"),
        "429",
        "one client per address"
    );
    assert_eq!(status("X-Forwarded-For: 198.51.100.7\r\n"), "403");
    // Nobody else is believed.
    let mut other = Peer::connect_from([127, 0, 0, 2], port);
    other.send(format!("{REQUEST}X-Forwarded-For: 192.0.2.3\r\n\r\n").as_bytes());
    let Happened::Connected(_, info) = server.next() else {
        panic!("not connected")
    };
    assert_eq!(info.peer.ip().to_string(), "127.0.0.2");

    let mut peer = Peer::connect(port);
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n\r\n");
    let (request, reply) = server.request();
    assert_eq!((request.peer.to_string(), request.secure), ("192.0.2.1:0".into(), true));
    reply.send(answer("ok")).expect("open");
    assert_eq!(peer.response().text(), "ok");
    assert_eq!(peer.get("/", "X-Forwarded-For: 198.51.100.7\r\n").status, 403);
}

/// Runs `openssl s_client` with this input, and returns what it printed.
fn openssl(port: u16, input: &str) -> Option<String> {
    let mut child = Command::new("openssl")
        .args([
            "s_client",
            "-quiet",
            "-no_ign_eof",
            "-connect",
            &format!("127.0.0.1:{port}"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    stdin.write_all(input.as_bytes()).ok()?;
    let mut output = String::new();
    child.stdout.take()?.read_to_string(&mut output).ok()?;
    drop(stdin);
    child.wait().ok()?;
    Some(output)
}

#[test]
fn https_on_the_port_of_wss() {
    let mut site = Site::default();
    site.serve("/", kept(&[("index.html", b"page")]), FolderOptions::default())
        .expect("a prefix");
    let server = Server::start(WebSocketOptions {
        tls: Some(tls_common::engine_made().server()),
        ..with(HttpOptions {
            site,
            ..HttpOptions::default()
        })
    });
    let get = "GET / HTTP/1.1\r\nHost: a\r\n";
    let Some(output) = openssl(server.port(), &format!("{get}\r\n{get}Connection: close\r\n\r\n")) else {
        eprintln!("skipped: there is no openssl");
        return;
    };
    assert_eq!(output.matches("HTTP/1.1 200 OK\r\n").count(), 2, "{output}");
    assert!(output.ends_with("\r\n\r\npage"), "{output}");
}
