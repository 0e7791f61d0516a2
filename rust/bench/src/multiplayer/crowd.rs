//! Clients that have joined a multiplayer server.

use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::args::{Args, Protocol};
use crate::connect::connect_all;
use crate::fault::Fault;
use crate::frame::{decode, encode, is_heartbeat, is_message};
use crate::link::{Link, scratch};

/// The longest that a turn may sleep.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// Takes a packet: the index of the client, the client, and the packet.
pub(super) type Take<'a> = &'a mut dyn FnMut(usize, &mut Player, &[u8]) -> Result<(), Fault>;

pub(super) struct Player {
    pub(super) link: Link,
    /// 0 until the server has given it.
    pub(super) id: i32,
}

impl Player {
    /// Queues a packet.
    pub(super) fn send(&mut self, packet: &[u8]) {
        self.link.output.extend(encode(false, packet));
    }

    /// Sends what is queued.
    pub(super) fn write(&mut self, index: usize) -> Result<(), Fault> {
        let sent = self.link.write();
        sent.map_err(|error| Fault::peer(index, format!("while writing: {error}")))?;
        Ok(())
    }
}

pub(super) struct Crowd {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    pub(super) players: Vec<Player>,
    pub(super) deadline: Instant,
}

impl Crowd {
    /// Has as many clients join as the arguments say.
    pub(super) fn gather(args: &Args) -> Result<Self, Fault> {
        let mut crowd = Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            buffer: scratch(),
            players: Vec::new(),
            deadline: args.deadline()?,
        };
        for (index, stream) in connect_all(args, Protocol::Binary)?.into_iter().enumerate() {
            let mut stream = stream.map(TcpStream::from_std);
            crowd.poll.registry().register(
                stream.socket_mut(),
                Token(index),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            let link = Link::new(stream);
            crowd.players.push(Player { link, id: 0 });
        }
        let mut missing = crowd.players.len();
        while missing > 0 {
            crowd.turn(TICK, &mut |_, player, packet| {
                if player.id == 0 {
                    player.id = id(packet)?;
                    missing -= 1;
                }
                Ok(())
            })?;
        }
        Ok(crowd)
    }

    /// Sends what is queued, waits for packets for at most `wait`, and passes on what arrives.
    pub(super) fn turn(&mut self, wait: Duration, take: Take<'_>) -> Result<(), Fault> {
        if Instant::now() >= self.deadline {
            return Err(Fault::Late("the server did not answer".to_owned()));
        }
        self.send()?;
        self.poll.poll(&mut self.events, Some(wait))?;
        for event in self.events.iter().filter(|event| event.is_readable()) {
            let index = event.token().0;
            let player = &mut self.players[index];
            loop {
                let more = player
                    .link
                    .read(&mut self.buffer)
                    .map_err(|error| Fault::peer(index, format!("while reading: {error}")))?;
                read(index, player, take)?;
                if !more {
                    break;
                }
            }
        }
        self.send()
    }

    fn send(&mut self) -> Result<(), Fault> {
        for (index, player) in self.players.iter_mut().enumerate() {
            if !player.link.output.is_empty() {
                player.write(index)?;
            }
        }
        Ok(())
    }
}

fn read(index: usize, player: &mut Player, take: Take<'_>) -> Result<(), Fault> {
    let mut at = 0;
    // Copied, so that the client can be changed meanwhile.
    let mut packet = Vec::new();
    while let Some((first, from, to)) = decode(&player.link.input()[at..]) {
        packet.clear();
        packet.extend_from_slice(&player.link.input()[at + from..at + to]);
        at += to;
        if is_heartbeat(first) {
            continue;
        }
        if !is_message(first, false) {
            return Err(Fault::peer(index, "a message is no packet"));
        }
        take(index, player, &packet)?;
    }
    player.link.take(at);
    Ok(())
}

/// The peer id, which is the first packet.
pub(super) fn id(packet: &[u8]) -> Result<i32, Fault> {
    let id = packet.try_into().map(i32::from_le_bytes).ok();
    id.filter(|id| *id > 1)
        .ok_or_else(|| Fault::peer(0, "the first packet is no peer id"))
}
