//! Packets from client to client: each client has a number of them in flight to its neighbour, or sends at a pace.

use std::time::{Duration, Instant};

use super::crowd::{Crowd, TICK};
use super::packets::{relay_of, relayed};
use crate::args::Args;
use crate::fault::Fault;
use crate::idle::wait_for_input;
use crate::report::{Report, event};
use crate::samples::Samples;

struct Load {
    crowd: Crowd,
    size: usize,
    /// Packets per client and second; 0: the next one is sent when one has arrived.
    rate: f64,
    /// Whether arrived packets are answered by new ones.
    going_on: bool,
    origin: Instant,
    sent: u64,
    arrived: u64,
    latencies: Samples,
}

pub(super) fn run(args: &Args) -> Result<(), Fault> {
    let (warm_up, time) = (args.seconds("warm-up", 0.3)?, args.seconds("seconds", 2.0)?);
    let in_flight: usize = args.get("in-flight", 8)?;
    let mut load = Load {
        crowd: Crowd::gather(args)?,
        size: args.size()?,
        rate: args.get("rate", 0.0)?,
        going_on: true,
        origin: Instant::now(),
        sent: 0,
        arrived: 0,
        latencies: Samples::default(),
    };
    event("connected")?;
    if load.rate == 0.0 {
        for index in 0..load.crowd.players.len() {
            (0..in_flight).for_each(|_| load.send(index));
        }
    }
    load.until(Instant::now() + warm_up)?;
    event("start")?;
    (load.arrived, load.latencies) = (0, Samples::default());
    let start = Instant::now();
    load.until(start + time)?;
    let (arrived, took) = (load.arrived, start.elapsed().as_secs_f64());
    let latencies = std::mem::take(&mut load.latencies);
    event("stop")?;
    load.finish()?;
    let report = Report::new("end")
        .count("relayed", arrived)
        .figure("per_second", arrived as f64 / took);
    latencies.report(report).print()?;
    // The server would count their end too.
    wait_for_input()?;
    Ok(())
}

impl Load {
    /// Sends to the next client.
    fn send(&mut self, index: usize) {
        let target = self.crowd.players[(index + 1) % self.crowd.players.len()].id;
        let time = self.origin.elapsed().as_nanos() as u64;
        self.crowd.players[index].send(&relayed(target, time, self.size));
        self.sent += 1;
    }

    fn until(&mut self, end: Instant) -> Result<(), Fault> {
        let count = self.crowd.players.len();
        let (mut next, mut due) = (0, Instant::now());
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            let mut wait = TICK.min(end - now);
            if self.rate > 0.0 {
                while due <= Instant::now() {
                    self.send(next);
                    next = (next + 1) % count;
                    due += Duration::from_secs_f64(1.0 / (self.rate * count as f64));
                }
                wait = due.saturating_duration_since(now).max(Duration::from_millis(1));
            }
            self.turn(wait)?;
        }
    }

    fn turn(&mut self, wait: Duration) -> Result<(), Fault> {
        let count = self.crowd.players.len();
        let ids: Vec<i32> = self.crowd.players.iter().map(|player| player.id).collect();
        let (origin, latencies) = (self.origin, &mut self.latencies);
        let mut senders = Vec::new();
        self.crowd.turn(wait, &mut |index, _, packet| {
            let Some((sender, sent)) = relay_of(packet) else {
                return Ok(());
            };
            let expected = (index + count - 1) % count;
            if sender != ids[expected] {
                return Err(Fault::peer(index, format!("a packet comes from {sender}")));
            }
            latencies.add(origin.elapsed().saturating_sub(Duration::from_nanos(sent)));
            senders.push(expected);
            Ok(())
        })?;
        self.arrived += senders.len() as u64;
        self.sent -= senders.len() as u64;
        if self.rate == 0.0 && self.going_on {
            senders.into_iter().for_each(|sender| self.send(sender));
        }
        Ok(())
    }

    /// Waits for the packets that are on their way: none may be lost.
    fn finish(&mut self) -> Result<(), Fault> {
        self.going_on = false;
        while self.sent > 0 {
            self.turn(TICK)?;
        }
        Ok(())
    }
}
