//! Real WebSocket handshakes and the echoes of an admitted client, beside a crowd of silent connections; each of these
//! is renewed as soon as the server drops it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::args::Args;
use crate::connect::{connect, open, reset_on_close};
use crate::fault::Fault;
use crate::frame::{decode, encode};
use crate::payload::Payload;
use crate::report::{Report, event};
use crate::samples::Samples;

/// The longest that a poll may sleep.
const TICK: Duration = Duration::from_millis(5);

/// A handshake that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause between two handshakes.
const PAUSE: Duration = Duration::from_millis(50);

static OVER: AtomicBool = AtomicBool::new(false);

pub(crate) fn run(args: &Args) -> Result<(), Fault> {
    let (server, deadline) = (args.server()?, args.deadline()?);
    let (count, openings) = (args.get("clients", 6000)?, args.get("openings", 20)?);
    let echoes = {
        let mut client = connect(server, deadline)?;
        open(&mut client)?;
        let block = Payload::new(args.size()?, 0);
        spawn(move || echo(client, &block))
    };
    let mut crowd = Crowd::gather(server, count)?;
    event("connected")?;
    // By then the crowd has reached the server's limits, if it ever does.
    let stands = Instant::now() + args.seconds("warm-up", 1.0)?;
    while Instant::now() < stands {
        crowd.renew()?;
    }
    event("start")?;
    let real = spawn(move || come_in(server, openings));
    while !real.is_finished() && Instant::now() < deadline {
        crowd.renew()?;
    }
    OVER.store(true, Ordering::Release);
    let (times, failed) = join(real)??;
    let echo_times = join(echoes)??;
    let report = Report::new("end")
        .count("openings", openings as u64)
        .count("failed", failed)
        .count("renewed", crowd.renewed)
        .count("echoes", echo_times.len() as u64)
        .figure("echo_max_ms", echo_times.max_ms());
    times.report(report).print()?;
    Ok(())
}

/// Performs one handshake after the other. A failed one counts with the time after which it was given up.
fn come_in(server: SocketAddr, openings: usize) -> Result<(Samples, u64), Fault> {
    let (mut times, mut failed) = (Samples::default(), 0);
    for _ in 0..openings {
        let start = Instant::now();
        let opened = connect(server, start + PATIENCE).and_then(|mut client| Ok(open(&mut client)?));
        if opened.is_err() {
            failed += 1;
        }
        times.add(start.elapsed());
        sleep(PAUSE);
    }
    Ok((times, failed))
}

/// Has one message after the other echoed until the end.
fn echo(mut client: TcpStream, block: &Payload) -> Result<Samples, Fault> {
    let frame = encode(false, block.bytes());
    let mut times = Samples::default();
    while !OVER.load(Ordering::Acquire) {
        let start = Instant::now();
        client.write_all(&frame)?;
        let mut input = Vec::new();
        let mut part = [0; 4096];
        let (at, end) = loop {
            match client.read(&mut part)? {
                0 => return Err(Fault::peer(0, "the connection ended")),
                n => input.extend_from_slice(&part[..n]),
            }
            if let Some((_, at, end)) = decode(&input) {
                break (at, end);
            }
        };
        if input[at..end] != *block.bytes() {
            return Err(Fault::peer(0, "an echo is not what was sent"));
        }
        times.add(start.elapsed());
    }
    Ok(times)
}

fn join<T>(thread: JoinHandle<T>) -> Result<T, Fault> {
    thread.join().map_err(|_| Fault::Late("a thread broke off".to_owned()))
}

struct Crowd {
    server: SocketAddr,
    poll: Poll,
    events: Events,
    streams: Vec<mio::net::TcpStream>,
    renewed: u64,
}

impl Crowd {
    fn gather(server: SocketAddr, count: usize) -> Result<Self, Fault> {
        let mut crowd = Self {
            server,
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            streams: Vec::with_capacity(count),
            renewed: 0,
        };
        for index in 0..count {
            let stream = crowd.connect(index)?;
            crowd.streams.push(stream);
        }
        Ok(crowd)
    }

    fn connect(&self, index: usize) -> Result<mio::net::TcpStream, Fault> {
        let mut stream = mio::net::TcpStream::connect(self.server)?;
        reset_on_close(&stream)?;
        self.poll
            .registry()
            .register(&mut stream, Token(index), Interest::READABLE)?;
        Ok(stream)
    }

    /// Replaces connections that the server has dropped, or that failed to connect.
    fn renew(&mut self) -> Result<(), Fault> {
        self.poll.poll(&mut self.events, Some(TICK))?;
        let gone: Vec<_> = self.events.iter().map(|event| event.token().0).collect();
        for index in gone {
            self.streams[index] = self.connect(index)?;
            self.renewed += 1;
        }
        Ok(())
    }
}
