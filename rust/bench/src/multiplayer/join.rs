//! All clients begin to join in the same moment. A client has joined when it has its id.

use std::io;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::crowd::{TICK, id};
use crate::args::Args;
use crate::connect::{UPGRADE, check_answer, reset_on_close};
use crate::fault::Fault;
use crate::frame::decode;
use crate::link::{Link, scratch};
use crate::report::{Report, event};
use crate::samples::Samples;
use crate::wire::Wire;

/// How far a client has come.
#[derive(PartialEq, Eq)]
enum Stage {
    Asking,
    Accepted,
    Joined,
    /// The server has dropped it.
    Refused,
}

struct Client {
    link: Link,
    stage: Stage,
}

/// Ends when all have joined, or with the number of those that have at the limit.
pub(super) fn run(args: &Args) -> Result<(), Fault> {
    let (server, count, deadline) = (args.server()?, args.get("clients", 100)?, args.deadline()?);
    let mut poll = Poll::new()?;
    event("start")?;
    let start = Instant::now();
    let mut clients = Vec::with_capacity(count);
    for index in 0..count {
        let mut stream = TcpStream::connect(server)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(index), interest)?;
        let mut link = Link::new(Wire::new(stream, false)?);
        link.output.extend_from_slice(UPGRADE);
        let stage = Stage::Asking;
        clients.push(Client { link, stage });
    }
    let (mut events, mut buffer) = (Events::with_capacity(1024), scratch());
    let mut times = Samples::default();
    while clients.iter().any(Client::may_join) && Instant::now() < deadline {
        poll.poll(&mut events, Some(TICK))?;
        for event in &events {
            let client = &mut clients[event.token().0];
            if client.may_join() && client.go_on(&mut buffer)? {
                times.add(start.elapsed());
            }
        }
    }
    let (took, joined) = (start.elapsed(), times.len() as u64);
    event("stop")?;
    for client in &clients {
        reset_on_close(client.link.stream.socket())?;
    }
    let report = Report::new("end")
        .count("joined", joined)
        .count("missing", count as u64 - joined)
        .figure("seconds", took.as_secs_f64());
    times.report(report).print()?;
    Ok(())
}

impl Client {
    fn may_join(&self) -> bool {
        matches!(self.stage, Stage::Asking | Stage::Accepted)
    }

    /// Returns whether it has its id now.
    fn go_on(&mut self, buffer: &mut [u8]) -> Result<bool, Fault> {
        let talked = self.talk(buffer);
        if self.stage == Stage::Asking
            && let Some(answer) = check_answer(self.link.input())
        {
            self.link.take(answer?);
            self.stage = Stage::Accepted;
        }
        if self.stage == Stage::Accepted
            && let Some((_, from, to)) = decode(self.link.input())
        {
            id(&self.link.input()[from..to])?;
            self.stage = Stage::Joined;
        } else if talked.is_err() {
            self.stage = Stage::Refused;
        }
        Ok(self.stage == Stage::Joined)
    }

    fn talk(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        if self.link.stream.socket().peer_addr().is_err() {
            return self.link.stream.socket().take_error()?.map_or(Ok(()), Err);
        }
        self.link.write()?;
        while self.link.read(buffer)? {}
        Ok(())
    }
}
