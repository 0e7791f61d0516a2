//! Opens a connection from this side: name lookup, TCP, TLS, the opening handshake, and redirects.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::client_handshake::{HandshakeError, Response, parse_response};
use super::client_options::WebSocketClientOptions;
use super::connect_error::WebSocketConnectError;
use super::connection::{Connection, Settings};
use super::opening_request::{OpeningRequest, RequestHeader, random_key};
use super::outgoing::Attempt;
use super::url::WebSocketUrl;
use crate::error::ConnectError;
use crate::event::Established;
use crate::options::TcpOptions;
use crate::tcp::dial::dial;
use crate::tcp::stream::Stream;
use crate::tcp_client::endpoints;
use crate::transport::Transport;

/// Bytes that one read of a response takes at most.
const READ_SIZE: usize = 1024;

/// An established connection, and the bytes that the server sent after its response.
struct Opened {
    stream: Stream,
    early: Vec<u8>,
    established: Established,
}

/// Carries one attempt to its end; an established connection then gets a task of its own, which needs far less memory.
///
/// The attempt's own memory is allocated by the runtime's thread: it is freed there, and serves the connections, which
/// memory of the main thread would not.
pub(crate) async fn run(url: WebSocketUrl, options: WebSocketClientOptions, attempt: Attempt) {
    Box::pin(carry_out(url, options, attempt)).await;
}

async fn carry_out(url: WebSocketUrl, options: WebSocketClientOptions, attempt: Attempt) {
    let opened = tokio::select! {
        opened = open(url, &options) => opened,
        () = attempt.given_up() => Err(WebSocketConnectError::GivenUp),
    };
    match opened {
        Ok(Opened {
            stream,
            early,
            established,
        }) => {
            if let Some(owner) = attempt.established(established, options.heartbeat_interval) {
                let settings = Settings::of_client(&options);
                tokio::spawn(Connection::new(stream, early, settings, owner));
            }
        }
        Err(error) => attempt.failed(error),
    }
}

async fn open(url: WebSocketUrl, options: &WebSocketClientOptions) -> Result<Opened, WebSocketConnectError> {
    let Some(limit) = options.handshake_timeout else {
        return follow(url, options).await;
    };
    let target = url.target().clone();
    timeout(limit, follow(url, options)).await.unwrap_or_else(|_| {
        Err(WebSocketConnectError::Connect(ConnectError::TimedOut {
            host: target.host,
            port: target.port,
            seconds: limit.as_secs_f64(),
        }))
    })
}

/// Opens the connection at the URL, or where redirects lead to.
async fn follow(mut url: WebSocketUrl, options: &WebSocketClientOptions) -> Result<Opened, WebSocketConnectError> {
    let first = url.clone();
    for _ in 0..options.max_redirects {
        match open_at(&url, &first, options).await {
            Err(WebSocketConnectError::Handshake(HandshakeError::Status(refused))) => {
                let next = refused.location().and_then(|location| url.join(location).ok());
                match next {
                    // What was encrypted stays so.
                    Some(next) if next.tls() || !url.tls() => url = next,
                    _ => return Err(HandshakeError::Status(refused).into()),
                }
            }
            other => return other,
        }
    }
    let mut opened = open_at(&url, &first, options).await;
    if let Err(WebSocketConnectError::Handshake(HandshakeError::Status(refused))) = &mut opened {
        refused.redirects_followed = refused.location().is_some().then_some(options.max_redirects);
    }
    opened
}

async fn open_at(
    url: &WebSocketUrl,
    first: &WebSocketUrl,
    options: &WebSocketClientOptions,
) -> Result<Opened, WebSocketConnectError> {
    if url.tls() && options.tls.is_none() {
        return Err(WebSocketConnectError::NoTls);
    }
    let tcp = TcpOptions {
        no_delay: options.no_delay,
        connect_timeout: None,
        tls: options.tls.clone().filter(|_| url.tls()),
        ..TcpOptions::default()
    };
    let mut stream = dial(url.target(), &tcp).await?;
    let request = OpeningRequest::new(url, &options.protocols, &headers(url, first, options), random_key());
    let ended = |source| {
        WebSocketConnectError::Connect(ConnectError::Connect {
            host: url.target().host.clone(),
            port: url.target().port,
            source,
        })
    };
    stream.write_all(request.bytes()).await.map_err(ended)?;
    stream.flush().await.map_err(ended)?;
    let mut head = Vec::new();
    loop {
        let from = head.len();
        head.resize(from + READ_SIZE, 0);
        let read = stream.read(&mut head[from..]).await.map_err(ended)?;
        head.truncate(from + read);
        if read == 0 {
            let words = "the server closed the connection during the opening handshake";
            return Err(ended(io::Error::new(io::ErrorKind::UnexpectedEof, words)));
        }
        if let Response::Complete { protocol, headers, len } =
            parse_response(&head, options.head_limits(), request.expected())?
        {
            let established = Established {
                endpoints: endpoints(stream.tcp()).map_err(ended)?,
                url: url.to_string(),
                protocol,
                headers,
                tls: stream.tls_info().map(Box::new),
            };
            return Ok(Opened {
                stream,
                // A buffer of its own, as an idle connection keeps it.
                early: head.split_off(len),
                established,
            });
        }
    }
}

/// The user's header lines. Credentials are only for the host that the user has named.
fn headers(url: &WebSocketUrl, first: &WebSocketUrl, options: &WebSocketClientOptions) -> Vec<RequestHeader> {
    let is_secret = |line: &&RequestHeader| {
        let secrets = ["authorization", "cookie", "proxy-authorization"];
        secrets.iter().any(|name| line.name().eq_ignore_ascii_case(name))
    };
    let lines = options.headers.iter();
    match url.is_same_host(first) {
        true => lines.cloned().collect(),
        false => lines.filter(|line| !is_secret(line)).cloned().collect(),
    }
}
