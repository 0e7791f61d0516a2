//! Attempts that fail before there is a WebSocket: what is reported, and whether another attempt is worth it.

mod common;
mod tls_common;
mod websocket_client_common;
mod websocket_common;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::spawn;
use std::time::Duration;

use async_sockets_net::error::{CertificateProblem, ConnectError, TlsError};
use async_sockets_net::tls::TlsClientConfig;
use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use async_sockets_net::websocket::connect_error::WebSocketConnectError;
use async_sockets_net::websocket::options::WebSocketOptions;
use async_sockets_net::websocket::reconnect::Failure;
use tls_common::{Authority, self_signed};
use websocket_client_common::{Client, RawServer, Seen};
use websocket_common::Server;

/// Sends a response to a client's request. Returns the failure that it reports.
#[track_caller]
fn answered(response: &str) -> WebSocketConnectError {
    let server = RawServer::start();
    let mut client = Client::start(&server.url(), WebSocketClientOptions::default());
    let (mut raw, _) = server.asked();
    raw.send(response.as_bytes());
    let error = client.failed();
    raw.ends();
    assert!(client.poll().is_none());
    error
}

#[test]
fn a_status_is_told_with_its_headers() {
    // The status line, a header line, and whether another attempt is worth it.
    for (line, header, may_pass) in [
        ("400 Bad Request", "X-Reason: no", false),
        ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"game\"", false),
        ("403 Forbidden", "X-Reason: banned", false),
        ("404 Not Found", "Content-Length: 0", false),
        ("407 Proxy Authentication Required", "Proxy-Authenticate: Basic", false),
        ("408 Request Timeout", "Connection: close", true),
        ("410 Gone", "X: y", false),
        ("425 Too Early", "X: y", true),
        ("426 Upgrade Required", "Sec-WebSocket-Version: 8", false),
        ("429 Too Many Requests", "Retry-After: 7", true),
        ("431 Request Header Fields Too Large", "X: y", false),
        ("500 Internal Server Error", "X: y", true),
        ("502 Bad Gateway", "X: y", true),
        ("503 Service Unavailable", "Retry-After: 7", true),
        ("504", "X: y", true),
        ("200 OK", "X: y", false),
        ("204 No Content", "X: y", false),
        ("418 I'm a teapot", "X: y", false),
        ("999 Whatever", "X: y", false),
    ] {
        let error = answered(&format!("HTTP/1.1 {line}\r\n{header}\r\n\r\n"));
        assert_eq!(error.to_string(), format!("the server answered {line}"));
        let (status, headers) = error.response().expect("a response");
        assert_eq!(status.to_string(), line[..3]);
        let (name, value) = header.split_once(": ").expect("a header line");
        assert_eq!(headers.get(name), Some(value));
        let failure = Failure::from(&error);
        assert_eq!(failure.may_pass(), may_pass, "{line}");
        let asked = (name == "Retry-After").then_some(Duration::from_secs(7));
        assert_eq!(
            failure,
            Failure::Status {
                status,
                retry_after: asked
            }
        );
    }
}

#[test]
fn our_server_refuses_a_path() {
    let mut options = WebSocketOptions::default();
    options.handshake.paths = vec!["/game".to_owned()];
    let server = Server::start(options);
    let url = format!("ws://127.0.0.1:{}/other", server.port());
    let mut client = Client::start(&url, WebSocketClientOptions::default());
    assert_eq!(client.failed().response().map(|(status, _)| status), Some(404));
}

/// The failure to connect, which may pass.
#[track_caller]
fn connect_error(client: &mut Client) -> ConnectError {
    let error = client.failed();
    assert!(Failure::from(&error).may_pass(), "{error}");
    assert!(error.response().is_none());
    match error {
        WebSocketConnectError::Connect(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nobody_listens() {
    // Bound, and not listening.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&address.into()).expect("a free port");
    let bound = socket.local_addr().expect("an address").as_socket().expect("IP");
    let url = websocket_client_common::url(bound.port());
    let mut client = Client::start(&url, WebSocketClientOptions::default());
    // Refused if the attempt has failed already.
    let _ = client.inner.send_text("never sent");
    match connect_error(&mut client) {
        ConnectError::Connect { host, port, source } => {
            assert_eq!((host.as_str(), port), ("127.0.0.1", bound.port()));
            assert_eq!(source.kind(), ErrorKind::ConnectionRefused);
        }
        other => panic!("{other}"),
    }
    assert_eq!(client.inner.pending_bytes(), 0);
}

#[test]
fn a_name_without_address() {
    let options = WebSocketClientOptions {
        handshake_timeout: Some(Duration::from_secs(20)),
        ..WebSocketClientOptions::default()
    };
    let mut client = Client::start("ws://no-such-host.invalid/", options);
    match connect_error(&mut client) {
        // A resolver that does not answer runs into the time limit.
        ConnectError::Resolve { host, .. } | ConnectError::TimedOut { host, .. } => {
            assert_eq!(host, "no-such-host.invalid");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn the_server_closes_during_the_handshake() {
    for bytes in ["", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"] {
        let server = RawServer::start();
        let mut client = Client::start(&server.url(), WebSocketClientOptions::default());
        let (mut raw, _) = server.asked();
        raw.send(bytes.as_bytes());
        drop(raw);
        let words = connect_error(&mut client).to_string();
        assert!(
            words.contains("closed the connection during the opening handshake"),
            "{words}"
        );

        let mut client = Client::start(&server.url(), WebSocketClientOptions::default());
        let (mut raw, _) = server.asked();
        raw.send(bytes.as_bytes());
        raw.reset();
        let words = connect_error(&mut client).to_string();
        assert!(words.to_lowercase().contains("reset"), "{words}");
    }
}

#[test]
fn a_silent_server_runs_into_the_time_limit() {
    let server = RawServer::start();
    let options = WebSocketClientOptions {
        handshake_timeout: Some(Duration::from_millis(200)),
        tls: Some(tls_common::insecure()),
        ..WebSocketClientOptions::default()
    };
    for url in [server.url(), server.url().replace("ws:", "wss:")] {
        let mut client = Client::start(&url, options.clone());
        let mut raw = server.accept();
        match connect_error(&mut client) {
            ConnectError::TimedOut { host, port, seconds } => {
                assert_eq!((host.as_str(), port, seconds), ("127.0.0.1", server.port(), 0.2));
            }
            other => panic!("{other}"),
        }
        raw.ends();
    }
}

/// The TLS error of an attempt to open `wss://localhost`, and whether it may pass.
#[track_caller]
fn tls_error(port: u16, tls: TlsClientConfig) -> (TlsError, bool) {
    let options = WebSocketClientOptions {
        tls: Some(tls),
        ..WebSocketClientOptions::default()
    };
    let mut client = Client::start(&format!("wss://localhost:{port}/"), options);
    let error = client.failed();
    let may_pass = Failure::from(&error).may_pass();
    match error {
        WebSocketConnectError::Connect(ConnectError::Tls { source, host, port: at }) => {
            assert_eq!((host.as_str(), at), ("localhost", port));
            (source, may_pass)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_certificate_that_is_not_trusted() {
    let authority = Authority::new("authority");
    let expired = authority.issue_with(&["localhost"], |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    });
    let other_name = CertificateProblem::WrongName(vec!["DnsName(\"other.example\")".to_owned()]);
    for (identity, wanted, passes) in [
        (authority.issue(&["other.example"]), other_name, false),
        (
            self_signed(&["localhost"], |_| {}),
            CertificateProblem::UnknownIssuer,
            false,
        ),
        (expired, CertificateProblem::Expired, true),
    ] {
        let server = Server::start(WebSocketOptions {
            tls: Some(identity.server()),
            ..WebSocketOptions::default()
        });
        let (error, may_pass) = tls_error(server.port(), authority.client());
        let TlsError::Certificate(problem) = error else {
            panic!("{error:?}");
        };
        assert_eq!(
            std::mem::discriminant(&problem),
            std::mem::discriminant(&wanted),
            "{problem}"
        );
        assert_eq!(may_pass, passes, "{problem}");
    }
}

#[test]
fn wss_against_a_plain_server() {
    let server = Server::start(WebSocketOptions::default());
    let (error, may_pass) = tls_error(server.port(), tls_common::insecure());
    assert!(matches!(error, TlsError::NotTls), "{error:?}");
    assert!(may_pass);
}

#[test]
fn ws_against_a_tls_server() {
    let server = Server::start(WebSocketOptions {
        tls: Some(Authority::new("authority").issue(&["localhost"]).server()),
        ..WebSocketOptions::default()
    });
    let url = websocket_client_common::url(server.port());
    let mut client = Client::start(&url, WebSocketClientOptions::default());
    let error = client.failed();
    // A TLS alert, or nothing but the end.
    assert!(
        matches!(
            error,
            WebSocketConnectError::Handshake(_) | WebSocketConnectError::Connect(ConnectError::Connect { .. })
        ),
        "{error:?}"
    );
}

#[test]
fn wss_without_a_configuration() {
    let mut client = Client::start("wss://127.0.0.1:1/", WebSocketClientOptions::default());
    let error = client.failed();
    assert!(matches!(error, WebSocketConnectError::NoTls), "{error:?}");
    assert!(!Failure::from(&error).may_pass());
}

/// Many attempts at once that fail each end with exactly one event.
#[test]
fn every_attempt_ends_once() {
    let server = RawServer::start();
    let url = server.url();
    let mut clients: Vec<_> = (0..100)
        .map(|_| Client::start(&url, WebSocketClientOptions::default()))
        .collect();
    let serve = spawn(move || {
        for n in 0..100 {
            let mut raw = server.accept();
            match n % 4 {
                0 => raw.send(b"HTTP/1.1 503 x\r\n\r\n"),
                1 => raw.reset(),
                2 => raw.send(b"nonsense\r\n\r\n"),
                _ => drop(raw),
            }
        }
    });
    for client in &mut clients {
        let seen = client.next();
        assert!(matches!(seen, Seen::ConnectFailed(_)), "{seen:?}");
    }
    serve.join().expect("no panic");
    for client in &mut clients {
        assert!(client.poll().is_none());
    }
}
