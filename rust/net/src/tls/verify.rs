//! Verification of server certificates.

use std::borrow::Cow;
use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use tokio_rustls::rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature, verify_tls13_signature_with_raw_key,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, Error, PeerMisbehaved, RootCertStore, SignatureScheme,
};

use super::certificate::Certificate;

/// The certificates that a client trusts.
#[derive(Debug, Clone)]
pub(super) struct Roots {
    /// Certificates that may sign others.
    pub(super) store: Arc<RootCertStore>,
    /// Certificates that a server may present itself, whether they may sign others or not. A self-signed certificate is
    /// given this way, and the usual check of the chain accepts none that is both root and server.
    pub(super) pinned: Vec<CertificateDer<'static>>,
    /// The part of `store` whose certificates may sign one that names its server by a common name alone; see
    /// [`Verifier::check_name`].
    pub(super) common_names: Arc<RootCertStore>,
}

impl Roots {
    /// Trusts the certificates of the system.
    pub(super) fn of_system(store: Arc<RootCertStore>) -> Self {
        Self {
            store,
            pinned: Vec::new(),
            common_names: Arc::new(RootCertStore::empty()),
        }
    }

    /// Trusts certificates that the user gave.
    pub(super) fn given(pinned: Vec<CertificateDer<'static>>) -> Self {
        let mut store = RootCertStore::empty();
        // A certificate that cannot sign others may still be the server's own.
        store.add_parsable_certificates(pinned.iter().cloned());
        let common_names = store
            .roots
            .iter()
            .filter(|root| root.name_constraints.is_none())
            .cloned();
        Self {
            common_names: Arc::new(common_names.collect()),
            store: Arc::new(store),
            pinned,
        }
    }

    fn has(&self, certificate: &CertificateDer<'_>) -> bool {
        self.pinned.iter().any(|pinned| pinned.as_ref() == certificate.as_ref())
    }
}

/// Which name a certificate must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NameCheck {
    /// That of the host that was connected to.
    Host,
    /// This name.
    Other(String),
    /// Any name.
    Off,
}

/// Checks the certificate that a server presents.
#[derive(Debug)]
pub(super) struct Verifier {
    /// `None` trusts every server.
    pub(super) roots: Option<Roots>,
    pub(super) name: NameCheck,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(roots) = &self.roots {
            if roots.has(end_entity) {
                check_dates(end_entity, now)?;
            } else {
                self.check_chain(end_entity, &roots.store, intermediates, now)
                    .map_err(|error| refusal(error, end_entity))?;
            }
        }
        match &self.name {
            NameCheck::Off => {}
            NameCheck::Host => self.check_name(end_entity, &server_name.to_str(), now)?,
            NameCheck::Other(name) => self.check_name(end_entity, name, now)?,
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if ParsedCertificate::try_from(certificate).is_ok() {
            return verify_tls12_signature(message, certificate, signed, &self.algorithms);
        }
        let key = public_key(certificate)?;
        let key = webpki::RawPublicKeyEntity::try_from(&key).map_err(|_| CertificateError::BadEncoding)?;
        let candidates = self
            .algorithms
            .mapping
            .iter()
            .find(|(scheme, _)| *scheme == signed.scheme);
        // The scheme does not tell the curve of a key, so every algorithm that it allows is tried.
        for algorithm in candidates.map_or(&[][..], |(_, algorithms)| *algorithms) {
            if key.verify_signature(*algorithm, message, signed.signature()).is_ok() {
                return Ok(HandshakeSignatureValid::assertion());
            }
        }
        match candidates {
            Some(_) => Err(CertificateError::BadSignature.into()),
            None => Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if ParsedCertificate::try_from(certificate).is_ok() {
            return verify_tls13_signature(message, certificate, signed, &self.algorithms);
        }
        verify_tls13_signature_with_raw_key(message, &public_key(certificate)?, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl Verifier {
    fn check_chain(
        &self,
        end_entity: &CertificateDer<'_>,
        roots: &RootCertStore,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, self.algorithms.all)
    }

    /// Checks the name by those that the certificate lists. If it lists none, its common name is accepted in two cases,
    /// since the engine generates such certificates: the user gave the certificate itself, or one that signed it
    /// without an intermediate and has no name constraints. Name constraints (RFC 5280 section 4.2.1.10) apply to
    /// listed names only, so anywhere else an authority limited to some names could certify every other by a common
    /// name.
    fn check_name(&self, end_entity: &CertificateDer<'_>, name: &str, now: UnixTime) -> Result<(), Error> {
        let own = Certificate::parse(end_entity).ok_or(CertificateError::BadEncoding)?;
        if own.has_alt_names {
            let name =
                ServerName::try_from(Cow::from(name).into_owned()).map_err(|_| CertificateError::NotValidForName)?;
            return verify_server_name(&ParsedCertificate::try_from(end_entity)?, &name);
        }
        let may_have_common_name = self.roots.as_ref().is_some_and(|roots| {
            roots.has(end_entity) || self.check_chain(end_entity, &roots.common_names, &[], now).is_ok()
        });
        if may_have_common_name && own.has_common_name(name) {
            Ok(())
        } else {
            Err(CertificateError::NotValidForName.into())
        }
    }
}

/// Why a certificate is refused. For a self-signed one the library may report that it is of the wrong kind (an
/// authority's, or of version 1); what matters is that nobody has vouched for it.
fn refusal(error: Error, certificate: &CertificateDer<'_>) -> Error {
    let of_the_wrong_kind = matches!(
        error,
        Error::InvalidCertificate(CertificateError::Other(_) | CertificateError::BadEncoding)
    );
    if of_the_wrong_kind && Certificate::parse(certificate).is_some_and(|own| own.is_self_issued) {
        CertificateError::UnknownIssuer.into()
    } else {
        error
    }
}

/// The key of a certificate that the library cannot parse (of X.509 version 1, for example) and that is trusted without
/// its help.
fn public_key(certificate: &CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'static>, CertificateError> {
    let parsed = Certificate::parse(certificate).ok_or(CertificateError::BadEncoding)?;
    Ok(parsed.public_key.to_vec().into())
}

fn check_dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), CertificateError> {
    let parsed = Certificate::parse(certificate).ok_or(CertificateError::BadEncoding)?;
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if seconds < parsed.not_before {
        Err(CertificateError::NotValidYet)
    } else if seconds > parsed.not_after {
        Err(CertificateError::Expired)
    } else {
        Ok(())
    }
}
