//! The one accept loop: takes connections from the system at full speed, pauses while the system is out of something, and
//! turns away whom the rules by address keep out, before anything is read.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio::time::sleep;

use self::pending::Pending;
use crate::address::canonical;
use crate::admission::{Admission, Refused};

pub(crate) mod pending;

/// The pause after the system ran out of something: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// Connections in a row before other tasks of the thread get their turn.
const ROW: usize = 16;

/// What a kind of server does with its connections.
pub(crate) trait Host {
    /// Waits until one more connection can be dealt with. Meanwhile further ones wait in the system's backlog, and cost
    /// this process nothing.
    fn ready(&mut self) -> impl Future<Output = ()> + Send;

    /// A connection that the rules let through.
    fn welcome(&mut self, stream: TcpStream, peer: SocketAddr);

    /// A connection that they do not, and that was counted.
    fn refuse(&mut self, stream: TcpStream, why: Refused);

    /// The handshakes in progress.
    fn handshakes(&self) -> &Pending;

    /// A handshake was ended to make room.
    fn displaced(&mut self);

    /// Accepting pauses. Said once.
    fn paused(&mut self, error: io::Error);

    /// Accepting goes on after [`Self::paused`].
    fn resumed(&mut self);

    /// The system is out of file descriptors, or memory for sockets. Ends some of the incomplete handshakes; returns
    /// whether there were any.
    fn make_room(&mut self) -> bool {
        let ended = self.handshakes().thin_out();
        (0..ended).for_each(|_| self.displaced());
        ended > 0
    }
}

/// Accepts until it is dropped.
pub(crate) async fn accept_all(listener: &TcpListener, admission: &Admission, host: &mut impl Host) {
    let mut pause: Option<Duration> = None;
    let mut row = 0;
    loop {
        host.ready().await;
        match listener.accept().await {
            Ok((stream, peer)) => {
                if pause.take().is_some() {
                    host.resumed();
                }
                let peer = canonical(peer);
                match admission.judge(peer.ip()) {
                    Ok(()) => host.welcome(stream, peer),
                    Err(why) => host.refuse(stream, why),
                }
                row += 1;
                if row % ROW == 0 {
                    yield_now().await;
                }
            }
            Err(error) if is_peer_gone(&error) => {}
            Err(_) if host.make_room() => sleep(PAUSE.0).await,
            Err(error) => {
                let length = match pause {
                    None => {
                        host.paused(error);
                        PAUSE.0
                    }
                    Some(last) => (last * 2).min(PAUSE.1),
                };
                pause = Some(length);
                sleep(length).await;
            }
        }
    }
}

/// The connection ended before it was accepted: the next one may be there. Anything else (file descriptors or memory
/// for sockets run out, above all) needs a pause.
fn is_peer_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, TimedOut, WouldBlock};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted | TimedOut | WouldBlock
    )
}
