//! What the two ends of a connection, the handle and the task, share about its TLS.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::event::TlsInfo;

#[derive(Debug, Default)]
pub(crate) struct TlsState {
    info: OnceLock<TlsInfo>,
    /// Whether TLS was asked for. Locked by the task while it reads plain bytes and gives them to the user, so that
    /// the user who has asked knows that no more will come.
    asked: Mutex<bool>,
}

impl TlsState {
    /// What was agreed on, once TLS stands.
    pub(crate) fn info(&self) -> Option<&TlsInfo> {
        self.info.get()
    }

    /// TLS stands, whoever asked for it: the user, or the listener that accepted the connection.
    pub(crate) fn set_info(&self, info: TlsInfo) {
        self.ask();
        let _ = self.info.set(info);
    }

    /// Asks for TLS; from now on nothing is read in plain. Says whether it was asked for before.
    pub(crate) fn ask(&self) -> bool {
        std::mem::replace(&mut *self.asked(), true)
    }

    /// To be held while plain bytes are read and given; `None` once TLS was asked for.
    pub(crate) fn plain(&self) -> Option<MutexGuard<'_, bool>> {
        Some(self.asked()).filter(|asked| !**asked)
    }

    fn asked(&self) -> MutexGuard<'_, bool> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
