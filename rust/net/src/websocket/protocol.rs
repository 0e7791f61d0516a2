//! RFC 6455 without a socket: bytes in, messages and the bytes of control frames out.
//!
//! Data frames are assembled here, so that their memory is known and bounded. Control frames, with the closing
//! handshake and pongs, are left to tungstenite, which reads from memory and writes to memory: a burst of pings costs
//! one write to the socket instead of one each, and an idle client needs no large buffer.

use std::io::{self, Read, Write};
use std::sync::Arc;

use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig, WebSocketContext};

use super::assembly::{Assembly, NotUtf8};
use super::close_code::{CloseCode, CloseFrame};
use super::frame::{Kind, encode};
use super::frame_gate::{Carries, FrameGate, Header, MAX_HEADER};
use super::link::peer_of;
use super::mask;
use super::messages::{COPY_LIMIT, Messages};
use crate::budget::Account;

/// Buffers of the engine, in bytes. Control frames are short (a header and 125 bytes) and leave the engine at once.
const READ_BUFFER: usize = 160;
const WRITE_BUFFER: usize = 4 * 1024;

pub(crate) struct Protocol {
    /// This side's role.
    role: Role,
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
            role,
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
                    mask::apply(&mut self.close[from..], header.mask, at);
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
        mask::apply(part, header.mask, at);
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
            Ok(frame) => (frame.to_payload(), Received::Closed(Some(frame))),
            Err(_) => {
                let words = illegal_code(self.role, code, &reason);
                let frame = CloseFrame::new(CloseCode::PROTOCOL_ERROR, &words);
                (frame.to_payload(), Received::Failed(frame))
            }
        };
        if output.len() > answer_at {
            output.truncate(answer_at);
            encode(self.role, Kind::Close, &answer, output);
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

/// The close frame for an error of the engine.
fn failure(error: &Error) -> CloseFrame {
    let code = match error {
        Error::Protocol(_) => CloseCode::PROTOCOL_ERROR,
        Error::Utf8(_) => CloseCode::INVALID_TEXT,
        _ => CloseCode::INTERNAL_ERROR,
    };
    CloseFrame::new(code, &error.to_string())
}

/// The reason given for a close code that must not be sent. `role` is this side's.
fn illegal_code(role: Role, code: u16, reason: &str) -> String {
    let peer = peer_of(role);
    let words = format!("the {peer} closed with code {code}, which no one may send (RFC 6455 section 7.4)");
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
    use std::net::{IpAddr, Ipv4Addr};

    use super::super::frame::frame_len;
    use super::super::frame_gate::MASKED;
    use super::super::messages::Message;
    use super::*;
    use crate::budget::{Budget, Share};

    /// One side of a connection.
    struct Side(Protocol, #[expect(dead_code, reason = "held")] Share);

    impl Side {
        fn new(role: Role) -> Self {
            let share = Budget::new(0, usize::MAX).open(IpAddr::V4(Ipv4Addr::LOCALHOST));
            Self(Protocol::new(role, 1024 * 1024, share.0.clone()), share)
        }

        /// What comes of some bytes: their end, the messages, and what is to be sent.
        fn receive(&mut self, input: &[u8]) -> (Received, Messages, Vec<u8>) {
            let (mut messages, mut output) = (Messages::default(), Vec::new());
            let received = self.0.receive(&mut input.to_vec(), &mut output, &mut messages, |_| {});
            (received, messages, output)
        }

        fn close(&mut self, frame: &CloseFrame) -> Vec<u8> {
            let mut output = Vec::new();
            self.0.close(frame, &mut output);
            output
        }
    }

    fn frame(role: Role, kind: Kind, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(role, kind, payload, &mut out);
        out
    }

    fn close_frame(code: i64, reason: &str) -> CloseFrame {
        CloseFrame::parse(code, reason).expect("valid")
    }

    /// A close frame of a server with a code that must not be sent.
    const ILLEGAL: [u8; 4] = [0x88, 2, 1006_u16.to_be_bytes()[0], 1006_u16.to_be_bytes()[1]];

    #[test]
    fn a_server_takes_a_clients_frames_and_a_client_a_servers() {
        for (from, to) in [(Role::Client, Role::Server), (Role::Server, Role::Client)] {
            for len in [0, 1, 16, 125, 126, 4095, 4097, 65535, 65536, 200_000] {
                let payload: Vec<u8> = (0..len).map(|n| (n % 101) as u8).collect();
                for kind in [Kind::Text, Kind::Binary] {
                    let bytes = frame(from, kind, &payload);
                    let (received, mut messages, output) = Side::new(to).receive(&bytes);
                    assert_eq!((received, output.len()), (Received::More, 0), "{kind:?} {len}");
                    let message = messages.next().expect("a message");
                    let came = match (&message, kind) {
                        (Message::Text(text), Kind::Text) => text.as_bytes(),
                        (Message::Binary(data), Kind::Binary) => data,
                        other => panic!("{other:?}"),
                    };
                    assert!(came == payload, "{kind:?} {len}");
                }
            }
        }
    }

    #[test]
    fn neither_takes_frames_of_its_own_kind() {
        for role in [Role::Client, Role::Server] {
            let (received, _, _) = Side::new(role).receive(&frame(role, Kind::Text, b"hi"));
            assert!(matches!(received, Received::Failed(_)), "{received:?}");
        }
    }

    #[test]
    fn a_closing_handshake_works_from_either_side() {
        for (first, second) in [(Role::Client, Role::Server), (Role::Server, Role::Client)] {
            for code in [1000, 1012, 4321] {
                let (mut first, mut second) = (Side::new(first), Side::new(second));
                let bye = close_frame(code, "bye");
                let (received, _, answer) = second.receive(&first.close(&bye));
                assert_eq!(received, Received::Closed(Some(bye.clone())));
                let (received, _, output) = first.receive(&answer);
                assert_eq!((received, output.len()), (Received::Closed(Some(bye)), 0));
            }
        }
    }

    #[test]
    fn all_that_a_client_sends_is_masked() {
        let bye = close_frame(1000, "bye");
        let broken = [0x8F, 0];
        let no_code = [0x88, 0];
        for (what, sent, payload) in [
            (
                "pong",
                Side::new(Role::Client)
                    .receive(&frame(Role::Server, Kind::Ping, b"x"))
                    .2,
                1,
            ),
            ("close", Side::new(Role::Client).close(&bye), 5),
            (
                "answer",
                Side::new(Role::Client)
                    .receive(&frame(Role::Server, Kind::Close, &bye.to_payload()))
                    .2,
                5,
            ),
            ("answer without a code", Side::new(Role::Client).receive(&no_code).2, 0),
        ] {
            assert_eq!(sent.len(), frame_len(Role::Client, payload), "{what}");
            assert_eq!(usize::from(sent[1]), usize::from(MASKED) + payload, "{what}");
        }
        for (what, came) in [("illegal", &ILLEGAL[..]), ("broken", &broken)] {
            let (received, _, sent) = Side::new(Role::Client).receive(came);
            let Received::Failed(told) = received else {
                panic!("{what}: {received:?}");
            };
            let (received, _, _) = Side::new(Role::Server).receive(&sent);
            assert_eq!(received, Received::Closed(Some(told)), "{what}");
        }
    }

    #[test]
    fn an_illegal_close_code_is_the_peers() {
        let (received, _, _) = Side::new(Role::Client).receive(&ILLEGAL);
        assert!(
            matches!(&received, Received::Failed(frame) if frame.reason().starts_with("the server closed with code 1006")),
            "{received:?}"
        );
    }
}
