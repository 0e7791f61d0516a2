//! One client sends a request, and all clients get a burst of messages. Once all have received it, the first asks
//! again.

use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::args::{Args, Protocol};
use crate::connect::connect_all;
use crate::fault::Fault;
use crate::frame::{decode, encode, is_heartbeat, is_message};
use crate::link::{Link, scratch};
use crate::payload::Payload;
use crate::report::{Report, event};
use crate::samples::Samples;

/// The longest that a poll may sleep.
const TICK: Duration = Duration::from_millis(5);

/// The first client's request.
const REQUEST: &[u8] = b"go";

struct Client {
    link: Link,
    /// The payload expected next.
    next: Payload,
}

struct Load {
    poll: Poll,
    clients: Vec<Client>,
    burst: usize,
    /// Messages of the current burst that are still outstanding.
    missing: usize,
    asked_at: Instant,
    messages: u64,
    bursts: Samples,
}

pub(crate) fn run(args: &Args) -> Result<(), Fault> {
    let (size, burst) = (args.size()?, args.get("burst", 16)?);
    let (warm_up, time) = (args.seconds("warm-up", 0.3)?, args.seconds("seconds", 2.0)?);
    let deadline = args.deadline()?;
    let poll = Poll::new()?;
    let mut clients = Vec::new();
    for (index, stream) in connect_all(args, Protocol::Binary)?.into_iter().enumerate() {
        let mut stream = stream.map(TcpStream::from_std);
        poll.registry().register(
            stream.socket_mut(),
            Token(index),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        clients.push(Client {
            link: Link::new(stream),
            next: Payload::plain(size),
        });
    }
    let mut load = Load {
        poll,
        clients,
        burst,
        missing: 0,
        asked_at: Instant::now(),
        messages: 0,
        bursts: Samples::default(),
    };
    event("connected")?;
    load.until(Instant::now() + warm_up, deadline)?;
    event("start")?;
    (load.messages, load.bursts) = (0, Samples::default());
    let start = Instant::now();
    load.until(start + time, deadline)?;
    let took = start.elapsed();
    event("stop")?;
    let report = Report::new("end")
        .count("messages", load.messages)
        .figure("seconds", took.as_secs_f64())
        .figure("per_second", load.messages as f64 / took.as_secs_f64());
    load.bursts.report(report).print()?;
    Ok(())
}

impl Load {
    /// Asks repeatedly until the time is over and everything requested has arrived.
    fn until(&mut self, end: Instant, deadline: Instant) -> Result<(), Fault> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = scratch();
        while self.missing > 0 || Instant::now() < end {
            if Instant::now() >= deadline {
                return Err(Fault::Late(format!("{} messages were missing", self.missing)));
            }
            if self.missing == 0 {
                self.ask()?;
            }
            self.poll.poll(&mut events, Some(TICK))?;
            for event in events.iter().filter(|event| event.is_readable()) {
                self.read(event.token().0, &mut buffer)?;
            }
        }
        Ok(())
    }

    fn ask(&mut self) -> Result<(), Fault> {
        self.missing = self.clients.len() * self.burst;
        self.asked_at = Instant::now();
        let first = &mut self.clients[0].link;
        first.output.extend(encode(true, REQUEST));
        if !first.write()? {
            return Err(Fault::peer(0, "a request did not go out at once"));
        }
        Ok(())
    }

    fn read(&mut self, index: usize, buffer: &mut [u8]) -> Result<(), Fault> {
        let client = &mut self.clients[index];
        loop {
            let more = client
                .link
                .read(buffer)
                .map_err(|error| Fault::peer(index, format!("while reading: {error}")))?;
            let input = client.link.input();
            let mut at = 0;
            while let Some((first, from, to)) = decode(&input[at..]) {
                let payload = &input[at + from..at + to];
                at += to;
                if is_heartbeat(first) {
                    continue;
                }
                if !is_message(first, true) || payload != client.next.bytes() {
                    return Err(Fault::peer(index, "a message is not the one that comes next"));
                }
                if self.missing == 0 {
                    return Err(Fault::peer(index, "a message that nobody asked for"));
                }
                client.next.advance();
                self.missing -= 1;
                self.messages += 1;
            }
            client.link.take(at);
            if self.missing == 0 {
                self.bursts.add(self.asked_at.elapsed());
            }
            if !more {
                return Ok(());
            }
        }
    }
}
