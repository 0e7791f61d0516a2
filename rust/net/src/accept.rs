//! The accept loop of every server: takes connections as fast as they come, pauses while the system is short of
//! resources, and turns away connections that the admission rules refuse, before anything is read from them.

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

/// First and longest pause after the system ran out of a resource. The pause doubles with each failure.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// Connections accepted in a row before the thread's other tasks get a turn.
const ROW: usize = 16;

/// How a kind of server handles its connections.
pub(crate) trait Host {
    /// Waits until another connection can be handled. Until then, further ones wait in the system's backlog, where they
    /// cost this process nothing.
    fn ready(&mut self) -> impl Future<Output = ()> + Send;

    /// Takes a connection that the admission rules let through.
    fn welcome(&mut self, stream: TcpStream, peer: SocketAddr);

    /// Takes a connection that the admission rules refuse. It has already been counted.
    fn refuse(&mut self, stream: TcpStream, why: Refused);

    /// The handshakes in progress.
    fn handshakes(&self) -> &Pending;

    /// A handshake was ended to make room.
    fn displaced(&mut self);

    /// Accepting has paused because of `error`. Not called again before [`Self::resumed`].
    fn paused(&mut self, error: io::Error);

    /// Accepting has resumed after [`Self::paused`].
    fn resumed(&mut self);

    /// Ends connections that wait for nothing but the peer's next request, if there are any.
    fn end_idle(&mut self) {}

    /// The system is out of file descriptors, or memory for sockets. Ends some of the incomplete handshakes; returns
    /// whether there were any.
    fn make_room(&mut self) -> bool {
        let ended = self.handshakes().thin_out();
        (0..ended).for_each(|_| self.displaced());
        if ended == 0 {
            self.end_idle();
        }
        ended > 0
    }
}

/// Accepts connections until dropped.
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

/// Returns whether accepting can go on at once, because the connection ended before it was accepted or the call was
/// interrupted. Any other error, above all a lack of file descriptors or socket memory, calls for a pause.
fn is_peer_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, TimedOut, WouldBlock};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted | TimedOut | WouldBlock
    )
}
