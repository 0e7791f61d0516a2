//! WebSocket openings, so many at a time, one after the other.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::args::Args;
use crate::connect::{UPGRADE, check_answer, reset_on_close};
use crate::fault::Fault;
use crate::link::{Link, scratch};
use crate::report::{Report, event};
use crate::samples::Samples;

/// How long a poll may sleep at most.
const TICK: Duration = Duration::from_millis(5);

struct Opening {
    link: Link,
    begun: Instant,
}

struct Load {
    server: SocketAddr,
    poll: Poll,
    openings: Vec<Opening>,
    done: u64,
    times: Samples,
}

pub(crate) fn run(args: &Args) -> Result<(), Fault> {
    let (warm_up, time) = (args.seconds("warm-up", 0.3)?, args.seconds("seconds", 2.0)?);
    let mut load = Load {
        server: args.server()?,
        poll: Poll::new()?,
        openings: Vec::new(),
        done: 0,
        times: Samples::default(),
    };
    for slot in 0..args.get("clients", 100)? {
        let opening = load.begin(slot)?;
        load.openings.push(opening);
    }
    event("connected")?;
    load.until(Instant::now() + warm_up)?;
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
        let mut link = Link::new(stream);
        link.output.extend_from_slice(UPGRADE);
        Ok(Opening {
            link,
            begun: Instant::now(),
        })
    }

    fn until(&mut self, end: Instant) -> Result<(), Fault> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = scratch();
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            self.poll.poll(&mut events, Some(TICK.min(end - now)))?;
            for event in &events {
                let slot = event.token().0;
                if self.go_on(slot, event.is_readable(), &mut buffer)? {
                    self.done += 1;
                    self.times.add(self.openings[slot].begun.elapsed());
                    reset_on_close(&self.openings[slot].link.stream)?;
                    self.openings[slot] = self.begin(slot)?;
                }
            }
        }
    }

    /// Says whether the client is in.
    fn go_on(&mut self, slot: usize, readable: bool, buffer: &mut [u8]) -> Result<bool, Fault> {
        let link = &mut self.openings[slot].link;
        let fault = |what: &str, error: std::io::Error| Fault::peer(slot, format!("{what}: {error}"));
        if link.stream.peer_addr().is_ok() {
            link.write().map_err(|error| fault("while writing", error))?;
        } else if let Some(error) = link.stream.take_error()? {
            return Err(fault("while connecting", error));
        }
        if !readable {
            return Ok(false);
        }
        while link.read(buffer).map_err(|error| fault("while reading", error))? {}
        match check_answer(link.input()) {
            None => Ok(false),
            Some(Ok(_)) => Ok(true),
            Some(Err(error)) => Err(fault("at the handshake", error)),
        }
    }
}
