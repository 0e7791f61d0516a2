//! What all HTTP connections of one server share.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use super::exchange::HttpRequestId;
use super::options::HttpOptions;
use super::site::Site;
use crate::admission::{Rates, Share, Shares, Source};

/// For all servers: the main thread keeps requests of stopped servers beside those of the next one.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// The next id of a request.
pub(crate) fn next_id() -> HttpRequestId {
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// The state of HTTP on one server.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) options: HttpOptions,
    site: Mutex<Arc<Site>>,
    has_handler: AtomicBool,
    connections: Shares,
    rates: Mutex<Rates>,
    /// Tells the connections to make room.
    shortage: watch::Sender<()>,
    started: Instant,
    pub(crate) requests: AtomicU64,
    /// Of those, the ones of addresses that made too many.
    pub(crate) too_fast: AtomicU64,
}

impl Http {
    pub(crate) fn new(options: HttpOptions) -> Self {
        Self {
            site: Mutex::new(Arc::new(options.site.clone())),
            has_handler: AtomicBool::new(options.has_handler),
            connections: Shares::new(options.max_connections),
            rates: Mutex::default(),
            shortage: watch::channel(()).0,
            started: Instant::now(),
            requests: AtomicU64::new(0),
            too_fast: AtomicU64::new(0),
            options,
        }
    }

    /// Whether anything answers requests that ask for no WebSocket.
    pub(crate) fn is_on(&self) -> bool {
        self.has_handler() || !self.site().is_empty()
    }

    pub(crate) fn site(&self) -> Arc<Site> {
        self.site.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_site(&self, site: Site) {
        let site = Arc::new(site);
        let before = std::mem::replace(&mut *self.site.lock().unwrap_or_else(PoisonError::into_inner), site);
        // Outside of the lock: it may free much.
        drop(before);
    }

    pub(crate) fn has_handler(&self) -> bool {
        self.has_handler.load(Ordering::Acquire)
    }

    pub(crate) fn set_handler(&self, on: bool) {
        self.has_handler.store(on, Ordering::Release);
    }

    /// Reserves a place for a connection, if there is one for this address.
    pub(crate) fn connection(&self, ip: IpAddr) -> Option<Share> {
        self.connections.take(self.source(ip))
    }

    /// Whose places a connection takes; `None` for a trusted proxy, whose connections are those of many clients.
    pub(crate) fn source(&self, ip: IpAddr) -> Option<Source> {
        (!self.options.trusted_proxies.contains(ip)).then(|| Source::of(ip))
    }

    /// Whether so many connections are open that none is kept after its response.
    pub(crate) fn is_crowded(&self) -> bool {
        self.connections.is_tight()
    }

    /// Ends the connections that wait for a request, and the others after their response: the system is out of file
    /// descriptors.
    pub(crate) fn make_room(&self) {
        self.shortage.send_replace(());
    }

    /// Changes when the connections are to make room.
    pub(crate) fn shortage(&self) -> watch::Receiver<()> {
        self.shortage.subscribe()
    }

    /// Number of connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections.taken_places()
    }

    /// Counts a request. Returns whether its address may make one now.
    pub(crate) fn may_request(&self, ip: IpAddr) -> bool {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let Some(most) = self.options.max_requests_per_second else {
            return true;
        };
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let is_in_time = rates.take(Source::of(ip), most, Instant::now());
        if !is_in_time {
            self.too_fast.fetch_add(1, Ordering::Relaxed);
        }
        is_in_time
    }

    /// Seconds since the start.
    pub(crate) fn uptime(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}
