//! What a WebSocket client reports as lost, what it keeps no longer than needed, and where redirects lead.

mod websocket_client_common;
mod websocket_common;

use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use async_sockets_net::websocket::url::WebSocketUrl;
use websocket_client_common::{Client, RawServer, server_frame, switching_protocols};
use websocket_common::TEXT;

/// Header and mask of a frame of 64 KiB or more.
const HEADER: usize = 14;

/// A close frame of a client with a code and no reason.
const CLOSE_FRAME: usize = 8;

#[test]
fn what_is_queued_when_the_server_closes_is_reported_as_unsent() {
    let server = RawServer::start();
    let (mut client, mut raw) = server.join(WebSocketClientOptions::default());
    // More than the system takes while nobody reads.
    let message = vec![7; 1024 * 1024];
    for _ in 0..15 {
        client.inner.send_binary(&message).expect("room");
    }
    raw.close(1001, "");
    let reader = std::thread::spawn(move || raw.rest().len());
    let (code, _, clean, unsent) = client.ended();
    assert_eq!((code, clean), (1001, true));
    let read = reader.join().expect("no panic");
    assert_eq!(read - CLOSE_FRAME + unsent, 15 * (message.len() + HEADER));
    assert_eq!(client.inner.pending_bytes(), 0);
}

#[test]
fn flushes_of_the_same_bytes_are_answered_together() {
    let server = RawServer::start();
    let mut client = Client::start(&server.url(), WebSocketClientOptions::default());
    client.inner.send_text("hello").expect("room");
    for token in 1..=1000 {
        client.inner.flush(token);
    }
    let _raw = server.open();
    client.connected();
    assert!(matches!(client.next(), websocket_client_common::Seen::Flushed(1000)));
    assert!(client.poll().is_none());
}

#[test]
fn a_message_that_comes_with_the_response_is_delivered() {
    let server = RawServer::start();
    let mut client = Client::start(&server.url(), WebSocketClientOptions::default());
    let (mut raw, head) = server.asked();
    let mut answer = switching_protocols(&head, "").into_bytes();
    answer.extend(server_frame(TEXT, b"hi"));
    raw.send(&answer);
    client.connected();
    assert_eq!(client.text(), "hi");
}

#[test]
fn an_attempt_without_a_time_limit_ends_after_its_handle_was_dropped() {
    let server = RawServer::start();
    let options = WebSocketClientOptions {
        handshake_timeout: None,
        ..WebSocketClientOptions::default()
    };
    let client = Client::start(&server.url(), options);
    client.inner.send_text("waits").expect("room");
    let (mut raw, _) = server.asked();
    drop(client);
    assert_eq!(raw.rest(), [0; 0]);
}

fn redirected(status: &str, location: &str) -> (RawServer, Client) {
    let server = RawServer::start();
    let options = WebSocketClientOptions {
        max_redirects: 1,
        ..WebSocketClientOptions::default()
    };
    let client = Client::start(&server.url(), options);
    let (mut raw, _) = server.asked();
    raw.send(format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").as_bytes());
    (server, client)
}

#[test]
fn a_redirect_leads_to_a_path_with_a_url_in_its_query() {
    let (server, mut client) = redirected("307 Temporary Redirect", "/in?from=http://a/");
    let (mut raw, head) = server.asked();
    assert!(head.starts_with("GET /in?from=http://a/ HTTP/1.1\r\n"), "{head}");
    raw.send(switching_protocols(&head, "").as_bytes());
    assert_eq!(client.connected().url, format!("{}in?from=http://a/", server.url()));
}

#[test]
fn a_status_that_is_no_redirect_leads_nowhere() {
    for status in [300, 304, 305] {
        let (server, mut client) = redirected(&format!("{status} Other"), "/in");
        let error = client.failed();
        assert_eq!(error.response().map(|(status, _)| status), Some(status));
        assert!(!server.has_more());
    }
}

#[test]
fn only_a_slash_at_the_beginning_makes_a_location_a_path() {
    let base = WebSocketUrl::parse("wss://a/b").expect("a URL");
    let join = |location: &str| base.join(location).ok().map(|url| url.to_string());
    assert_eq!(join("/c?d=http://e").as_deref(), Some("wss://a/c?d=http://e"));
    assert_eq!(join("//e/c?d=http://f").as_deref(), Some("wss://e/c?d=http://f"));
    assert_eq!(join("https://e/c?d=http://f").as_deref(), Some("wss://e/c?d=http://f"));
    assert_eq!(join("c?d=http://e").as_deref(), Some("wss://a/c?d=http://e"));
}
