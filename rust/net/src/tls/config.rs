//! TLS configuration of either side, parsed and checked once.

use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{ClientConfig, ServerConfig};

use super::certificate::Certificate;
use super::roots::system_roots;
use super::verify::{NameCheck, Roots, Verifier};
use crate::error::{TlsConfigError, TlsError};

/// Which servers a client trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsTrust<'a> {
    /// Servers that present one of these certificates, or one signed by them. One or more certificates in PEM.
    Chain(&'a str),
    /// Servers that the system trusts. Its certificates are read once, in the background.
    System,
}

/// TLS configuration of a client. Cheap to clone, and best shared by many connections: a client that connects to the
/// same server again then resumes its session.
#[derive(Clone)]
pub struct TlsClientConfig(Arc<Client>);

struct Client {
    trust: Trust,
    name: NameCheck,
    alpn: Vec<Vec<u8>>,
    /// Built for the first connection.
    ready: OnceLock<Arc<ClientConfig>>,
}

enum Trust {
    Chain(Roots),
    System,
    Everybody,
}

impl TlsClientConfig {
    /// Creates a configuration that checks the chain, the dates and the name of the server's certificate.
    ///
    /// `common_name` is the name to check instead of the host's. A certificate is identified by its subject alternative
    /// names (RFC 6125 section 6.4.4). The common name of one without any counts only under [`TlsTrust::Chain`], and
    /// only if the certificate itself was given, or was signed directly by one that was given and has no name
    /// constraints. `alpn` lists the protocols to offer, most preferred first (RFC 7301); if empty, none is offered.
    ///
    /// # Errors
    /// [`TlsConfigError`].
    pub fn new(trust: TlsTrust<'_>, common_name: Option<&str>, alpn: &[&str]) -> Result<Self, TlsConfigError> {
        let trust = match trust {
            TlsTrust::Chain(pem) => Trust::Chain(Roots::given(parse_certificates(pem)?)),
            TlsTrust::System => Trust::System,
        };
        let name = common_name.map_or(NameCheck::Host, |name| NameCheck::Other(name.to_owned()));
        Self::build(trust, name, alpn)
    }

    /// Creates a configuration that checks no name, and no chain either unless one is given. The connection is
    /// encrypted, but the server's identity is not verified.
    ///
    /// # Errors
    /// [`TlsConfigError`].
    pub fn insecure(trusted_chain: Option<&str>, alpn: &[&str]) -> Result<Self, TlsConfigError> {
        let trust = match trusted_chain {
            Some(pem) => Trust::Chain(Roots::given(parse_certificates(pem)?)),
            None => Trust::Everybody,
        };
        Self::build(trust, NameCheck::Off, alpn)
    }

    fn build(trust: Trust, name: NameCheck, alpn: &[&str]) -> Result<Self, TlsConfigError> {
        Ok(Self(Arc::new(Client {
            trust,
            name,
            alpn: parse_alpn(alpn)?,
            ready: OnceLock::new(),
        })))
    }

    /// The TLS library's configuration, built on first use.
    pub(super) async fn ready(&self) -> Result<Arc<ClientConfig>, TlsError> {
        if let Some(ready) = self.0.ready.get() {
            return Ok(ready.clone());
        }
        let roots = match &self.0.trust {
            Trust::Chain(roots) => Some(roots.clone()),
            Trust::System => Some(Roots::of_system(system_roots().await?)),
            Trust::Everybody => None,
        };
        let verifier = Verifier {
            roots,
            name: self.0.name.clone(),
            algorithms: provider().signature_verification_algorithms,
        };
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Protocol(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols.clone_from(&self.0.alpn);
        Ok(self.0.ready.get_or_init(|| Arc::new(config)).clone())
    }
}

impl fmt::Debug for TlsClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClientConfig").finish_non_exhaustive()
    }
}

/// TLS configuration of a server. Cheap to clone.
#[derive(Clone)]
pub struct TlsServerConfig(Arc<ServerConfig>);

impl TlsServerConfig {
    /// Creates a configuration from a private key (PKCS #8, PKCS #1 or SEC 1) and its certificate, followed by those
    /// that lead to a root, all in PEM.
    ///
    /// `alpn` lists the supported protocols, most preferred first (RFC 7301). A client that offers only others is
    /// refused, one that offers none is not; an empty list accepts every client.
    ///
    /// # Errors
    /// [`TlsConfigError`], which contains nothing of the key.
    pub fn new(key: &str, certificate_chain: &str, alpn: &[&str]) -> Result<Self, TlsConfigError> {
        let chain = parse_certificates(certificate_chain)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| TlsConfigError::Key)?;
        let key = provider()
            .key_provider
            .load_private_key(key)
            .map_err(|_| TlsConfigError::Key)?;
        // The library's own check accepts only certificates that it can parse; clients may accept others.
        let certified_key = chain
            .first()
            .and_then(|der| Certificate::parse(der))
            .map(|c| c.public_key.to_vec());
        if key.public_key().map(|own| own.to_vec()) != certified_key {
            return Err(TlsConfigError::KeyMismatch);
        }
        let certified = CertifiedKey::new(chain, key);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsConfigError::Library(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = parse_alpn(alpn)?;
        Ok(Self(Arc::new(config)))
    }

    pub(super) fn ready(&self) -> Arc<ServerConfig> {
        self.0.clone()
    }
}

impl fmt::Debug for TlsServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServerConfig").finish_non_exhaustive()
    }
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(ring::default_provider()));
    PROVIDER.clone()
}

fn parse_certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| TlsConfigError::Certificate)?;
    // An empty object of a certificate may be written as an empty block.
    if certificates.iter().all(|der| der.is_empty()) {
        return Err(TlsConfigError::NoCertificate);
    }
    if certificates.iter().any(|der| Certificate::parse(der).is_none()) {
        return Err(TlsConfigError::Certificate);
    }
    Ok(certificates)
}

/// Checks the name of an ALPN protocol (RFC 7301 section 3.1).
///
/// # Errors
/// [`TlsConfigError::Alpn`].
pub fn check_alpn(protocol: &str) -> Result<(), TlsConfigError> {
    match protocol.len() {
        1..=255 => Ok(()),
        _ => Err(TlsConfigError::Alpn(protocol.to_owned())),
    }
}

fn parse_alpn(protocols: &[&str]) -> Result<Vec<Vec<u8>>, TlsConfigError> {
    protocols
        .iter()
        .map(|protocol| check_alpn(protocol).map(|()| protocol.as_bytes().to_vec()))
        .collect()
}
