//! Silent clients.

use std::io::{self, Read};

use crate::args::Args;
use crate::connect::connect_all;
use crate::fault::Fault;
use crate::report::{Report, event};

pub(crate) fn run(args: &Args) -> Result<(), Fault> {
    let protocol = args.protocol()?;
    let clients = connect_all(args, protocol)?;
    event("connected")?;
    wait_for_input()?;
    let mut alive = 0;
    for mut client in clients {
        match client.read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => alive += 1,
            // The end of the stream, or a reset.
            Ok(0) | Err(_) => {}
            // Data, such as a ping.
            Ok(_) => alive += 1,
        }
    }
    Report::new("end").count("alive", alive).print()?;
    Ok(())
}

/// Waits until the parent process sends a line, or is gone.
pub(crate) fn wait_for_input() -> io::Result<()> {
    io::stdin().read_line(&mut String::new()).map(|_| ())
}
