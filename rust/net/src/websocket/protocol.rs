//! RFC 6455 without a socket: bytes in, messages and the bytes of control frames out.
//!
//! Data frames are assembled here, so that their memory is known and bounded. Control frames, with the closing
//! handshake and pongs, are left to tungstenite, which reads from memory and writes to memory: a burst of pings costs
//! one write to the socket instead of one each, and an idle client needs no large buffer.

use std::io::{self, Read, Write};
use std::sync::Arc;

use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::frame::Frame as WireFrame;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig, WebSocketContext};

use super::assembly::{Assembly, NotUtf8};
use super::close_code::{CloseCode, CloseFrame};
use super::frame_gate::{Carries, FrameGate, Header, MAX_HEADER};
use super::messages::{COPY_LIMIT, Messages};
use crate::budget::Account;

/// Buffers of the engine, in bytes. Control frames are short (a header and 125 bytes) and leave the engine at once.
const READ_BUFFER: usize = 256;
const WRITE_BUFFER: usize = 4 * 1024;

pub(crate) struct Protocol {
    /// Handles the control frames.
    engine: WebSocketContext,
    gate: FrameGate,
    /// The frame whose payload is arriving.
    frame: Option<Frame>,
    /// The message in progress.
    message: Option<Assembly>,
    account: Arc<Account>,
    /// The payload of the peer's close frame.
    close: Vec<u8>,
    /// Whether messages are no longer wanted.
    closing: bool,
    /// Number of messages that have ended, and of control frames outside a message.
    ended: u64,
}

#[derive(Debug)]
struct Frame {
    header: Header,
    /// Number of payload bytes still to come.
    left: usize,
}

/// The state of the connection after some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// More may come.
    More,
    /// A close frame was received, either the first or the answer to ours. The answer to the first is in the output.
    /// `None` stands for a frame without a code.
    Closed(Option<CloseFrame>),
    /// The peer violated the protocol. The close frame that says so is in the output, unless one was written before.
    Failed(CloseFrame),
}

impl Protocol {
    /// `role` is that of this side.
    pub(crate) fn new(role: Role, max_message_size: usize, account: Arc<Account>) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BUFFER);
        Self {
            engine: WebSocketContext::new(role, Some(config)),
            gate: FrameGate::new(role, max_message_size),
            frame: None,
            message: None,
            account,
            close: Vec::new(),
            closing: false,
            ended: 0,
        }
    }

    /// Processes bytes from the peer, and unmasks them in place. Messages go to `messages`, the payloads of pongs to
    /// `pong`, pongs and close frames that must be sent to `output`.
    pub(crate) fn receive(
        &mut self,
        input: &mut [u8],
        output: &mut Vec<u8>,
        messages: &mut Messages,
        mut pong: impl FnMut(&[u8]),
    ) -> Received {
        let mut rest = input;
        loop {
            if self.frame.is_none() {
                match self.gate.take(rest) {
                    Err(frame) => return self.fail(frame, output),
                    Ok((n, header)) => {
                        rest = &mut rest[n..];
                        let Some(header) = header else { return Received::More };
                        self.frame = Some(Frame {
                            header,
                            left: header.len,
                        });
                        if header.carries.is_control() {
                            let mut header = [0; MAX_HEADER];
                            let len = self.gate.last_header().len();
                            header[..len].copy_from_slice(self.gate.last_header());
                            if let Some(end) = self.control(&header[..len], output, &mut pong) {
                                return end;
                            }
                        }
                    }
                }
            }
            let Some(frame) = &mut self.frame else {
                return Received::More;
            };
            let n = frame.left.min(rest.len());
            let (part, later) = rest.split_at_mut(n);
            rest = later;
            let at = frame.header.len - frame.left;
            frame.left -= n;
            let (header, left) = (frame.header, frame.left);
            if left == 0 {
                self.frame = None;
            }
            if header.carries.is_control() {
                if header.carries == Carries::Close {
                    let from = self.close.len();
                    self.close.extend_from_slice(part);
                    unmask(&mut self.close[from..], header.mask, at);
                }
                if left == 0 && self.message.is_none() {
                    self.ended += 1;
                }
                if let Some(end) = self.control(part, output, &mut pong) {
                    return end;
                }
            } else if self.data(header, at, part, left, messages, rest.len()).is_err() {
                let frame = CloseFrame::new(CloseCode::INVALID_TEXT, "the text is not valid UTF-8");
                return self.fail(frame, output);
            }
            if left > 0 {
                return Received::More;
            }
        }
    }

    /// Processes a part of a data frame that begins at byte `at` of its payload, with `left` bytes still to come.
    fn data(
        &mut self,
        header: Header,
        at: usize,
        part: &mut [u8],
        left: usize,
        messages: &mut Messages,
        expected: usize,
    ) -> Result<(), NotUtf8> {
        let ends = header.last && left == 0;
        self.ended += u64::from(ends);
        if self.closing {
            return Ok(());
        }
        unmask(part, header.mask, at);
        if ends && self.message.is_none() && part.len() <= COPY_LIMIT {
            // The usual case: a small message in one piece.
            match header.carries {
                Carries::Text => {
                    let text = std::str::from_utf8(part).map_err(|_| NotUtf8)?;
                    messages.push_small_text(text, expected);
                }
                _ => messages.push_small_binary(part, expected),
            }
            return Ok(());
        }
        let account = &self.account;
        let message = self
            .message
            .get_or_insert_with(|| Assembly::new(header.carries == Carries::Text, account));
        message.push(part, header.last.then_some(left))?;
        if ends && let Some(message) = self.message.take() {
            message.finish(messages, expected)?;
        }
        Ok(())
    }

    /// Passes bytes of a control frame to the engine. Returns how they ended the connection, if they did.
    fn control(&mut self, input: &[u8], output: &mut Vec<u8>, mut pong: impl FnMut(&[u8])) -> Option<Received> {
        let mut wire = Wire { input, output };
        loop {
            match self.engine.read(&mut wire) {
                Ok(Message::Pong(payload)) => pong(&payload),
                // The engine has queued the pong to a ping, and writes it with the next read.
                Ok(Message::Ping(_) | Message::Text(_) | Message::Binary(_) | Message::Frame(_)) => {}
                Ok(Message::Close(_)) => {
                    let answer_at = wire.output.len();
                    // Fails because the connection is closed, which is known.
                    let _ = self.engine.flush(&mut wire);
                    return Some(self.close_frame(output, answer_at));
                }
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) => return Some(self.fail(failure(&error), output)),
            }
        }
    }

    /// Evaluates the close frame that was just received. The engine's answer, if any, is in the output from `answer_at`
    /// on. It is rewritten, since the engine replaces codes that it does not know, some of which may be sent.
    fn close_frame(&self, output: &mut Vec<u8>, answer_at: usize) -> Received {
        let Some((code, reason)) = self.close.split_first_chunk() else {
            return Received::Closed(None);
        };
        let code = u16::from_be_bytes(*code);
        // The engine has checked that it is UTF-8.
        let reason = String::from_utf8_lossy(reason);
        let came = CloseFrame::parse(code.into(), &reason);
        let (answer, received) = match came {
            Ok(frame) => (frame.to_wire(), Received::Closed(Some(frame))),
            Err(_) => {
                let frame = CloseFrame::new(CloseCode::PROTOCOL_ERROR, &illegal_code(code, &reason));
                (frame.to_wire(), Received::Failed(frame))
            }
        };
        if output.len() > answer_at {
            output.truncate(answer_at);
            // Writing to memory cannot fail.
            let _ = WireFrame::close(Some(answer)).format(output);
        }
        received
    }

    fn fail(&mut self, frame: CloseFrame, output: &mut Vec<u8>) -> Received {
        self.close(&frame, output);
        Received::Failed(frame)
    }

    /// Writes a close frame, unless one was written before. From then on, no messages are delivered and pings are not
    /// answered.
    pub(crate) fn close(&mut self, frame: &CloseFrame, output: &mut Vec<u8>) {
        self.drop_messages();
        let mut wire = Wire { input: &[], output };
        // Writing to memory cannot fail.
        let _ = self.engine.close(&mut wire, Some(frame.to_wire()));
    }

    /// Drops the message in progress and all that follow.
    pub(crate) fn drop_messages(&mut self) {
        self.closing = true;
        self.message = None;
    }

    /// Number of bytes that the message in progress takes.
    pub(crate) fn in_progress(&self) -> usize {
        self.message.as_ref().map_or(0, Assembly::size)
    }

    /// If a message or frame is in progress, the number of those that ended before it.
    pub(crate) fn unfinished(&self) -> Option<u64> {
        (self.frame.is_some() || self.gate.is_within()).then_some(self.ended)
    }
}

/// Unmasks bytes of a payload, the first of which is its byte `at` (RFC 6455 section 5.3).
fn unmask(bytes: &mut [u8], mut mask: [u8; 4], at: usize) {
    if mask == [0; 4] {
        return;
    }
    mask.rotate_left(at % 4);
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= mask;
    }
}

/// The close frame for an error of the engine.
fn failure(error: &Error) -> CloseFrame {
    let code = match error {
        Error::Protocol(_) => CloseCode::PROTOCOL_ERROR,
        Error::Utf8(_) => CloseCode::INVALID_TEXT,
        _ => CloseCode::INTERNAL_ERROR,
    };
    CloseFrame::new(code, &error.to_string())
}

/// The reason given for a close code that must not be sent.
fn illegal_code(code: u16, reason: &str) -> String {
    let words = format!("the client closed with code {code}, which no one may send (RFC 6455 section 7.4)");
    if reason.is_empty() {
        words
    } else {
        format!("{words}: {reason}")
    }
}

/// Memory in place of a socket.
struct Wire<'a> {
    input: &'a [u8],
    output: &'a mut Vec<u8>,
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let n = buffer.len().min(self.input.len());
        let (now, later) = self.input.split_at(n);
        buffer[..n].copy_from_slice(now);
        self.input = later;
        Ok(n)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_fits_wherever_it_begins() {
        let mask = [1, 2, 3, 4];
        let plain: Vec<u8> = (0..40).collect();
        let masked: Vec<u8> = plain
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect();
        for cut in 0..plain.len() {
            let mut bytes = masked.clone();
            let (first, second) = bytes.split_at_mut(cut);
            unmask(first, mask, 0);
            unmask(second, mask, cut);
            assert_eq!(bytes, plain);
        }
    }
}
