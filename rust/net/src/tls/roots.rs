//! The certificates that the system trusts: read once, in the background, when a connection first needs them.

use std::sync::Arc;

use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::error::TlsError;

static SYSTEM: OnceCell<Arc<RootCertStore>> = OnceCell::const_new();

pub(super) async fn system_roots() -> Result<Arc<RootCertStore>, TlsError> {
    SYSTEM.get_or_try_init(load).await.cloned()
}

async fn load() -> Result<Arc<RootCertStore>, TlsError> {
    let loaded = spawn_blocking(|| {
        let (certificates, error) = read();
        let mut roots = RootCertStore::empty();
        // System stores contain some that the library does not accept.
        roots.add_parsable_certificates(certificates);
        if roots.is_empty() { Err(error) } else { Ok(roots) }
    });
    match loaded.await {
        Ok(Ok(roots)) => Ok(Arc::new(roots)),
        Ok(Err(error)) => Err(TlsError::NoSystemRoots(error)),
        Err(error) => Err(TlsError::NoSystemRoots(error.to_string())),
    }
}

/// The certificates, and why there are none or some are missing.
#[cfg(not(target_os = "android"))]
fn read() -> (Vec<CertificateDer<'static>>, String) {
    let found = rustls_native_certs::load_native_certs();
    let error = found.errors.first().map_or_else(String::new, ToString::to_string);
    (found.certs, error)
}

#[cfg(target_os = "android")]
fn read() -> (Vec<CertificateDer<'static>>, String) {
    match super::android_roots::Store::of_device().read() {
        Ok(certificates) => (certificates, String::new()),
        Err(error) => (Vec::new(), error),
    }
}
