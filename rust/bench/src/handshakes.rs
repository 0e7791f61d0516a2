//! Handshakes, a fixed number at a time: an admitted client leaves, and the next handshake begins. They begin one by
//! one, or all together once the last one has been admitted. A WebSocket client is admitted by the answer to its
//! upgrade, a TCP client by the echo of its first block.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::args::{Args, Protocol};
use crate::connect::{UPGRADE, check_answer, reset_on_close};
use crate::fault::Fault;
use crate::link::{Link, scratch};
use crate::payload::Payload;
use crate::report::{Report, event};
use crate::samples::Samples;
use crate::wire::Wire;

/// The longest that a poll may sleep.
const TICK: Duration = Duration::from_millis(5);

/// The longest that a round started together may take, as a multiple of the time asked for.
const PATIENCE: u32 = 4;

struct Opening {
    link: Link,
    begun: Instant,
    is_in: bool,
}

struct Load {
    server: SocketAddr,
    tls: bool,
    protocol: Protocol,
    /// The first block of a TCP client.
    block: Payload,
    poll: Poll,
    openings: Vec<Opening>,
    /// Whether all handshakes begin together.
    together: bool,
    /// Handshakes of the current round that are not complete.
    missing: usize,
    done: u64,
    times: Samples,
}

pub(crate) fn run(args: &Args) -> Result<(), Fault> {
    let (warm_up, time) = (args.seconds("warm-up", 0.3)?, args.seconds("seconds", 2.0)?);
    let mut load = Load {
        server: args.server()?,
        tls: args.tls()?,
        protocol: args.protocol()?,
        block: Payload::new(args.size()?, 0),
        poll: Poll::new()?,
        openings: Vec::new(),
        together: args.get("together", 0)? != 0,
        missing: 0,
        done: 0,
        times: Samples::default(),
    };
    for slot in 0..args.get("clients", 100)? {
        let opening = load.begin(slot)?;
        load.openings.push(opening);
    }
    load.missing = load.openings.len();
    event("connected")?;
    if !load.together {
        load.until(Instant::now() + warm_up)?;
    }
    event("start")?;
    (load.done, load.times) = (0, Samples::default());
    let start = Instant::now();
    load.until(start + time)?;
    let took = start.elapsed();
    event("stop")?;
    let report = Report::new("end")
        .count("handshakes", load.done)
        .figure("seconds", took.as_secs_f64())
        .figure("per_second", load.done as f64 / took.as_secs_f64());
    load.times.report(report).print()?;
    Ok(())
}

impl Load {
    fn begin(&self, slot: usize) -> Result<Opening, Fault> {
        let mut stream = TcpStream::connect(self.server)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(slot), interest)?;
        let mut link = Link::new(Wire::new(stream, self.tls)?);
        link.output.extend_from_slice(match self.protocol {
            Protocol::Tcp => self.block.bytes(),
            Protocol::Text | Protocol::Binary => UPGRADE,
        });
        Ok(Opening {
            link,
            begun: Instant::now(),
            is_in: false,
        })
    }

    /// Runs until the time is over. If started together, also until the current round is complete, within limits.
    fn until(&mut self, end: Instant) -> Result<(), Fault> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = scratch();
        let start = Instant::now();
        let latest = if self.together {
            start + (end - start) * PATIENCE
        } else {
            end
        };
        loop {
            let now = Instant::now();
            let is_whole = !self.together || self.missing == self.openings.len();
            if now >= latest || (now >= end && is_whole) {
                return Ok(());
            }
            self.poll.poll(&mut events, Some(TICK))?;
            for event in &events {
                let slot = event.token().0;
                if !self.openings[slot].is_in && self.go_on(slot, event.is_readable(), &mut buffer)? {
                    self.is_in(slot)?;
                }
            }
            if self.missing == 0 {
                for slot in 0..self.openings.len() {
                    self.openings[slot] = self.begin(slot)?;
                }
                self.missing = self.openings.len();
            }
        }
    }

    fn is_in(&mut self, slot: usize) -> Result<(), Fault> {
        let opening = &mut self.openings[slot];
        opening.is_in = true;
        self.done += 1;
        self.times.add(opening.begun.elapsed());
        reset_on_close(opening.link.stream.socket())?;
        if self.together {
            self.missing -= 1;
        } else {
            self.openings[slot] = self.begin(slot)?;
        }
        Ok(())
    }

    /// Returns whether the client has been admitted.
    fn go_on(&mut self, slot: usize, readable: bool, buffer: &mut [u8]) -> Result<bool, Fault> {
        let link = &mut self.openings[slot].link;
        let fault = |what: &str, error: std::io::Error| Fault::peer(slot, format!("{what}: {error}"));
        if link.stream.socket().peer_addr().is_ok() {
            link.write().map_err(|error| fault("while writing", error))?;
        } else if let Some(error) = link.stream.socket().take_error()? {
            return Err(fault("while connecting", error));
        }
        if !readable {
            return Ok(false);
        }
        while link.read(buffer).map_err(|error| fault("while reading", error))? {}
        if link.stream.is_tls() {
            // Until the TLS handshake is complete, writing waits for what is read.
            link.write().map_err(|error| fault("while writing", error))?;
        }
        let answer = match self.protocol {
            Protocol::Tcp if link.input().len() < self.block.bytes().len() => None,
            Protocol::Tcp if link.input() == self.block.bytes() => Some(Ok(link.input().len())),
            Protocol::Tcp => Some(Err(std::io::Error::other("the echo is not what was sent"))),
            Protocol::Text | Protocol::Binary => check_answer(link.input()),
        };
        match answer {
            None => Ok(false),
            Some(Ok(_)) => Ok(true),
            Some(Err(error)) => Err(fault("at the handshake", error)),
        }
    }
}
