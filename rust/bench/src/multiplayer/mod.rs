//! Clients of Godot's high-level multiplayer, without Godot: they join, call RPCs, are called, and reach each other
//! through the server.

mod broadcast;
mod calls;
mod crowd;
mod join;
mod packets;
mod relay;

use crate::args::Args;
use crate::fault::Fault;

pub(crate) fn run(args: &Args) -> Result<(), Fault> {
    match args.text("work", "") {
        "join" => join::run(args),
        "calls" => calls::paced(args),
        "flood" => calls::flood(args),
        "broadcast" => broadcast::run(args),
        "relay" => relay::run(args),
        other => Err(Fault::Usage(format!(
            "--work {other} is not join, calls, flood, broadcast or relay"
        ))),
    }
}
