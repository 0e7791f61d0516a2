//! Admission control by the peer's address, before anything is read.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::http::trusted::TrustedProxies;
pub use blocked::{BlockedAddresses, InvalidBlock};
pub(crate) use rate::Rates;
pub(crate) use share::{Share, Shares};
pub(crate) use source::Source;

mod blocked;
mod rate;
mod share;
mod source;

/// Per-address limits of one listening socket. They may be changed while it runs and then apply to new connections.
///
/// An address is one IPv4 address, or the first 64 bits of an IPv6 address, since a host usually owns a whole /64 (RFC
/// 6177 section 2). Link-local IPv6 addresses, which all share the same first 64 bits, count individually.
#[derive(Debug, Clone, Default)]
pub struct AdmissionRules {
    /// Maximum number of simultaneous established clients per address; further ones are refused. Default `None`: no
    /// limit.
    pub max_clients_per_address: Option<usize>,
    /// Maximum number of connections per address and second, all of which may arrive in one burst; further ones are
    /// refused. Default `None`: no limit.
    pub max_handshakes_per_second: Option<u32>,
    /// Addresses that are refused. Default: none.
    pub blocked: BlockedAddresses,
}

/// Numbers of connections that were refused by address or displaced, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TurnedAway {
    /// Refused because the address is in [`AdmissionRules::blocked`].
    pub blocked: u64,
    /// Refused because of [`AdmissionRules::max_handshakes_per_second`].
    pub too_fast: u64,
    /// Refused because of [`AdmissionRules::max_clients_per_address`].
    pub crowded: u64,
    /// Handshakes dropped before they were complete, to make room for newer connections.
    pub displaced: u64,
}

impl TurnedAway {
    /// The sum of all counts.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.blocked + self.too_fast + self.crowded + self.displaced
    }
}

/// The reason why a connection is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Blocked,
    TooFast,
    Crowded,
}

/// The rules of one listening socket, and the state kept for each address.
#[derive(Debug)]
pub(crate) struct Admission {
    state: Mutex<State>,
    counts: Counts,
    /// Proxies whose connections are judged later, by the client's own address.
    trusted: TrustedProxies,
    /// An address at its limit of clients may still connect, for plain HTTP.
    serves_http: AtomicBool,
}

#[derive(Debug)]
struct State {
    rules: AdmissionRules,
    rates: Rates,
    /// Number of established clients per address; addresses without any are removed.
    clients: HashMap<Source, usize>,
}

#[derive(Debug, Default)]
struct Counts {
    blocked: AtomicU64,
    too_fast: AtomicU64,
    crowded: AtomicU64,
    displaced: AtomicU64,
}

impl Admission {
    pub(crate) fn new(rules: AdmissionRules) -> Self {
        Self {
            state: Mutex::new(State {
                rules,
                rates: Rates::default(),
                clients: HashMap::new(),
            }),
            counts: Counts::default(),
            trusted: TrustedProxies::default(),
            serves_http: AtomicBool::new(false),
        }
    }

    /// Judges the connections of these proxies only by [`AdmissionRules::blocked`].
    pub(crate) fn trusting(self, trusted: TrustedProxies) -> Self {
        Self { trusted, ..self }
    }

    /// Sets whether an address at its limit of clients may still connect.
    pub(crate) fn set_serves_http(&self, on: bool) {
        self.serves_http.store(on, Ordering::Release);
    }

    pub(crate) fn set_rules(&self, rules: AdmissionRules) {
        self.state().rules = rules;
    }

    /// Checks a connection that was just accepted, and counts a refusal.
    pub(crate) fn judge(&self, ip: IpAddr) -> Result<(), Refused> {
        if self.trusted.contains(ip) {
            return if self.is_blocked(ip) {
                self.refuse(Refused::Blocked)
            } else {
                Ok(())
            };
        }
        self.judge_client(ip)
    }

    /// Checks a client behind a trusted proxy, and counts a refusal.
    pub(crate) fn judge_client(&self, ip: IpAddr) -> Result<(), Refused> {
        let may_be_crowded = self.serves_http.load(Ordering::Acquire);
        let refused = {
            let mut state = self.state();
            let State { rules, rates, clients } = &mut *state;
            let source = Source::of(ip);
            let in_time = |most| rates.take(source, most, Instant::now());
            let clients = clients.get(&source).copied().unwrap_or(0);
            if rules.blocked.contains(ip) {
                Refused::Blocked
            } else if !rules.max_handshakes_per_second.is_none_or(in_time) {
                Refused::TooFast
            } else if !may_be_crowded && rules.max_clients_per_address.is_some_and(|most| clients >= most) {
                Refused::Crowded
            } else {
                return Ok(());
            }
        };
        self.refuse(refused)
    }

    /// Whether the address is in [`AdmissionRules::blocked`].
    pub(crate) fn is_blocked(&self, ip: IpAddr) -> bool {
        self.state().rules.blocked.contains(ip)
    }

    fn refuse(&self, refused: Refused) -> Result<(), Refused> {
        self.count(refused);
        Err(refused)
    }

    /// Counts a client as established. Returns `false` if its address has reached its limit; otherwise the caller must
    /// call [`Self::leave`] when the client is gone.
    pub(crate) fn enter(&self, ip: IpAddr) -> bool {
        let mut state = self.state();
        let most = state.rules.max_clients_per_address.unwrap_or(usize::MAX);
        let source = Source::of(ip);
        if state.clients.get(&source).is_some_and(|&clients| clients >= most) || most == 0 {
            drop(state);
            self.count(Refused::Crowded);
            return false;
        }
        *state.clients.entry(source).or_default() += 1;
        true
    }

    /// Returns whether [`Self::enter`] would admit a client now.
    pub(crate) fn may_enter(&self, ip: IpAddr) -> bool {
        let state = self.state();
        let clients = state.clients.get(&Source::of(ip)).copied().unwrap_or(0);
        state.rules.max_clients_per_address.is_none_or(|most| clients < most)
    }

    pub(crate) fn leave(&self, ip: IpAddr) {
        let mut state = self.state();
        let source = Source::of(ip);
        if let Some(clients) = state.clients.get_mut(&source) {
            *clients -= 1;
            if *clients == 0 {
                state.clients.remove(&source);
            }
        }
    }

    /// Counts a handshake that was dropped to make room.
    pub(crate) fn count_displaced(&self) {
        self.counts.displaced.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self, refused: Refused) {
        let count = match refused {
            Refused::Blocked => &self.counts.blocked,
            Refused::TooFast => &self.counts.too_fast,
            Refused::Crowded => &self.counts.crowded,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn turned_away(&self) -> TurnedAway {
        TurnedAway {
            blocked: self.counts.blocked.load(Ordering::Relaxed),
            too_fast: self.counts.too_fast.load(Ordering::Relaxed),
            crowded: self.counts.crowded.load(Ordering::Relaxed),
            displaced: self.counts.displaced.load(Ordering::Relaxed),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An established client, counted until dropped.
#[derive(Debug)]
pub(crate) struct Presence {
    admission: Arc<Admission>,
    ip: IpAddr,
}

impl Presence {
    /// Returns `None` if the address has reached its limit of clients.
    pub(crate) fn enter(admission: &Arc<Admission>, ip: IpAddr) -> Option<Self> {
        admission.enter(ip).then(|| Self {
            admission: admission.clone(),
            ip,
        })
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.admission.leave(self.ip);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_its_number_of_clients() {
        let admission = Arc::new(Admission::new(AdmissionRules {
            max_clients_per_address: Some(2),
            ..AdmissionRules::default()
        }));
        let one = Presence::enter(&admission, ip("2001:db8::1")).expect("room");
        let _two = Presence::enter(&admission, ip("2001:db8::2")).expect("room");
        assert!(Presence::enter(&admission, ip("2001:db8::3")).is_none(), "the same /64");
        assert_eq!(admission.judge(ip("2001:db8::3")), Err(Refused::Crowded));
        assert_eq!(admission.judge(ip("2001:db8:0:1::3")), Ok(()));
        drop(one);
        assert_eq!(admission.judge(ip("2001:db8::3")), Ok(()));
        assert_eq!(admission.turned_away().crowded, 2);
    }

    #[test]
    fn addresses_without_clients_are_forgotten() {
        let admission = Arc::new(Admission::new(AdmissionRules::default()));
        for n in 0..1000_u32 {
            drop(Presence::enter(&admission, IpAddr::from(n.to_be_bytes())));
        }
        assert!(admission.state().clients.is_empty());
    }

    #[test]
    fn rules_change_while_clients_are_there() {
        let admission = Arc::new(Admission::new(AdmissionRules::default()));
        let _one = Presence::enter(&admission, ip("10.0.0.1")).expect("room");
        assert_eq!(admission.judge(ip("10.0.0.1")), Ok(()));
        admission.set_rules(AdmissionRules {
            max_clients_per_address: Some(1),
            blocked: BlockedAddresses::parse(["10.0.1.0/24"]).expect("a range"),
            ..AdmissionRules::default()
        });
        assert_eq!(admission.judge(ip("10.0.0.1")), Err(Refused::Crowded));
        assert_eq!(admission.judge(ip("10.0.1.77")), Err(Refused::Blocked));
        assert_eq!(admission.judge(ip("::ffff:10.0.1.77")), Err(Refused::Blocked));
        assert_eq!(admission.judge(ip("10.0.2.1")), Ok(()));
    }
}
