//! The state of TLS that both ends of a connection share, the handle and the task.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::event::TlsInfo;

#[derive(Debug, Default)]
pub(crate) struct TlsState {
    info: OnceLock<TlsInfo>,
    /// Whether TLS was requested. The task holds the lock while it reads plain bytes and passes them to the user, so
    /// that a user who has requested TLS knows that no more will come.
    asked: Mutex<bool>,
}

impl TlsState {
    /// What was negotiated; `None` until TLS is established.
    pub(crate) fn info(&self) -> Option<&TlsInfo> {
        self.info.get()
    }

    /// Notes that TLS is established, no matter whether the user or the accepting listener requested it.
    pub(crate) fn set_info(&self, info: TlsInfo) {
        self.ask();
        let _ = self.info.set(info);
    }

    /// Requests TLS; from now on no plain bytes are read. Returns whether it was requested before.
    pub(crate) fn ask(&self) -> bool {
        std::mem::replace(&mut *self.asked(), true)
    }

    /// Must be held while plain bytes are read and passed on; `None` once TLS was requested.
    pub(crate) fn plain(&self) -> Option<MutexGuard<'_, bool>> {
        Some(self.asked()).filter(|asked| !**asked)
    }

    fn asked(&self) -> MutexGuard<'_, bool> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
