//! The server calls an RPC of all clients in every frame, with a number that goes up by one.

use std::time::{Duration, Instant};

use super::crowd::{Crowd, TICK};
use super::packets::{called_with, confirmation};
use crate::args::Args;
use crate::fault::Fault;
use crate::idle::wait_for_input;
use crate::report::{Report, event};

/// How many calls a client has received, and the number of the last one.
#[derive(Clone, Copy, Default)]
struct Heard {
    calls: u64,
    last: i64,
}

pub(super) fn run(args: &Args) -> Result<(), Fault> {
    let (warm_up, time) = (args.seconds("warm-up", 0.3)?, args.seconds("seconds", 2.0)?);
    let mut crowd = Crowd::gather(args)?;
    let mut heard = vec![Heard::default(); crowd.players.len()];
    event("connected")?;
    // All must have confirmed the node before the warm-up, as calls are longer until then.
    while heard.iter().any(|heard| heard.calls < 2) {
        listen(&mut crowd, &mut heard, TICK)?;
    }
    listen(&mut crowd, &mut heard, warm_up)?;
    event("start")?;
    let before: u64 = heard.iter().map(|heard| heard.calls).sum();
    let start = Instant::now();
    listen(&mut crowd, &mut heard, time)?;
    let took = start.elapsed().as_secs_f64();
    event("stop")?;
    let calls = heard.iter().map(|heard| heard.calls).sum::<u64>() - before;
    Report::new("end")
        .count("calls_received", calls)
        .figure("seconds", took)
        .figure("per_second", calls as f64 / took)
        .print()?;
    // The server would count their end too.
    wait_for_input()?;
    Ok(())
}

fn listen(crowd: &mut Crowd, heard: &mut [Heard], time: Duration) -> Result<(), Fault> {
    let end = Instant::now() + time;
    loop {
        crowd.turn(TICK.min(time), &mut |index, player, packet| {
            if let Some(answer) = confirmation(packet) {
                player.send(&answer);
            } else if let Some(number) = called_with(packet) {
                let heard = &mut heard[index];
                if heard.calls > 0 && number != heard.last + 1 {
                    return Err(Fault::peer(index, format!("{number} follows {}", heard.last)));
                }
                heard.calls += 1;
                heard.last = number;
            }
            Ok(())
        })?;
        if Instant::now() >= end {
            return Ok(());
        }
    }
}
