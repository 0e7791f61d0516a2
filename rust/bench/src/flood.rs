//! Flood: clients that send as fast as the server accepts data, without waiting for an answer.

use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::args::{Args, Protocol};
use crate::connect::connect_all;
use crate::fault::Fault;
use crate::frame::Template;
use crate::idle::wait_for_input;
use crate::link::{Link, scratch};
use crate::payload::Payload;
use crate::report::{Report, event};

/// The longest that a poll may sleep.
const TICK: Duration = Duration::from_millis(5);

/// Messages encoded at a time.
const BATCH: usize = 256;

struct Client {
    link: Link,
    next: Payload,
    template: Template,
    sent: u64,
}

pub(crate) fn run(args: &Args) -> Result<(), Fault> {
    let (protocol, size, time) = (args.protocol()?, args.size()?, args.seconds("seconds", 2.0)?);
    // 0: as many as fit into the time.
    let count: u64 = args.get("count", 0)?;
    let deadline = args.deadline()?;
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut clients = Vec::new();
    for (index, stream) in connect_all(args, protocol)?.into_iter().enumerate() {
        let mut stream = stream.map(TcpStream::from_std);
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(stream.socket_mut(), Token(index), interest)?;
        let next = Payload::new(size, index);
        clients.push(Client {
            link: Link::new(stream),
            template: Template::new(protocol == Protocol::Text, &next),
            next,
            sent: 0,
        });
    }
    let mut buffer = scratch();
    event("connected")?;
    event("start")?;
    let start = Instant::now();
    let end = (start + time).min(deadline);
    let mut all_out = false;
    let mut stopped = None;
    // Data already queued is still sent after the time is over.
    while !all_out {
        let now = Instant::now();
        if now >= deadline {
            return Err(Fault::Late("the server did not take all".to_owned()));
        }
        let go_on = now < end;
        if !go_on && stopped.is_none() {
            event("stop")?;
            stopped = Some(start.elapsed());
        }
        all_out = true;
        for (index, client) in clients.iter_mut().enumerate() {
            all_out &= client.send(protocol, go_on, count, index)? && !(go_on && client.wants(count));
        }
        if !all_out {
            poll.poll(&mut events, Some(TICK))?;
            for event in events.iter().filter(|event| event.is_readable()) {
                let index = event.token().0;
                let link = &mut clients[index].link;
                while link
                    .read(&mut buffer)
                    .map_err(|error| Fault::peer(index, format!("while reading: {error}")))?
                {}
            }
        }
    }
    if stopped.is_none() {
        event("stop")?;
    }
    let took = stopped.unwrap_or_else(|| start.elapsed());
    let sent: u64 = clients.iter().map(|client| client.sent).sum();
    Report::new("sent")
        .count("sent", sent)
        .figure("seconds", took.as_secs_f64())
        .figure("per_second", sent as f64 / took.as_secs_f64())
        .print()?;
    wait_for_input()?;
    event("end")?;
    Ok(())
}

impl Client {
    fn wants(&self, count: u64) -> bool {
        count == 0 || self.sent < count
    }

    /// Returns whether everything has been sent.
    fn send(&mut self, protocol: Protocol, go_on: bool, count: u64, index: usize) -> Result<bool, Fault> {
        loop {
            let is_out = self
                .link
                .write()
                .map_err(|error| Fault::peer(index, format!("while writing: {error}")))?;
            if !is_out || !go_on || !self.wants(count) {
                return Ok(is_out);
            }
            for _ in 0..BATCH {
                if !self.wants(count) {
                    break;
                }
                match protocol {
                    Protocol::Tcp => self.link.output.extend_from_slice(self.next.bytes()),
                    Protocol::Text | Protocol::Binary => self.template.append(&self.next, &mut self.link.output),
                }
                self.next.advance();
                self.sent += 1;
            }
        }
    }
}
