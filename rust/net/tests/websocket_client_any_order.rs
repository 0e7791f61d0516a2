//! Many clients that send, flush, close, abort and vanish in any order, with a server that does the same: whatever
//! happens, what arrives is a beginning of what was sent, all of it after a clean close, and each client has one first
//! event and one last.

mod common;
mod websocket_client_common;
mod websocket_common;

use std::collections::HashMap;
use std::time::Duration;

use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use async_sockets_net::websocket::close_code::CloseFrame;
use async_sockets_net::websocket::options::WebSocketOptions;
use common::Random;
use websocket_client_common::{Client, Seen, url};
use websocket_common::{Happened, Server, wait_until};

const CLIENTS: usize = 300;

/// What is known of one client.
#[derive(Default)]
struct Life {
    client: Option<Client>,
    id: Option<i64>,
    /// Numbers of messages sent and received by the client, and by the server.
    sent: u64,
    received: u64,
    server_sent: u64,
    server_received: u64,
    flushes: u64,
    flushed: u64,
    connected: bool,
    /// The first close of the client, before an abort or a drop.
    closed: bool,
    cut: bool,
    /// The code and whether it was clean.
    end: Option<(u16, bool)>,
    server_end: Option<(u16, bool)>,
}

/// The message with this number; its length depends on it.
fn message(number: u64) -> String {
    format!("{number}:{}", "x".repeat((number as usize * 7919) % 6000))
}

fn frame(code: i64) -> CloseFrame {
    CloseFrame::parse(code, "").expect("a valid close")
}

impl Life {
    fn act(&mut self, server: &mut Server, random: &mut Random) {
        match random.next() % 40 {
            0..=14 => {
                if let Some(client) = &self.client
                    && client.inner.send_text(&message(self.sent)).is_ok()
                {
                    self.sent += 1;
                }
            }
            15..=29 => {
                if let Some(id) = self.id
                    && server.inner.send_text(id, &message(self.server_sent)).is_ok()
                {
                    self.server_sent += 1;
                }
            }
            30..=33 => {
                if let Some(client) = &self.client {
                    self.flushes += 1;
                    client.inner.flush(self.flushes);
                }
            }
            34 => {
                if let Some(client) = &self.client {
                    let _ = client.inner.ping(b"ping");
                }
            }
            35 if random.next().is_multiple_of(8) => {
                if let Some(client) = &self.client {
                    self.closed |= client.inner.close(frame(4001));
                }
            }
            36 if random.next().is_multiple_of(2) => {
                if let Some(id) = self.id {
                    let _ = server.inner.disconnect(id, frame(4002));
                }
            }
            37 if random.next().is_multiple_of(12) => {
                if let Some(client) = &self.client {
                    client.inner.abort();
                    self.cut = true;
                }
            }
            38 if random.next().is_multiple_of(12) => {
                self.client = None;
                self.cut = true;
            }
            _ => {}
        }
    }

    /// Takes the client's events.
    fn look(&mut self) {
        while let Some(seen) = self.client.as_mut().and_then(Client::poll) {
            assert_eq!(self.end, None, "{seen:?} after the end");
            match seen {
                Seen::Connected(_) => assert!(!std::mem::replace(&mut self.connected, true)),
                Seen::ConnectFailed(error) => {
                    assert!(!self.connected && (self.closed || self.cut), "{error}");
                    self.end = Some((0, false));
                }
                Seen::Text(text) => {
                    assert!(self.connected && text == message(self.received));
                    self.received += 1;
                }
                Seen::Flushed(token) => {
                    assert!(self.connected && token > self.flushed && token <= self.flushes);
                    self.flushed = token;
                }
                Seen::Disconnected(code, _, clean, _) => {
                    assert!(self.connected);
                    self.end = Some((code, clean));
                }
                Seen::Binary(_) => panic!("a binary message"),
            }
        }
    }

    fn check(&self) {
        assert!(self.received <= self.server_sent && self.server_received <= self.sent);
        if let Some(client) = &self.client {
            assert!(self.end.is_some(), "no end");
            assert_eq!(client.inner.pending_bytes(), 0);
        }
        // Who closed first had all its messages delivered.
        if let Some((4001, true)) = self.server_end {
            assert_eq!(self.server_received, self.sent);
        }
        if let Some((4002, true)) = self.end {
            assert_eq!(self.received, self.server_sent);
        }
    }
}

#[test]
fn whatever_happens_nothing_is_mixed_up() {
    let mut server = Server::start(WebSocketOptions::default());
    let mut random = Random::new(5);
    let mut lives: Vec<Life> = Vec::new();
    let mut by_id: HashMap<i64, usize> = HashMap::new();
    let mut look = |server: &mut Server, lives: &mut Vec<Life>| {
        while let Some(happened) = server.poll() {
            match happened {
                Happened::Connected(id, info) => {
                    let index: usize = info.request.path[1..].parse().expect("a number");
                    lives[index].id = Some(id);
                    by_id.insert(id, index);
                }
                Happened::Text(id, text) => {
                    let life = &mut lives[by_id[&id]];
                    assert!(text == message(life.server_received));
                    life.server_received += 1;
                }
                Happened::Disconnected(id, how) => {
                    let life = &mut lives[by_id[&id]];
                    assert!(life.id.take().is_some() && life.server_end.is_none());
                    life.server_end = Some((how.code.get(), how.clean));
                }
                other => panic!("{other:?}"),
            }
        }
        lives.iter_mut().for_each(Life::look);
    };
    for round in 0..CLIENTS + 1000 {
        if round < CLIENTS {
            let options = WebSocketClientOptions {
                max_queued: 1 << (random.next() % 20),
                heartbeat_interval: Some(Duration::from_secs(60)),
                ..WebSocketClientOptions::default()
            };
            lives.push(Life {
                client: Some(Client::start(&format!("{}{round}", url(server.port())), options)),
                ..Life::default()
            });
        }
        for _ in 0..40 {
            let count = lives.len() as u64;
            let index = (random.next() % count) as usize;
            lives[index].act(&mut server, &mut random);
        }
        look(&mut server, &mut lives);
    }
    for life in &mut lives {
        if let Some(client) = &life.client {
            life.closed |= client.inner.close(frame(4001));
        }
    }
    wait_until("the end of all", || {
        look(&mut server, &mut lives);
        let over = |life: &Life| life.client.is_none() || life.end.is_some();
        lives.iter().all(over) && server.inner.client_count() == 0
    });
    look(&mut server, &mut lives);
    lives.iter().for_each(Life::check);
    let count = |what: fn(&Life) -> bool| lives.iter().filter(|life| what(life)).count();
    println!(
        "{} connected, {} closed by the client, {} by the server",
        count(|life| life.connected),
        count(|life| life.end == Some((4001, true))),
        count(|life| life.end == Some((4002, true))),
    );
}
