//! Signals that ask the process to end. The last test starts this program again, to see how it ends.
#![cfg(unix)]

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_sockets_net::mailbox::ReadyList;
use async_sockets_net::runtime;
use async_sockets_net::termination::{SAME_REQUEST, catch, is_caught, release, take_request};
use rustix::process::{Signal, getpid, kill_process};

const WAIT: Duration = Duration::from_secs(5);

/// The variable that tells the program started again what to do.
const ROLE: &str = "TERMINATION_ROLE";

/// Signals are sent to the whole process, so one test at a time.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send(signal: Signal) {
    kill_process(getpid(), signal).expect("a signal to itself");
}

/// Sends a signal and waits until it was noticed: any thread may get it, so that it can come after the call.
fn send_and_wait(signal: Signal) {
    while ReadyList::global().pop().is_some() {}
    send(signal);
    assert!(ReadyList::global().pop_until(Instant::now() + WAIT).is_some());
}

/// Waits as a drain does, until a request can be taken.
fn is_requested() -> bool {
    let deadline = Instant::now() + WAIT;
    while !take_request() {
        if ReadyList::global().pop_until(deadline).is_none() {
            return take_request();
        }
    }
    true
}

#[test]
fn each_signal_is_a_request_and_wakes_the_main_thread() {
    let _turn = turn();
    for signal in [Signal::TERM, Signal::INT, Signal::TERM] {
        catch().expect("to be caught");
        assert!(is_caught() && !take_request());
        let start = Instant::now();
        send(signal);
        assert!(is_requested(), "{signal:?}");
        assert!(start.elapsed() < WAIT / 2, "it did not wait for the deadline");
        assert!(!take_request(), "it is taken once");
        release();
    }
    assert!(!is_caught());
}

#[test]
fn signals_in_a_row_are_one_request() {
    let _turn = turn();
    catch().expect("to be caught");
    send(Signal::INT);
    assert!(is_requested());
    send(Signal::INT);
    send(Signal::TERM);
    std::thread::sleep(SAME_REQUEST / 5);
    assert!(!take_request());
    release();
}

#[test]
fn signals_in_a_row_are_one_request_even_if_the_next_one_is_caught_meanwhile() {
    let _turn = turn();
    catch().expect("to be caught");
    send(Signal::INT);
    assert!(is_requested());
    catch().expect("to be caught");
    send(Signal::TERM);
    std::thread::sleep(SAME_REQUEST / 5);
    assert!(!take_request());
    std::thread::sleep(SAME_REQUEST);
    send(Signal::TERM);
    assert!(is_requested(), "that is another one");
    release();
}

#[test]
fn a_request_is_not_lost_when_it_is_caught_again() {
    let _turn = turn();
    catch().expect("to be caught");
    send_and_wait(Signal::TERM);
    catch().expect("to be caught");
    assert!(take_request() && !take_request());
    release();
}

#[test]
fn a_request_that_was_not_taken_is_forgotten_with_its_release() {
    let _turn = turn();
    catch().expect("to be caught");
    send_and_wait(Signal::TERM);
    release();
    assert!(!take_request());
    catch().expect("to be caught");
    assert!(!take_request());
    release();
}

#[test]
fn it_is_caught_by_the_next_runtime() {
    let _turn = turn();
    catch().expect("to be caught");
    runtime::stop(Duration::ZERO);
    // Nobody waits for it now, and it does not end the process either.
    send(Signal::TERM);
    catch().expect("to be caught");
    send(Signal::TERM);
    assert!(is_requested());
    release();
}

#[test]
fn what_ends_the_process() {
    let ends = |role: &str| {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.args(["--exact", "started_again", "--ignored"]).env(ROLE, role);
        command.output().expect("to run").status.signal()
    };
    assert_eq!(ends("released"), Some(15), "what happened before happens again");
    assert_eq!(ends("twice"), Some(2), "the second request, later than the first");
    assert_eq!(ends("once"), None, "the first one does not");
}

#[test]
#[ignore = "started by `what_ends_the_process`"]
fn started_again() {
    let Ok(role) = std::env::var(ROLE) else { return };
    catch().expect("to be caught");
    match role.as_str() {
        "released" => {
            release();
            send(Signal::TERM);
        }
        "twice" => {
            send(Signal::TERM);
            assert!(is_requested());
            let deadline = Instant::now() + WAIT;
            while Instant::now() < deadline {
                std::thread::sleep(SAME_REQUEST + SAME_REQUEST / 5);
                send(Signal::INT);
            }
        }
        _ => {
            send(Signal::TERM);
            assert!(is_requested());
        }
    }
}
