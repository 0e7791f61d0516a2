//! What stands between a connection and hyper: it lets one request through at a time, refuses heads that two readers
//! could take differently, and sets the time limits.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::turn::{Announced, Asked, Next, Turns};
use crate::http::framing::{Framing, framing};
use crate::http::head::{HeadLimits, Parsed, RequestHead};
use crate::http::response::Refusal;
use crate::limits::NO_TIME_LIMIT;
use crate::tcp::stream::Stream;

/// What hyper is given in place of a head that is refused.
const HARMLESS: &[u8] = b"GET / HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n";

/// The same if the method is HEAD, whose response has no body.
const HARMLESS_HEAD: &[u8] = b"HEAD / HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n";

/// Room for one read, in bytes.
const READ_SIZE: usize = 8192;

/// The limits of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GateLimits {
    pub(crate) head: HeadLimits,
    /// From the first byte of a head to its last.
    pub(crate) head_time: Option<Duration>,
    /// Without a request.
    pub(crate) idle_time: Duration,
    /// While the client takes nothing of a response.
    pub(crate) stall_time: Duration,
}

/// The stream that hyper reads and writes.
pub(crate) struct Gate {
    stream: Stream,
    turns: Arc<Turns>,
    limits: GateLimits,
    stage: Stage,
    /// Bytes received that hyper has not been given.
    received: BytesMut,
    /// `received` may contain a whole head.
    is_due: bool,
    /// Everything that hyper has written of the last response was handed to the system.
    flushed: bool,
    /// The client has closed its side.
    ended: bool,
    wants_websocket: bool,
    /// Of the head, or of the wait for one.
    timer: Pin<Box<Sleep>>,
    /// Runs while the client takes nothing.
    stall: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// A head is expected, and the response before it is sent.
    Head,
    /// This many bytes of a head are for hyper.
    Released(usize, After),
    /// This many bytes of a body are for hyper.
    Body(u64),
    /// The rest of the connection is for hyper until the body is over; no further request follows.
    Chunks,
    /// The response is not sent.
    Answering,
    /// Nothing more is for hyper.
    Refused,
}

#[derive(Debug, Clone, Copy)]
enum After {
    Body(u64),
    Chunks,
    Refused,
}

impl Gate {
    /// `received` are the bytes that were read already: at least a whole head, or nothing.
    pub(crate) fn new(stream: Stream, received: &[u8], turns: Arc<Turns>, limits: GateLimits) -> Self {
        Self {
            stream,
            turns,
            limits,
            stage: Stage::Head,
            received: BytesMut::from(received),
            is_due: true,
            flushed: true,
            ended: false,
            wants_websocket: false,
            timer: Box::pin(sleep(limits.idle_time)),
            stall: None,
        }
    }

    /// The stream, and the bytes that hyper was not given.
    pub(crate) fn into_parts(self) -> (Stream, Vec<u8>) {
        (self.stream, self.received.into())
    }

    /// Whether the connection ended for hyper because its next request opens a WebSocket.
    pub(crate) fn wants_websocket(&self) -> bool {
        self.wants_websocket
    }

    /// Whether the client has closed its side.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether nothing of a next request was received.
    pub(crate) fn is_unused(&self) -> bool {
        matches!(self.stage, Stage::Head) && self.received.is_empty()
    }

    fn start_timer(&mut self, time: Option<Duration>) {
        let end = Instant::now() + time.unwrap_or(NO_TIME_LIMIT).min(NO_TIME_LIMIT);
        self.timer.as_mut().reset(end);
    }

    /// Reads more into `received`. Ready with `false` at the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut space = [0; READ_SIZE];
        let mut buffer = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let bytes = buffer.filled();
        if bytes.is_empty() {
            self.ended = true;
            return Poll::Ready(Ok(false));
        }
        if self.received.is_empty() && matches!(self.stage, Stage::Head) {
            self.start_timer(self.limits.head_time);
        }
        self.is_due |= self.received.is_empty() || bytes.contains(&b'\n');
        self.received.extend_from_slice(bytes);
        self.is_due |= self.received.len() >= self.limits.head.max_head;
        Poll::Ready(Ok(true))
    }

    /// Decides about a head, if there is a whole one.
    fn judge(&mut self) {
        self.is_due = false;
        let (asked, len, after) = match RequestHead::parse(&self.received, self.limits.head) {
            Ok(Parsed::Partial) => return,
            Err(error) => return self.refuse(error.into()),
            Ok(Parsed::Complete(head, len)) => match framing(&head, &self.received[..len]) {
                Err(refusal) => return self.refuse(refusal),
                Ok(Framing::WebSocket) => {
                    self.wants_websocket = true;
                    return;
                }
                Ok(Framing::Chunked) => (asked(&head, Announced::Chunks), len, After::Chunks),
                Ok(Framing::Length(0)) => (asked(&head, Announced::Nothing), len, After::Body(0)),
                Ok(Framing::Length(n)) => (asked(&head, Announced::Length(n)), len, After::Body(n)),
            },
        };
        self.release(Next::Request(Box::new(asked)), len, after);
    }

    fn refuse(&mut self, refusal: Refusal) {
        let is_head = self.received.starts_with(b"HEAD ");
        let harmless = if is_head { HARMLESS_HEAD } else { HARMLESS };
        self.received = BytesMut::from(harmless);
        self.release(Next::Refused(refusal, is_head), harmless.len(), After::Refused);
    }

    fn release(&mut self, next: Next, len: usize, after: After) {
        self.flushed = false;
        self.turns.begin(next);
        self.stage = Stage::Released(len, after);
    }

    /// Gives hyper up to `most` bytes. Ready without any at the end.
    fn poll_give(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>, most: u64) -> Poll<io::Result<usize>> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(out.remaining());
        if self.received.is_empty() && !ready!(self.poll_fill(cx))? {
            return Poll::Ready(Ok(0));
        }
        let n = most.min(self.received.len());
        out.put_slice(&self.received[..n]);
        self.received.advance(n);
        Poll::Ready(Ok(n))
    }

    /// While a request is answered: notices that the client leaves.
    fn poll_watch(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.turns.poll_idle(cx));
        // Otherwise the next flush wakes the task.
        if self.flushed { Poll::Ready(()) } else { Poll::Pending }
    }

    fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while matches!(self.stage, Stage::Head) {
            if self.is_due {
                self.judge();
                if self.wants_websocket {
                    // Hyper sees the end of the stream.
                    return Poll::Ready(Ok(()));
                }
                continue;
            }
            if self.ended {
                if self.received.is_empty() {
                    return Poll::Ready(Ok(()));
                }
                self.refuse(Refusal::bad_request("the request is incomplete"));
                continue;
            }
            match self.poll_fill(cx) {
                Poll::Ready(read) => _ = read?,
                Poll::Pending => {
                    ready!(self.timer.as_mut().poll(cx));
                    if self.received.is_empty() {
                        return Poll::Ready(Ok(()));
                    }
                    self.refuse(Refusal::new(408, "The request took too long.\n"));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Cuts the connection if the client takes nothing for too long.
    fn poll_stall<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stall = None;
            return written;
        }
        let end = Instant::now() + self.limits.stall_time;
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep_until(end)));
        ready!(stall.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

fn asked(head: &RequestHead<'_>, body: Announced) -> Asked {
    let (path, query) = head.path_and_query().unwrap_or((head.target, ""));
    Asked {
        method: head.method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: head.headers.clone(),
        body,
    }
}

impl AsyncRead for Gate {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if out.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            match this.stage {
                Stage::Head => {
                    ready!(this.poll_request(cx))?;
                    if matches!(this.stage, Stage::Head) {
                        return Poll::Ready(Ok(()));
                    }
                }
                Stage::Released(0, After::Body(0)) | Stage::Body(0) => this.stage = Stage::Answering,
                Stage::Released(0, After::Body(len)) => this.stage = Stage::Body(len),
                Stage::Released(0, After::Chunks) => this.stage = Stage::Chunks,
                Stage::Released(0, After::Refused) => this.stage = Stage::Refused,
                Stage::Released(left, after) => {
                    let n = ready!(this.poll_give(cx, out, left as u64))?;
                    this.stage = Stage::Released(left - n, after);
                    return Poll::Ready(Ok(()));
                }
                Stage::Body(left) => {
                    let n = ready!(this.poll_give(cx, out, left))?;
                    this.stage = Stage::Body(left - n as u64);
                    return Poll::Ready(Ok(()));
                }
                Stage::Chunks if this.turns.is_body_over() => this.stage = Stage::Answering,
                Stage::Chunks => {
                    ready!(this.poll_give(cx, out, u64::MAX))?;
                    return Poll::Ready(Ok(()));
                }
                Stage::Answering => {
                    if this.poll_watch(cx).is_ready() {
                        this.stage = Stage::Head;
                        this.is_due = !this.received.is_empty();
                        let is_begun = !this.received.is_empty();
                        this.start_timer(if is_begun {
                            this.limits.head_time
                        } else {
                            Some(this.limits.idle_time)
                        });
                        continue;
                    }
                    if this.ended || this.received.len() >= this.limits.head.max_head {
                        return Poll::Pending;
                    }
                    match ready!(this.poll_fill(cx)) {
                        Ok(true) => {}
                        Ok(false) => this.turns.leave(),
                        Err(error) => return Poll::Ready(Err(error)),
                    }
                }
                Stage::Refused => return Poll::Pending,
            }
        }
    }
}

impl AsyncWrite for Gate {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.poll_stall(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        blocks: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, blocks);
        this.poll_stall(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        ready!(this.poll_stall(cx, flushed))?;
        if !this.flushed && this.turns.is_idle() {
            this.flushed = true;
            // Reading may wait for this.
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
