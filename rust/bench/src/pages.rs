//! Requests for one small file by plain HTTP, one after the other on each connection, or each on a connection of its
//! own.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::args::Args;
use crate::connect::reset_on_close;
use crate::fault::Fault;
use crate::link::{Link, scratch};
use crate::report::{Report, event};
use crate::samples::Samples;
use crate::wire::Wire;

/// The longest that a poll may sleep.
const TICK: Duration = Duration::from_millis(5);

/// The longest response head accepted, in bytes.
const MAX_HEAD: usize = 4096;

struct Asker {
    link: Link,
    begun: Instant,
}

struct Load {
    server: SocketAddr,
    keeps: bool,
    /// What each response must have as its body.
    body: Vec<u8>,
    poll: Poll,
    askers: Vec<Asker>,
    done: u64,
    times: Samples,
}

pub(crate) fn run(args: &Args) -> Result<(), Fault> {
    let (warm_up, time) = (args.seconds("warm-up", 0.3)?, args.seconds("seconds", 2.0)?);
    let mut load = Load {
        server: args.server()?,
        keeps: args.get("keep", 1)? != 0,
        body: vec![b'x'; args.size()?],
        poll: Poll::new()?,
        askers: Vec::new(),
        done: 0,
        times: Samples::default(),
    };
    for slot in 0..args.get("clients", 32)? {
        let asker = load.begin(slot)?;
        load.askers.push(asker);
    }
    event("connected")?;
    load.until(Instant::now() + warm_up)?;
    event("start")?;
    (load.done, load.times) = (0, Samples::default());
    let start = Instant::now();
    load.until(start + time)?;
    let took = start.elapsed();
    event("stop")?;
    let report = Report::new("end")
        .count("pages", load.done)
        .figure("seconds", took.as_secs_f64())
        .figure("per_second", load.done as f64 / took.as_secs_f64());
    load.times.report(report).print()?;
    Ok(())
}

impl Load {
    fn begin(&self, slot: usize) -> Result<Asker, Fault> {
        let mut stream = TcpStream::connect(self.server)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(slot), interest)?;
        let mut link = Link::new(Wire::new(stream, false)?);
        link.output.extend_from_slice(self.request());
        Ok(Asker {
            link,
            begun: Instant::now(),
        })
    }

    fn request(&self) -> &'static [u8] {
        if self.keeps {
            b"GET /page.html HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        } else {
            b"GET /page.html HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        }
    }

    fn until(&mut self, end: Instant) -> Result<(), Fault> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = scratch();
        while Instant::now() < end {
            self.poll.poll(&mut events, Some(TICK))?;
            for event in &events {
                let slot = event.token().0;
                if self.go_on(slot, event.is_readable(), &mut buffer)? {
                    self.has_page(slot)?;
                }
            }
        }
        Ok(())
    }

    /// Asks again.
    fn has_page(&mut self, slot: usize) -> Result<(), Fault> {
        self.done += 1;
        self.times.add(self.askers[slot].begun.elapsed());
        if self.keeps {
            let request = self.request();
            let asker = &mut self.askers[slot];
            asker.begun = Instant::now();
            asker.link.output.extend_from_slice(request);
            asker
                .link
                .write()
                .map_err(|error| Fault::peer(slot, format!("while writing: {error}")))?;
        } else {
            // The server has closed already, or is about to: no port stays in TIME_WAIT.
            reset_on_close(self.askers[slot].link.stream.socket())?;
            self.askers[slot] = self.begin(slot)?;
        }
        Ok(())
    }

    /// Returns whether the whole response was received.
    fn go_on(&mut self, slot: usize, readable: bool, buffer: &mut [u8]) -> Result<bool, Fault> {
        let link = &mut self.askers[slot].link;
        let fault = |what: &str, error: std::io::Error| Fault::peer(slot, format!("{what}: {error}"));
        if link.stream.socket().peer_addr().is_ok() {
            link.write().map_err(|error| fault("while writing", error))?;
        } else if let Some(error) = link.stream.socket().take_error()? {
            return Err(fault("while connecting", error));
        }
        if !readable {
            return Ok(false);
        }
        while link.read(buffer).map_err(|error| fault("while reading", error))? {}
        match check(link.input(), &self.body) {
            None => Ok(false),
            Some(Ok(len)) => {
                link.take(len);
                Ok(true)
            }
            Some(Err(error)) => Err(fault("at the response", error)),
        }
    }
}

/// Checks a response: `None` while it is incomplete, then its length.
fn check(input: &[u8], body: &[u8]) -> Option<std::io::Result<usize>> {
    let wrong = |what: String| Some(Err(std::io::Error::other(what)));
    let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") else {
        return if input.len() > MAX_HEAD {
            wrong("it has no end".to_owned())
        } else {
            None
        };
    };
    if !input.starts_with(b"HTTP/1.1 200 ") {
        return wrong(String::from_utf8_lossy(&input[..end]).into_owned());
    }
    let whole = end + 4 + body.len();
    if input.len() < whole {
        return None;
    }
    if &input[end + 4..whole] == body {
        Some(Ok(whole))
    } else {
        wrong("the page is not what was expected".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_whole_or_wrong() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nxxx";
        for len in 0..response.len() {
            assert!(check(&response[..len], b"xxx").is_none(), "{len}");
        }
        assert_eq!(check(response, b"xxx").and_then(Result::ok), Some(response.len()));
        assert!(check(response, b"xyx").is_some_and(|result| result.is_err()));
        assert!(check(b"HTTP/1.1 404 No\r\n\r\n", b"").is_some_and(|result| result.is_err()));
    }
}
