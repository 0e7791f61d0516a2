//! Clients that make the server hold memory for them, beside one that behaves normally.
//!
//! `unfinished`: each client sends most of a large message, but never its end. `unread`: each client sends messages
//! that the server answers, but never reads the answers.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::args::{Args, Protocol};
use crate::connect::connect_all;
use crate::fault::Fault;
use crate::frame::{decode, encode};
use crate::idle::wait_for_input;
use crate::report::{Report, event};
use crate::wire::Wire;

const MEBIBYTE: usize = 1024 * 1024;

/// The claimed length of an unfinished message, and how much of it is sent.
const CLAIMED: usize = 16 * MEBIBYTE;
const SENT: usize = 15 * MEBIBYTE;

/// The size of a message whose answer is never read, and the total that each client sends in such messages.
const UNREAD: usize = 64 * 1024;
const UNREAD_TOTAL: usize = 32 * MEBIBYTE;

/// Bytes sent for one client before it is the next client's turn.
const TURN: usize = 64 * 1024;

/// When nothing could be sent for this long, sending is considered finished.
const STILL: Duration = Duration::from_secs(1);

struct Client {
    stream: Wire<TcpStream>,
    /// The block that is sent repeatedly.
    block: Vec<u8>,
    sent: usize,
    total: usize,
    /// Whether the server has ended the connection.
    ended: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Fault> {
    let is_unread = match args.text("way", "unfinished") {
        "unfinished" => false,
        "unread" => true,
        other => return Err(Fault::Usage(format!("--way {other} is not unfinished or unread"))),
    };
    let deadline = args.deadline()?;
    let mut streams = connect_all(args, Protocol::Binary)?;
    let Some(witness) = streams.pop() else {
        return Err(Fault::Usage(
            "--clients must be 2 or more: the last one watches".to_owned(),
        ));
    };
    witness.socket().set_nonblocking(false)?;
    let mut clients: Vec<_> = streams
        .into_iter()
        .map(|stream| Client::new(stream, is_unread))
        .collect();
    event("connected")?;
    let mut witness = Witness::new(witness);
    let mut last = Instant::now();
    while last.elapsed() < STILL {
        if Instant::now() >= deadline {
            return Err(Fault::Late("the server takes more and more".to_owned()));
        }
        let mut progress = 0;
        for client in &mut clients {
            progress += client.send();
        }
        if progress > 0 {
            last = Instant::now();
        } else {
            sleep(Duration::from_millis(1));
        }
        witness.echo()?;
    }
    let ended = clients
        .iter_mut()
        .map(|client| u64::from(client.is_ended(is_unread)))
        .sum();
    Report::new("sent")
        .count("clients", clients.len() as u64)
        .count("ended", ended)
        .count("echoes", witness.echoes)
        .figure("slowest_echo_ms", witness.slowest.as_secs_f64() * 1000.0)
        .print()?;
    wait_for_input()?;
    event("end")?;
    Ok(())
}

impl Client {
    fn new(stream: Wire<TcpStream>, is_unread: bool) -> Self {
        let (block, total) = if is_unread {
            let block = encode(false, &vec![0; UNREAD]);
            let total = UNREAD_TOTAL / UNREAD * block.len();
            (block, total)
        } else {
            // The beginning of the message; the content of the rest does not matter.
            let mut block = encode(false, &vec![0; UNREAD]);
            let mut header = vec![0x82, 0x80 | 127];
            header.extend((CLAIMED as u64).to_be_bytes());
            block.splice(..4, header);
            (block, SENT)
        };
        Self {
            stream,
            block,
            sent: 0,
            total,
            ended: false,
        }
    }

    /// Sends a part and returns how many bytes were sent.
    fn send(&mut self) -> usize {
        if self.ended || self.sent >= self.total {
            return 0;
        }
        let at = self.sent % self.block.len();
        let most = TURN.min(self.total - self.sent).min(self.block.len() - at);
        match self.stream.write(&self.block[at..at + most]) {
            Ok(n) => {
                self.sent += n;
                n
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            Err(_) => {
                self.ended = true;
                0
            }
        }
    }

    /// Whether the server has ended the connection, or has announced that it will.
    fn is_ended(&mut self, is_unread: bool) -> bool {
        if self.ended || is_unread {
            // The end of the stream is hidden behind unread data, but writing fails.
            return self.ended
                || self.stream.write(&[]).is_err()
                || matches!(self.stream.socket().take_error(), Ok(Some(_)));
        }
        // The only thing that can arrive is a close frame or the end of the stream.
        !matches!(self.stream.socket().peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

/// A client that behaves normally and measures its echoes.
struct Witness {
    stream: Wire<TcpStream>,
    echoes: u64,
    slowest: Duration,
}

impl Witness {
    fn new(stream: Wire<TcpStream>) -> Self {
        Self {
            stream,
            echoes: 0,
            slowest: Duration::ZERO,
        }
    }

    /// Sends one message and waits for its echo.
    fn echo(&mut self) -> Result<(), Fault> {
        let fault = |what: &str| Fault::peer(usize::MAX, format!("the client that watches {what}"));
        let payload = self.echoes.to_be_bytes();
        let start = Instant::now();
        self.stream.write_all(&encode(false, &payload))?;
        let mut answer = [0; 10];
        self.stream.read_exact(&mut answer)?;
        let (_, from, to) = decode(&answer).ok_or_else(|| fault("got no whole frame"))?;
        if answer[from..to] != payload {
            return Err(fault("got another message back"));
        }
        self.slowest = self.slowest.max(start.elapsed());
        self.echoes += 1;
        Ok(())
    }
}
