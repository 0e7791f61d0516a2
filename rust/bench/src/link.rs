//! One connection of the generator, with its pending output and its unprocessed input.

use std::io::{self, Read, Write};

use mio::net::TcpStream;

use crate::wire::Wire;

/// The most that one read takes, in bytes.
const READ_SIZE: usize = 256 * 1024;

pub(crate) struct Link {
    pub(crate) stream: Wire<TcpStream>,
    input: Vec<u8>,
    /// Bytes of the input that were processed.
    taken: usize,
    /// Bytes to send.
    pub(crate) output: Vec<u8>,
    /// Bytes of the output that were sent.
    sent: usize,
}

impl Link {
    pub(crate) fn new(stream: Wire<TcpStream>) -> Self {
        Self {
            stream,
            input: Vec::new(),
            taken: 0,
            output: Vec::new(),
            sent: 0,
        }
    }

    /// Reads what is available, up to the buffer's size. Returns whether there may be more; the end of the stream is an
    /// error.
    pub(crate) fn read(&mut self, scratch: &mut [u8]) -> io::Result<bool> {
        match self.stream.read(scratch) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                if self.taken > 0 {
                    self.input.drain(..self.taken);
                    self.taken = 0;
                }
                self.input.extend_from_slice(&scratch[..n]);
                // A TLS stream gives what it has decrypted, and the socket may have more.
                Ok(self.stream.is_tls() || n == scratch.len())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Input that was received but not processed yet.
    pub(crate) fn input(&self) -> &[u8] {
        &self.input[self.taken..]
    }

    pub(crate) fn take(&mut self, n: usize) {
        self.taken += n;
        if self.taken == self.input.len() {
            self.input.clear();
            self.taken = 0;
        }
    }

    /// Sends until the output is empty or the socket would block. Returns whether everything was sent.
    pub(crate) fn write(&mut self) -> io::Result<bool> {
        while self.sent < self.output.len() {
            match self.stream.write(&self.output[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.output.clear();
        self.sent = 0;
        match self.stream.flush() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            result => result.map(|()| true),
        }
    }
}

/// A buffer for [`Link::read`].
pub(crate) fn scratch() -> Vec<u8> {
    vec![0; READ_SIZE]
}
