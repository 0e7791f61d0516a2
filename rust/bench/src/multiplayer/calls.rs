//! RPCs from clients to the server: at a pace, or as fast as the server takes them.

use std::time::{Duration, Instant};

use super::crowd::{Crowd, Player, TICK};
use super::packets::{announce_node, call, is_confirmed};
use crate::args::Args;
use crate::fault::Fault;
use crate::frame::encode;
use crate::idle::wait_for_input;
use crate::report::{Report, event};

/// Calls queued at a time in a flood, and batches in a row of one client.
const BATCH: u32 = 256;
const BATCHES: u32 = 64;

/// Each client calls `--rate` times a second, evenly spread over the clients.
pub(super) fn paced(args: &Args) -> Result<(), Fault> {
    let rate: f64 = args.get("rate", 30.0)?;
    let (warm_up, time) = (args.seconds("warm-up", 0.3)?, args.seconds("seconds", 2.0)?);
    let mut crowd = gather(args)?;
    let interval = Duration::from_secs_f64(1.0 / (rate * crowd.players.len() as f64));
    event("connected")?;
    let (mut sent, mut next) = (0_u32, 0);
    let mut pace = |crowd: &mut Crowd, time: Duration| -> Result<(), Fault> {
        let (start, mut due) = (Instant::now(), Instant::now());
        while start.elapsed() < time {
            while due <= Instant::now() {
                crowd.players[next].send(&call(sent));
                (sent, next) = (sent + 1, (next + 1) % crowd.players.len());
                due += interval;
            }
            let wait = due.saturating_duration_since(Instant::now());
            // The poll counts in milliseconds.
            crowd.turn(wait.max(Duration::from_millis(1)), &mut |_, _, _| Ok(()))?;
        }
        Ok(())
    };
    pace(&mut crowd, warm_up)?;
    event("start")?;
    pace(&mut crowd, time)?;
    event("stop")?;
    hold(sent, &crowd)
}

/// Every client calls as fast as the server takes it.
pub(super) fn flood(args: &Args) -> Result<(), Fault> {
    let (warm_up, time) = (args.seconds("warm-up", 0.3)?, args.seconds("seconds", 2.0)?);
    let mut crowd = gather(args)?;
    let frame = encode(false, &call(0));
    let batch = frame.repeat(BATCH as usize);
    event("connected")?;
    let mut sent = 0_u32;
    let mut pour = |crowd: &mut Crowd, time: Duration| -> Result<(), Fault> {
        let start = Instant::now();
        while start.elapsed() < time {
            // Until the system takes no more: only then an event says that it does again.
            for (index, player) in crowd.players.iter_mut().enumerate() {
                let mut batches = 0;
                while player.link.output.is_empty() && batches < BATCHES {
                    player.link.output.extend_from_slice(&batch);
                    player.write(index)?;
                    batches += 1;
                }
                sent += batches * BATCH;
            }
            let is_stuck = |player: &Player| !player.link.output.is_empty();
            let wait = if crowd.players.iter().all(is_stuck) {
                TICK
            } else {
                Duration::ZERO
            };
            crowd.turn(wait, &mut |_, _, _| Ok(()))?;
        }
        Ok(())
    };
    pour(&mut crowd, warm_up)?;
    event("start")?;
    pour(&mut crowd, time)?;
    event("stop")?;
    while crowd.players.iter().any(|player| !player.link.output.is_empty()) {
        crowd.turn(TICK, &mut |_, _, _| Ok(()))?;
    }
    hold(sent, &crowd)
}

/// Clients whose calls may name the node by its number.
fn gather(args: &Args) -> Result<Crowd, Fault> {
    let mut crowd = Crowd::gather(args)?;
    let mut missing = crowd.players.len();
    for player in &mut crowd.players {
        player.send(&announce_node());
    }
    while missing > 0 {
        crowd.turn(TICK, &mut |_, _, packet| {
            missing -= usize::from(is_confirmed(packet));
            Ok(())
        })?;
    }
    Ok(crowd)
}

/// Reports what was sent, and keeps the clients until the input ends.
fn hold(sent: u32, _crowd: &Crowd) -> Result<(), Fault> {
    Report::new("sent").count("sent", sent.into()).print()?;
    wait_for_input()?;
    event("end")?;
    Ok(())
}
