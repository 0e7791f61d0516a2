//! Connects clients in batches, and makes sure that each one is served before anything is measured.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use mio::{Interest, Poll, Token};
use socket2::SockRef;

use crate::args::{Args, Protocol};
use crate::fault::Fault;
use crate::wire::{Wire, shake_hands};

/// The WebSocket upgrade request, with the key from RFC 6455 section 1.3.
pub(crate) const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// The accept value for that key.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The longest response head accepted, in bytes.
const MAX_HEAD: usize = 4096;

/// Begins to connect a client, of which the poll tells by its index.
pub(crate) fn begin(poll: &Poll, server: SocketAddr, index: usize) -> io::Result<mio::net::TcpStream> {
    let mut stream = mio::net::TcpStream::connect(server)?;
    let interest = Interest::READABLE | Interest::WRITABLE;
    poll.registry().register(&mut stream, Token(index), interest)?;
    Ok(stream)
}

/// Connects as many clients as the arguments say. The returned streams are non-blocking.
pub(crate) fn connect_all(args: &Args, protocol: Protocol) -> Result<Vec<Wire<TcpStream>>, Fault> {
    let (server, count, tls) = (args.server()?, args.get("clients", 100)?, args.tls()?);
    let (batch, deadline) = (args.get("batch", 8)?, args.deadline()?);
    let proof = vec![b'p'; args.size()?];
    let mut clients = Vec::with_capacity(count);
    while clients.len() < count {
        let first = clients.len();
        for _ in first..count.min(first + batch) {
            clients.push(Wire::new(connect(server, deadline)?, tls)?);
        }
        shake_hands(&mut clients[first..])?;
        for stream in &mut clients[first..] {
            stream.write_all(match protocol {
                Protocol::Tcp => &proof,
                Protocol::Text | Protocol::Binary => UPGRADE,
            })?;
        }
        for (client, stream) in clients.iter_mut().enumerate().skip(first) {
            let result = match protocol {
                Protocol::Tcp => read_proof(stream, &proof),
                Protocol::Text | Protocol::Binary => read_answer(stream),
            };
            result.map_err(|error| Fault::peer(client, format!("did not get in: {error}")))?;
            stream.socket().set_nonblocking(true)?;
        }
    }
    Ok(clients)
}

pub(crate) fn connect(server: SocketAddr, deadline: Instant) -> Result<TcpStream, Fault> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Fault::Late("not all clients were connected".to_owned()));
    }
    let stream = TcpStream::connect_timeout(&server, left)?;
    stream.set_read_timeout(Some(left))?;
    stream.set_write_timeout(Some(left))?;
    stream.set_nodelay(true)?;
    reset_on_close(&stream)?;
    Ok(stream)
}

/// Makes a connection close with RST, so that thousands of them leave no ports in TIME_WAIT.
pub(crate) fn reset_on_close<'s, S>(stream: &'s S) -> io::Result<()>
where
    SockRef<'s>: From<&'s S>,
{
    SockRef::from(stream).set_linger(Some(Duration::ZERO))
}

fn read_proof(stream: &mut impl Read, proof: &[u8]) -> io::Result<()> {
    let mut echo = vec![0; proof.len()];
    stream.read_exact(&mut echo)?;
    if echo == proof {
        Ok(())
    } else {
        Err(io::Error::other("the first echo is wrong"))
    }
}

/// Performs the WebSocket handshake.
pub(crate) fn open(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(UPGRADE)?;
    read_answer(stream)
}

fn read_answer(stream: &mut impl Read) -> io::Result<()> {
    let mut answer = Vec::new();
    let mut byte = [0];
    // Read byte by byte: the first frame may follow the head at once.
    loop {
        stream.read_exact(&mut byte)?;
        answer.push(byte[0]);
        if let Some(result) = check_answer(&answer) {
            return result.map(|_| ());
        }
    }
}

/// Checks the head of a response: `None` while it is incomplete, then its length.
pub(crate) fn check_answer(answer: &[u8]) -> Option<io::Result<usize>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return (answer.len() > MAX_HEAD).then(|| Err(io::Error::other("the answer has no end")));
    };
    let head = String::from_utf8_lossy(&answer[..end]);
    let is_right = head.starts_with("HTTP/1.1 101 ") && head.contains(ACCEPT);
    let wrong = || io::Error::other(format!("the answer is {}", head.lines().next().unwrap_or_default()));
    Some(if is_right { Ok(end + 4) } else { Err(wrong()) })
}
