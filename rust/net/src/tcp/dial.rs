//! Establishing a connection: name lookup, then the addresses in turn, without stalling on a dead one (RFC 8305).

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::connection::set_keep_alive;
use super::stream::Stream;
use crate::address::Target;
use crate::error::ConnectError;
use crate::options::TcpOptions;
use crate::resolver::look_up;
use crate::tls::stream::connect_tls;

/// How long an address may stay silent before the next one is tried in parallel (RFC 8305 section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Establishes a connection, with TLS if the options ask for it.
pub(crate) async fn dial(target: &Target, options: &TcpOptions) -> Result<Stream, ConnectError> {
    let Some(limit) = options.connect_timeout else {
        return dial_unlimited(target, options).await;
    };
    timeout(limit, dial_unlimited(target, options))
        .await
        .unwrap_or_else(|_| {
            Err(ConnectError::TimedOut {
                host: target.host.clone(),
                port: target.port,
                seconds: limit.as_secs_f64(),
            })
        })
}

async fn dial_unlimited(target: &Target, options: &TcpOptions) -> Result<Stream, ConnectError> {
    let tcp = dial_tcp(target, options).await?;
    let Some(config) = &options.tls else {
        return Ok(tcp.into());
    };
    // Boxed, as a connection without TLS would else have the memory for it too.
    let secured = Box::pin(connect_tls(tcp, config, &target.host)).await;
    secured.map(Stream::from).map_err(|source| ConnectError::Tls {
        host: target.host.clone(),
        port: target.port,
        source,
    })
}

async fn dial_tcp(target: &Target, options: &TcpOptions) -> Result<TcpStream, ConnectError> {
    let addresses: Vec<SocketAddr> = match target.ip() {
        Some(ip) => vec![SocketAddr::new(ip, target.port)],
        None => {
            let found = look_up(&target.host).await.map_err(|error| ConnectError::Resolve {
                host: target.host.clone(),
                source: error.into(),
            })?;
            let with_port = found.iter().map(|address| {
                let mut address = *address;
                address.set_port(target.port);
                address
            });
            with_port.collect()
        }
    };
    let connect_error = |source| ConnectError::Connect {
        host: target.host.clone(),
        port: target.port,
        source,
    };
    let stream = race(interleave(addresses)).await.map_err(connect_error)?;
    prepare(&stream, options).map_err(connect_error)?;
    Ok(stream)
}

/// Sets the options that a connection starts with.
pub(crate) fn prepare(stream: &TcpStream, options: &TcpOptions) -> io::Result<()> {
    stream.set_nodelay(options.no_delay)?;
    if options.keep_alive.is_some() {
        set_keep_alive(stream, options.keep_alive)?;
    }
    Ok(())
}

/// Starts one attempt after the other, each when the previous one has failed or stayed silent for [`ATTEMPT_DELAY`].
/// The first to succeed wins, and the others are dropped.
async fn race(mut addresses: VecDeque<SocketAddr>) -> io::Result<TcpStream> {
    let mut attempts = JoinSet::new();
    let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        if let Some(address) = addresses.pop_front() {
            attempts.spawn(connect(address));
        }
        let finished = if addresses.is_empty() {
            attempts.join_next().await
        } else {
            tokio::select! {
                finished = attempts.join_next() => finished,
                () = sleep(ATTEMPT_DELAY) => continue,
            }
        };
        match finished {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => last_error = error,
            Some(Err(panic)) => last_error = io::Error::other(panic),
            None => return Err(last_error),
        }
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    let stream = socket.connect(address).await?;
    // Connecting to a free local port in the system's ephemeral range can connect a socket to itself (simultaneous
    // open).
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

/// Alternates the address families, beginning with the resolver's first choice (RFC 8305 section 4).
fn interleave(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|a| a.is_ipv6() == first_is_v6);
    let mut out = VecDeque::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        let pair = (first.next(), second.next());
        if pair == (None, None) {
            return out;
        }
        out.extend(pair.0);
        out.extend(pair.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let v4 = |n| SocketAddr::from(([127, 0, 0, n], 1));
        let v6 = |n| SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, n], 1));
        let order = interleave(vec![v6(1), v6(2), v6(3), v4(1)]);
        assert_eq!(order, [v6(1), v4(1), v6(2), v6(3)]);
        assert_eq!(interleave(vec![v4(1)]), [v4(1)]);
    }

    fn race_of(addresses: &[SocketAddr]) -> io::Result<SocketAddr> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stream = runtime
            .block_on(async { timeout(Duration::from_secs(30), race(addresses.iter().copied().collect())).await })??;
        stream.peer_addr()
    }

    fn listener() -> (std::net::TcpListener, SocketAddr) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        (listener, address)
    }

    #[test]
    fn a_dead_family_costs_nothing() {
        let (_listener, live) = listener();
        let dead = SocketAddr::new(std::net::Ipv6Addr::LOCALHOST.into(), live.port());
        for order in [[dead, live], [live, dead]] {
            assert_eq!(race_of(&order).expect("a connection"), live);
        }
    }

    #[test]
    fn the_last_error_is_told_when_all_are_dead() {
        let (listener, dead) = listener();
        drop(listener);
        let error = race_of(&[dead, dead]).expect_err("nobody there");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    #[cfg(target_os = "linux")] // On Linux, a full backlog leaves further connection attempts unanswered.
    fn a_silent_address_costs_a_moment() {
        let (full, silent) = listener();
        socket2::SockRef::from(&full).listen(0).expect("a smaller backlog");
        let queued: Vec<_> = (0..4)
            .map(|_| {
                let socket =
                    socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
                socket.set_nonblocking(true).expect("an option");
                let _ = socket.connect(&silent.into());
                socket
            })
            .collect();
        let (_listener, live) = listener();
        let start = std::time::Instant::now();
        assert_eq!(race_of(&[silent, live]).expect("a connection"), live);
        assert!(start.elapsed() >= ATTEMPT_DELAY);
        assert!(start.elapsed() < ATTEMPT_DELAY * 8);
        drop(queued);
    }
}
