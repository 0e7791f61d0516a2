//! The load generator of `scripts/bench.sh`, and the bare tokio servers it compares with.
//!
//! There is one mode per kind of load. Each prints a line of JSON when all its clients are connected, when it begins to
//! measure, and at the end with its figures, so that the parent process can sample the server at the same moments.
//! Every message that comes back is compared with what was sent: a wrong or missing byte ends the run.

mod args;
mod bare;
mod broadcast;
mod connect;
mod datagrams;
mod echo;
mod fault;
mod flood;
mod frame;
mod handshakes;
mod hoard;
mod idle;
mod link;
mod multiplayer;
mod payload;
mod report;
mod samples;
mod silent;
mod storm;
mod wire;

use std::process::ExitCode;

use args::Args;
use fault::Fault;

const HELP: &str = "\
async-sockets-bench MODE --port PORT [--OPTION VALUE]...

  echo        messages there and back      --protocol --tls --clients --in-flight --size --seconds --warm-up --think-ms
  storm       all connect in one moment    --clients --size
  handshakes  openings                     --protocol --tls --clients (at a time) --together (0 or 1) --seconds --warm-up
  idle        clients that say nothing     --clients; holds them until its input ends
  silent      openings beside a silent crowd --clients (of the crowd) --openings --warm-up
  flood       sends as fast as it can      --protocol --clients --size --seconds; then holds them
  hoard       the server is made to hold memory   --clients (the last one watches) --way unfinished or unread
  broadcast   one asks, all get a burst    --clients --size --burst --seconds --warm-up
  datagrams   UDP there and back           --clients --in-flight --size --seconds --warm-up
  pour        UDP one way                  --rate (0: unlimited) --size --seconds; then holds the socket
  multiplayer Godot's RPCs             --work join, calls, flood, broadcast or relay; --clients --rate --in-flight --seconds
  serve       a bare tokio server          --protocol tcp, udp, websocket or broadcast; --read-buffer --lifetime

--protocol is tcp, text or binary (the last two by WebSocket), --tls 0 or 1; --batch is how many clients connect at a time;
--limit is the longest time in seconds, for everything.
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("async-sockets-bench: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Fault> {
    let mut words = std::env::args().skip(1);
    let mode = words.next().unwrap_or_default();
    if mode.is_empty() || mode == "--help" {
        print!("{HELP}");
        return Ok(());
    }
    let args = Args::parse(words)?;
    match mode.as_str() {
        "echo" => echo::run(&args),
        "storm" => storm::run(&args),
        "handshakes" => handshakes::run(&args),
        "idle" => idle::run(&args),
        "silent" => silent::run(&args),
        "flood" => flood::run(&args),
        "hoard" => hoard::run(&args),
        "broadcast" => broadcast::run(&args),
        "datagrams" => datagrams::echo(&args),
        "pour" => datagrams::pour(&args),
        "multiplayer" => multiplayer::run(&args),
        "serve" => bare::run(&args),
        _ => Err(Fault::Usage(format!("there is no mode '{mode}' (see --help)"))),
    }
}
