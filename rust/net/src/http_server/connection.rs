//! One connection that is used for HTTP.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};

use super::gate::{Gate, GateLimits};
use super::memory::Memory;
use super::service::Service;
use super::turn::Turns;
use crate::tcp::stream::Stream;
use crate::websocket::registry::Registry;

/// Maximum time that responses in progress go on once the server stops.
const STOP_TIME: Duration = Duration::from_secs(1);

/// Maximum size of each of hyper's two buffers, in bytes, unless a head may be larger.
const BUFFER_SIZE: usize = 64 * 1024;

/// A connection whose request asks for no WebSocket.
pub(crate) struct HttpConnection {
    pub(crate) stream: Stream,
    /// The bytes that were read, from the first request on.
    pub(crate) received: Vec<u8>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) peer: SocketAddr,
    pub(crate) stopping: watch::Receiver<bool>,
}

/// How the use of a connection for HTTP ended.
pub(crate) enum Ended {
    /// The client has left, or the connection broke.
    Gone,
    /// The last response is sent.
    Closing(Stream),
    /// The next request asks for a WebSocket. It is in the bytes that were read.
    WebSocket(Stream, Vec<u8>),
}

impl HttpConnection {
    /// Answers requests until the connection ends.
    pub(crate) async fn run(self) -> Ended {
        let Self {
            stream,
            received,
            registry,
            peer,
            mut stopping,
        } = self;
        let turns = Arc::new(Turns::default());
        let head = registry.options.handshake.head_limits();
        let gate = Gate::new(stream, &received, turns.clone(), limits(&registry));
        drop(received);
        let service = Arc::new(Service {
            memory: Memory::open(&registry.budget, peer.ip()),
            tls: registry.options.tls.is_some(),
            turns,
            peer,
            stopping: stopping.clone(),
            registry,
        });
        let own = service.clone();
        let mut shortage = own.registry.http.shortage();
        let mut connection = http1::Builder::new()
            // The gate has the time limits.
            .header_read_timeout(None)
            .max_headers(head.max_headers)
            .max_buf_size(BUFFER_SIZE.max(head.max_head))
            .serve_connection(
                TokioIo::new(gate),
                service_fn(move |request| Box::pin(service.clone().call(request))),
            );
        let mut is_short = false;
        let is_good = {
            let mut stop = pin!(stopping.wait_for(|stop| *stop));
            let mut shed = pin!(own.memory.shed());
            let mut limit: Option<Pin<Box<Sleep>>> = None;
            let mut shortage = pin!(shortage.changed());
            poll_fn(|cx| {
                if !is_short && shortage.as_mut().poll(cx).is_ready() {
                    is_short = true;
                    Pin::new(&mut connection).graceful_shutdown();
                }
                if limit.is_none() && stop.as_mut().poll(cx).is_ready() {
                    Pin::new(&mut connection).graceful_shutdown();
                    limit = Some(Box::pin(sleep(STOP_TIME)));
                }
                if limit.as_mut().is_some_and(|limit| limit.as_mut().poll(cx).is_ready()) {
                    return Poll::Ready(false);
                }
                // A head that hyper alone refuses, for its target, is answered by it.
                let is_good = |result: hyper::Result<()>| result.map_or_else(|error| error.is_parse(), |()| true);
                if let Poll::Ready(result) = connection.poll_without_shutdown(cx) {
                    return Poll::Ready(is_good(result));
                }
                // Without a response in progress, the service answers that there is no memory.
                if own.memory.is_sending() && shed.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(false);
                }
                Poll::Pending
            })
            .await
        };
        let gate = connection.into_parts().io.into_inner();
        if gate.wants_websocket() {
            let (stream, received) = gate.into_parts();
            Ended::WebSocket(stream, received)
        } else if !is_good || gate.has_ended() || (is_short && gate.is_unused()) {
            Ended::Gone
        } else {
            Ended::Closing(gate.into_parts().0)
        }
    }
}

fn limits(registry: &Registry) -> GateLimits {
    let options = &registry.http.options;
    GateLimits {
        head: registry.options.handshake.head_limits(),
        head_time: registry.options.handshake.timeout,
        idle_time: options.idle_timeout,
        stall_time: options.stall_timeout,
    }
}
