//! RFC 6455 from the server's side, without a socket: bytes in, messages and the bytes of control frames out.
//!
//! The protocol is tungstenite's. It reads from memory and writes to memory, so that a burst of pings costs one write to
//! the socket and not one each, and an idle client needs no large buffer.

use std::io::{self, Read, Write};

use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig, WebSocketContext};

use super::close_code::{CloseCode, CloseFrame};
use super::frame_gate::{FrameGate, SMALL};
use super::messages::Messages;

/// Control frames are short, and leave the engine at once.
const WRITE_BUFFER: usize = 4 * 1024;

pub(crate) struct Protocol {
    engine: WebSocketContext,
    gate: FrameGate,
}

/// How it goes on after some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// More may come.
    More,
    /// A close frame came, the first or the answer to ours. The answer to the first is in the output. `None` is a frame
    /// without a code.
    Closed(Option<CloseFrame>),
    /// The peer broke the protocol. The close frame that says so is in the output, unless one was written before.
    Failed(CloseFrame),
}

impl Protocol {
    pub(crate) fn new(max_message_size: usize) -> Self {
        Self {
            engine: engine(max_message_size),
            gate: FrameGate::default(),
        }
    }

    /// Takes bytes from the client. Messages go to `messages`, the payloads of pongs to `pong`, pongs and close frames
    /// to be sent to `output`.
    pub(crate) fn receive(
        &mut self,
        input: &[u8],
        output: &mut Vec<u8>,
        messages: &mut Messages,
        mut pong: impl FnMut(&[u8]),
    ) -> Received {
        let mut wire = Wire {
            input,
            output,
            gate: &mut self.gate,
        };
        loop {
            match self.engine.read(&mut wire) {
                Ok(Message::Text(text)) => messages.push_text(text, wire.input.len()),
                Ok(Message::Binary(data)) => messages.push_binary(data, wire.input.len()),
                Ok(Message::Pong(payload)) => pong(&payload),
                // The engine has queued the pong, and writes it with the next read.
                Ok(Message::Ping(_) | Message::Frame(_)) => {}
                Ok(Message::Close(_)) => {
                    let answer_at = wire.output.len();
                    // It says that the connection is closed, which is known.
                    let _ = self.engine.flush(&mut wire);
                    return self.close_frame(output, answer_at);
                }
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    let frame = failure(&error);
                    self.close(&frame, output);
                    return Received::Failed(frame);
                }
            }
        }
        if self.gate.is_engine_bloated() && self.engine.can_write() {
            let max_message_size = self.engine.get_config().max_message_size;
            self.engine = engine(max_message_size.unwrap_or(usize::MAX));
            self.gate = FrameGate::default();
        }
        Received::More
    }

    /// Judges the close frame that has just passed the gate. What the engine answered, if it did, is in the output from
    /// `answer_at`; it replaces codes that it does not know, those that may be sent among them.
    fn close_frame(&self, output: &mut Vec<u8>, answer_at: usize) -> Received {
        let Some((code, reason)) = self.gate.close_payload().split_first_chunk() else {
            return Received::Closed(None);
        };
        let code = u16::from_be_bytes(*code);
        // The engine has seen that it is UTF-8.
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
            // Writing to memory does not fail.
            let _ = Frame::close(Some(answer)).format(output);
        }
        received
    }

    /// Writes a close frame, unless one was written before. Messages are still read, pings not answered any more.
    pub(crate) fn close(&mut self, frame: &CloseFrame, output: &mut Vec<u8>) {
        let mut wire = Wire {
            input: &[],
            output,
            gate: &mut self.gate,
        };
        // Memory takes it.
        let _ = self.engine.close(&mut wire, Some(frame.to_wire()));
    }
}

fn engine(max_message_size: usize) -> WebSocketContext {
    let config = WebSocketConfig::default()
        .read_buffer_size(SMALL as usize)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER)
        .max_message_size(Some(max_message_size))
        .max_frame_size(Some(max_message_size));
    WebSocketContext::new(Role::Server, Some(config))
}

/// What a broken peer is told.
fn failure(error: &Error) -> CloseFrame {
    let code = match error {
        Error::Protocol(_) => CloseCode::PROTOCOL_ERROR,
        Error::Utf8(_) => CloseCode::INVALID_TEXT,
        Error::Capacity(_) => CloseCode::TOO_BIG,
        _ => CloseCode::INTERNAL_ERROR,
    };
    CloseFrame::new(code, &error.to_string())
}

/// The words for a close code that must not be sent.
fn illegal_code(code: u16, reason: &str) -> String {
    let words = format!("the client closed with code {code}, which no one may send (RFC 6455 section 7.4)");
    if reason.is_empty() {
        words
    } else {
        format!("{words}: {reason}")
    }
}

/// Memory in the place of a socket.
struct Wire<'a> {
    input: &'a [u8],
    output: &'a mut Vec<u8>,
    gate: &'a mut FrameGate,
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let room = buffer.len().min(self.input.len());
        let n = self.gate.pass(&self.input[..room]);
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
