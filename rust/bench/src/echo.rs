//! Echo: a number of clients, each of which keeps a fixed number of messages in flight.

use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::args::{Args, Protocol};
use crate::connect::connect_all;
use crate::fault::Fault;
use crate::frame::{Template, decode, is_heartbeat, is_message};
use crate::link::{Link, scratch};
use crate::payload::Payload;
use crate::report::{Report, event};
use crate::samples::Samples;
use crate::wire::Wire;

/// The longest that a poll may sleep.
const TICK: Duration = Duration::from_millis(5);

/// The longest that messages still in flight at the end may take.
const LAST_ECHOES: Duration = Duration::from_secs(10);

struct Client {
    link: Link,
    next_sent: Payload,
    next_echo: Payload,
    template: Template,
    in_flight: usize,
    /// When the only message in flight was sent.
    left_at: Instant,
    /// When the next message is due, if the client pauses between messages.
    due: Option<Instant>,
}

struct Load {
    protocol: Protocol,
    in_flight: usize,
    /// The longest pause between an echo and the next message.
    think: Duration,
    random: u64,
    echoes: u64,
    latencies: Samples,
    stopping: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Fault> {
    let (protocol, size) = (args.protocol()?, args.size()?);
    let (warm_up, time) = (args.seconds("warm-up", 0.3)?, args.seconds("seconds", 2.0)?);
    let deadline = args.deadline()?;
    let mut load = Load {
        protocol,
        in_flight: args.get("in-flight", 1)?,
        think: args.seconds("think-ms", 0.0)? / 1000,
        random: 0x9E37_79B9_7F4A_7C15,
        echoes: 0,
        latencies: Samples::default(),
        stopping: false,
    };
    let mut poll = Poll::new()?;
    let mut clients = Vec::new();
    for (index, stream) in connect_all(args, protocol)?.into_iter().enumerate() {
        let mut stream = stream.map(TcpStream::from_std);
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(stream.socket_mut(), Token(index), interest)?;
        clients.push(Client::new(stream, index, size, protocol));
    }
    event("connected")?;
    let start = Instant::now() + warm_up;
    for (index, client) in clients.iter_mut().enumerate() {
        load.send(client, index)?;
    }
    load.until(&mut poll, &mut clients, start.min(deadline))?;
    event("start")?;
    (load.echoes, load.latencies) = (0, Samples::default());
    let start = Instant::now();
    load.until(&mut poll, &mut clients, (start + time).min(deadline))?;
    let (echoes, took) = (load.echoes, start.elapsed());
    let latencies = std::mem::take(&mut load.latencies);
    event("stop")?;
    load.finish(&mut poll, &mut clients, deadline.min(Instant::now() + LAST_ECHOES))?;
    let report = Report::new("end")
        .count("echoes", echoes)
        .figure("seconds", took.as_secs_f64())
        .figure("per_second", echoes as f64 / took.as_secs_f64());
    latencies.report(report).print()?;
    Ok(())
}

impl Client {
    fn new(stream: Wire<TcpStream>, index: usize, size: usize, protocol: Protocol) -> Self {
        let payload = Payload::new(size, index);
        Self {
            link: Link::new(stream),
            template: Template::new(protocol == Protocol::Text, &payload),
            next_sent: payload.clone(),
            next_echo: payload,
            in_flight: 0,
            left_at: Instant::now(),
            due: None,
        }
    }
}

impl Load {
    fn until(&mut self, poll: &mut Poll, clients: &mut [Client], end: Instant) -> Result<(), Fault> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = scratch();
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            poll.poll(&mut events, Some(TICK.min(end - now).min(self.pause(clients, now))))?;
            for event in &events {
                let index = event.token().0;
                let client = &mut clients[index];
                if event.is_readable() || event.is_read_closed() {
                    self.read(client, index, &mut buffer)?;
                }
                self.send(client, index)?;
            }
            if !self.think.is_zero() {
                for (index, client) in clients.iter_mut().enumerate() {
                    self.send(client, index)?;
                }
            }
        }
    }

    /// The time until a pausing client sends its next message.
    fn pause(&self, clients: &[Client], now: Instant) -> Duration {
        if self.think.is_zero() {
            return TICK;
        }
        let next = clients.iter().filter_map(|client| client.due).min();
        next.map_or(TICK, |due| due.saturating_duration_since(now))
    }

    fn read(&mut self, client: &mut Client, index: usize, buffer: &mut [u8]) -> Result<(), Fault> {
        loop {
            let more = client
                .link
                .read(buffer)
                .map_err(|error| Fault::peer(index, format!("while reading: {error}")))?;
            self.take_echoes(client, index)?;
            if !more {
                return Ok(());
            }
        }
    }

    fn take_echoes(&mut self, client: &mut Client, index: usize) -> Result<(), Fault> {
        let input = client.link.input();
        let mut at = 0;
        while client.in_flight > 0 {
            let (from, to) = match self.protocol {
                Protocol::Tcp if input.len() - at < client.next_echo.bytes().len() => break,
                Protocol::Tcp => (at, at + client.next_echo.bytes().len()),
                Protocol::Text | Protocol::Binary => match decode(&input[at..]) {
                    None => break,
                    Some((first, _, to)) if is_heartbeat(first) => {
                        at += to;
                        continue;
                    }
                    Some((first, from, to)) if is_message(first, self.protocol == Protocol::Text) => {
                        (at + from, at + to)
                    }
                    Some((first, ..)) => {
                        return Err(Fault::peer(index, format!("a frame that begins with {first:#x}")));
                    }
                },
            };
            if input[from..to] != *client.next_echo.bytes() {
                return Err(Fault::peer(index, "an echo is not what was sent"));
            }
            at = to;
            client.next_echo.advance();
            client.in_flight -= 1;
            self.echoes += 1;
            if self.in_flight == 1 {
                let now = Instant::now();
                self.latencies.add(now - client.left_at);
                client.due = self.next_thought(now);
            }
        }
        client.link.take(at);
        if client.in_flight == 0 && !client.link.input().is_empty() {
            return Err(Fault::peer(index, "more came back than was sent"));
        }
        Ok(())
    }

    /// When the next message is due if clients pause: up to `think` from now.
    fn next_thought(&mut self, now: Instant) -> Option<Instant> {
        if self.think.is_zero() {
            return None;
        }
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        Some(now + self.think.mul_f64((self.random >> 11) as f64 / (1u64 << 53) as f64))
    }

    /// Sends until the allowed number of messages is in flight.
    fn send(&mut self, client: &mut Client, index: usize) -> Result<(), Fault> {
        let is_thinking = client.due.is_some_and(|due| Instant::now() < due);
        if !is_thinking && !self.stopping {
            client.due = None;
            while client.in_flight < self.in_flight {
                match self.protocol {
                    Protocol::Tcp => client.link.output.extend_from_slice(client.next_sent.bytes()),
                    Protocol::Text | Protocol::Binary => {
                        client.template.append(&client.next_sent, &mut client.link.output);
                    }
                }
                client.next_sent.advance();
                client.in_flight += 1;
                client.left_at = Instant::now();
            }
        }
        client
            .link
            .write()
            .map_err(|error| Fault::peer(index, format!("while writing: {error}")))?;
        Ok(())
    }

    /// Waits for the messages still in flight: none may be lost.
    fn finish(&mut self, poll: &mut Poll, clients: &mut [Client], deadline: Instant) -> Result<(), Fault> {
        self.stopping = true;
        let missing = |clients: &[Client]| clients.iter().map(|client| client.in_flight).sum::<usize>();
        while missing(clients) > 0 {
            if Instant::now() >= deadline {
                return Err(Fault::Late(format!("{} echoes were missing", missing(clients))));
            }
            self.until(poll, clients, Instant::now() + TICK)?;
        }
        Ok(())
    }
}
