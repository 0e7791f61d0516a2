//! The handshakes of a server that are under way: each by itself, so that a slow or hostile peer costs only itself.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::TlsServerConfig;
use super::stream::{TlsStream, accept_tls, within};
use crate::error::TlsError;
use crate::limits::MAX_TLS_HANDSHAKES;

/// The handshakes of one server. Dropping it ends them.
pub(crate) struct Handshakes {
    config: TlsServerConfig,
    timeout: Duration,
    places: Arc<Semaphore>,
    running: JoinSet<()>,
    failures: Arc<Failures>,
}

impl Handshakes {
    pub(crate) fn new(config: TlsServerConfig, timeout: Duration, failures: Arc<Failures>) -> Self {
        Self {
            config,
            timeout,
            places: Arc::new(Semaphore::new(MAX_TLS_HANDSHAKES)),
            running: JoinSet::new(),
            failures,
        }
    }

    /// Waits until one more may be under way. To be asked before a connection is taken from the system.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().acquire_owned().await.ok()
    }

    /// Starts one, and `then` if it succeeds. The place is held until both are over.
    pub(crate) fn start<F>(
        &mut self,
        stream: TcpStream,
        place: OwnedSemaphorePermit,
        then: impl FnOnce(TlsStream) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send,
    {
        while self.running.try_join_next().is_some() {}
        let (config, timeout, failures) = (self.config.clone(), self.timeout, self.failures.clone());
        self.running.spawn(async move {
            match within(timeout, accept_tls(stream, &config)).await {
                Ok(stream) => then(stream).await,
                Err(error) => failures.add(&error),
            }
            drop(place);
        });
    }
}

/// What became of the handshakes that failed.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    count: AtomicU64,
    last: Mutex<Option<String>>,
}

impl Failures {
    fn add(&self, error: &TlsError) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        // Last: whoever sees the count finds the words.
        self.count.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Why the last one failed, in words.
    pub(crate) fn last(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
