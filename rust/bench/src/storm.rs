//! All clients connect at the same moment, and each has one block echoed.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Poll};

use crate::args::Args;
use crate::connect::{begin, reset_on_close};
use crate::fault::Fault;
use crate::payload::Payload;
use crate::report::{Report, event};

/// The longest that a poll may sleep.
const TICK: Duration = Duration::from_millis(50);

struct Client {
    stream: TcpStream,
    block: Payload,
    sent: bool,
    /// The part of the echo that has arrived.
    echo: Vec<u8>,
    served: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Fault> {
    let (server, size, count) = (args.server()?, args.size()?, args.get("clients", 1000)?);
    let deadline = args.deadline()?;
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(4096);
    event("start")?;
    let start = Instant::now();
    let mut clients = Vec::with_capacity(count);
    for index in 0..count {
        let stream = begin(&poll, server, index)?;
        clients.push(Client {
            stream,
            block: Payload::new(size, index),
            sent: false,
            echo: vec![0; size],
            served: false,
        });
    }
    let (mut connected, mut served) = (0, 0);
    let mut all_connected = None;
    while served < count && Instant::now() < deadline {
        poll.poll(&mut events, Some(TICK))?;
        for event in &events {
            let index = event.token().0;
            let client = &mut clients[index];
            if event.is_writable() && !client.sent && client.is_connected(index)? {
                // So few bytes always fit into the send buffer.
                let n = client.stream.write(client.block.bytes())?;
                if n < size {
                    return Err(Fault::peer(index, "a block did not go out at once"));
                }
                client.sent = true;
                connected += 1;
                if connected == count {
                    all_connected = Some(start.elapsed());
                }
            }
            if event.is_readable() && client.sent && !client.served && client.is_served(index)? {
                client.served = true;
                served += 1;
            }
        }
    }
    let took = start.elapsed();
    Report::new("end")
        .count("connected", connected as u64)
        .count("served", served as u64)
        .figure("connected_seconds", all_connected.unwrap_or(took).as_secs_f64())
        .figure("seconds", took.as_secs_f64())
        .figure("per_second", served as f64 / took.as_secs_f64())
        .print()?;
    Ok(())
}

impl Client {
    fn is_connected(&self, index: usize) -> Result<bool, Fault> {
        if let Some(error) = self.stream.take_error()? {
            return Err(Fault::peer(index, format!("did not connect: {error}")));
        }
        if self.stream.peer_addr().is_err() {
            return Ok(false);
        }
        reset_on_close(&self.stream)?;
        Ok(true)
    }

    /// Reads the echo, which may arrive in parts. Returns whether it is complete.
    fn is_served(&mut self, index: usize) -> Result<bool, Fault> {
        let n = self
            .stream
            .read(&mut self.echo)
            .map_err(|error| Fault::peer(index, format!("while reading: {error}")))?;
        // Loopback normally delivers a small block whole.
        if self.echo[..n] == *self.block.bytes() {
            Ok(true)
        } else {
            Err(Fault::peer(index, format!("an echo of {n} bytes is not what was sent")))
        }
    }
}
