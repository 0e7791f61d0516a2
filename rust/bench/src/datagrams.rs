//! UDP. Echo: each socket keeps a fixed number of datagrams in flight. One way: datagrams at a fixed rate, or as fast
//! as the system takes them.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket as StdSocket};
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};

use crate::args::Args;
use crate::fault::Fault;
use crate::idle::wait_for_input;
use crate::payload::{Payload, SEQUENCE_LEN};
use crate::report::{Report, event};
use crate::samples::Samples;

/// The longest that a poll may sleep.
const TICK: Duration = Duration::from_millis(5);

/// Datagrams that were not echoed within this time are lost.
const PATIENCE: Duration = Duration::from_millis(250);

/// Datagrams sent one way between two looks at the clock.
const BATCH: u64 = 16;

struct Client {
    socket: UdpSocket,
    next: Payload,
    /// Numbers of the next datagram and of the next echo; those between are in flight.
    sent: u64,
    echoed: u64,
    /// When something was last sent or received.
    last: Instant,
}

struct Load {
    size: usize,
    in_flight: u64,
    echoes: u64,
    lost: u64,
    latencies: Samples,
    stopping: bool,
}

/// Echoes: `lost` counts the datagrams of which no echo came, or a late one.
pub(crate) fn echo(args: &Args) -> Result<(), Fault> {
    let (warm_up, time) = (args.seconds("warm-up", 0.3)?, args.seconds("seconds", 2.0)?);
    let (server, count) = (args.server()?, args.get("clients", 4)?);
    let mut load = Load {
        size: args.size()?,
        in_flight: args.get("in-flight", 16)?,
        echoes: 0,
        lost: 0,
        latencies: Samples::default(),
        stopping: false,
    };
    let mut poll = Poll::new()?;
    let mut clients = Vec::new();
    for index in 0..count {
        let mut socket = UdpSocket::from_std(connect(server)?);
        poll.registry()
            .register(&mut socket, Token(index), Interest::READABLE)?;
        clients.push(Client {
            socket,
            next: Payload::new(load.size, index),
            sent: 0,
            echoed: 0,
            last: Instant::now(),
        });
    }
    event("connected")?;
    load.until(&mut poll, &mut clients, Instant::now() + warm_up)?;
    event("start")?;
    (load.echoes, load.lost, load.latencies) = (0, 0, Samples::default());
    let start = Instant::now();
    load.until(&mut poll, &mut clients, start + time)?;
    let (echoes, took) = (load.echoes, start.elapsed());
    event("stop")?;
    load.stopping = true;
    load.until(&mut poll, &mut clients, Instant::now() + 2 * PATIENCE)?;
    let report = Report::new("end")
        .count("echoes", echoes)
        .count("lost", load.lost)
        .figure("seconds", took.as_secs_f64())
        .figure("per_second", echoes as f64 / took.as_secs_f64());
    load.latencies.report(report).print()?;
    Ok(())
}

/// One way: reports how many were sent, and then holds the sockets.
pub(crate) fn pour(args: &Args) -> Result<(), Fault> {
    let (server, size, time) = (args.server()?, args.size()?, args.seconds("seconds", 2.0)?);
    // Datagrams a second; 0: as many as fit into the time.
    let rate: f64 = args.get("rate", 0.0)?;
    let socket = connect(server)?;
    socket.set_nonblocking(false)?;
    let mut next = Payload::new(size, 0);
    event("connected")?;
    event("start")?;
    let start = Instant::now();
    let mut sent = 0;
    loop {
        let passed = start.elapsed();
        if passed >= time {
            break;
        }
        if rate > 0.0 && sent as f64 >= rate * passed.as_secs_f64() {
            std::thread::sleep(Duration::from_micros(200));
            continue;
        }
        for _ in 0..BATCH {
            socket.send(next.bytes())?;
            next.advance();
        }
        sent += BATCH;
    }
    event("stop")?;
    Report::new("sent").count("sent", sent).print()?;
    wait_for_input()?;
    Ok(())
}

fn connect(server: SocketAddr) -> io::Result<StdSocket> {
    let socket = StdSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(server)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

impl Load {
    fn until(&mut self, poll: &mut Poll, clients: &mut [Client], end: Instant) -> Result<(), Fault> {
        let mut events = Events::with_capacity(1024);
        loop {
            for (index, client) in clients.iter_mut().enumerate() {
                self.send(client, index)?;
            }
            let now = Instant::now();
            let is_done = self.stopping && clients.iter().all(|client| client.sent == client.echoed);
            if now >= end || is_done {
                return Ok(());
            }
            poll.poll(&mut events, Some(TICK.min(end - now)))?;
            for event in &events {
                let index = event.token().0;
                self.read(&mut clients[index], index)?;
            }
            let now = Instant::now();
            for client in &mut *clients {
                if client.sent > client.echoed && now - client.last > PATIENCE {
                    self.lost += client.sent - client.echoed;
                    client.echoed = client.sent;
                }
            }
        }
    }

    fn read(&mut self, client: &mut Client, index: usize) -> Result<(), Fault> {
        let mut buffer = [0; 2048];
        loop {
            let n = match client.socket.recv(&mut buffer) {
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(Fault::peer(index, format!("while reading: {error}"))),
            };
            let number = std::str::from_utf8(&buffer[..n.min(SEQUENCE_LEN)])
                .ok()
                .and_then(|digits| u64::from_str_radix(digits, 16).ok());
            let is_right = n == self.size && buffer[SEQUENCE_LEN..n] == client.next.bytes()[SEQUENCE_LEN..];
            match number.filter(|&number| is_right && number < client.sent) {
                None => return Err(Fault::peer(index, "an echo is not what was sent")),
                // It has been counted as lost.
                Some(number) if number < client.echoed => continue,
                Some(number) => {
                    self.lost += number - client.echoed;
                    client.echoed = number + 1;
                }
            }
            let now = Instant::now();
            self.echoes += 1;
            if self.in_flight == 1 {
                self.latencies.add(now - client.last);
            }
            client.last = now;
        }
    }

    fn send(&mut self, client: &mut Client, index: usize) -> Result<(), Fault> {
        while !self.stopping && client.sent - client.echoed < self.in_flight {
            match client.socket.send(client.next.bytes()) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(Fault::peer(index, format!("while writing: {error}"))),
            }
            client.next.advance();
            client.sent += 1;
            client.last = Instant::now();
        }
        Ok(())
    }
}
