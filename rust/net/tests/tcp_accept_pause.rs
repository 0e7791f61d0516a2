//! Out of file descriptors: accepting pauses, reports it once, and resumes by itself.

#![cfg(unix)]

mod common;

use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::process::Command;
use std::time::{Duration, Instant};

use async_sockets_net::options::TcpOptions;
use async_sockets_net::tcp_listener::ListenerEvent;
use common::{Client, accept, listen, next};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Set in the child process that runs out of descriptors, so that no other test is affected.
const CHILD: &str = "ASYNC_SOCKETS_TEST_FEW_FILES";

#[test]
fn accepting_pauses_without_file_descriptors_and_recovers() {
    if std::env::var_os(CHILD).is_some() {
        return in_the_child();
    }
    let output = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "accepting_pauses_without_file_descriptors_and_recovers"])
        .arg("--nocapture")
        .env(CHILD, "1")
        .output()
        .expect("a child process");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn in_the_child() {
    let limit = Rlimit {
        current: Some(128),
        maximum: getrlimit(Resource::Nofile).maximum,
    };
    setrlimit(Resource::Nofile, limit).expect("a lower limit");
    let listener = listen("127.0.0.1", 0, None);
    let port = listener.local_address().port();
    let first = Client::connect(port, &TcpOptions::default());
    let (mut accepted, _) = accept(&listener);

    for _round in 0..3 {
        let mut fill = take_every_descriptor();
        // One descriptor for the peer's end, none for ours.
        fill.pop();
        let peer = TcpStream::connect(("127.0.0.1", port)).expect("a connection in the backlog");
        match next(listener.mailbox()) {
            ListenerEvent::Paused(error) => {
                assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::MFILE.raw_os_error()));
            }
            other => panic!("{other:?}"),
        }
        // Many failed attempts later, nothing more was reported, no CPU time was burnt, and established connections
        // still work.
        let cpu = cpu_time();
        std::thread::sleep(Duration::from_millis(1500));
        assert!(cpu_time() - cpu < Duration::from_millis(300), "busy while paused");
        assert!(listener.mailbox().is_empty(), "said twice");
        first.tcp.send(b"alive").expect("room");
        assert_eq!(accepted.recv(5), b"alive");

        drop(fill);
        let start = Instant::now();
        assert!(matches!(next(listener.mailbox()), ListenerEvent::Resumed));
        let (mut late, endpoints) = accept(&listener);
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_eq!(endpoints.peer, peer.local_addr().expect("an address"));
        drop(peer);
        assert_eq!(late.recv_to_end(), b"");
        late.tcp.close();
        late.closed();
    }
}

fn take_every_descriptor() -> Vec<OwnedFd> {
    let mut all = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        all.push(file.into());
    }
    all
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("a time")
}
