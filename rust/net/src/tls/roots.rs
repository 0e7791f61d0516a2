//! The certificates that the system trusts: read once, in the background, when a connection first needs them.

use std::sync::Arc;

use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio_rustls::rustls::RootCertStore;

use crate::error::TlsError;

static SYSTEM: OnceCell<Arc<RootCertStore>> = OnceCell::const_new();

pub(super) async fn system_roots() -> Result<Arc<RootCertStore>, TlsError> {
    SYSTEM.get_or_try_init(load).await.cloned()
}

async fn load() -> Result<Arc<RootCertStore>, TlsError> {
    let loaded = spawn_blocking(|| {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        // System stores contain some that the library does not accept.
        roots.add_parsable_certificates(found.certs);
        let error = found.errors.first().map_or_else(String::new, ToString::to_string);
        if roots.is_empty() { Err(error) } else { Ok(roots) }
    });
    match loaded.await {
        Ok(Ok(roots)) => Ok(Arc::new(roots)),
        Ok(Err(error)) => Err(TlsError::NoSystemRoots(error)),
        Err(error) => Err(TlsError::NoSystemRoots(error.to_string())),
    }
}
