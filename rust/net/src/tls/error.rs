//! Conversion of the TLS library's errors into those of this crate.

use std::io;

use tokio_rustls::rustls::{CertificateError, Error, InvalidMessage, OtherError};

use crate::error::{CertificateProblem, TlsError};

impl From<io::Error> for TlsError {
    /// Converts an error of a handshake.
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(inner) => inner.into(),
            None => Self::Io(error),
        }
    }
}

impl From<&Error> for TlsError {
    fn from(error: &Error) -> Self {
        match error {
            Error::InvalidCertificate(problem) => Self::Certificate(problem.into()),
            Error::AlertReceived(alert) => Self::Refused(words(&format!("{alert:?}"))),
            Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
                Self::NotTls
            }
            other => Self::Protocol(other.to_string()),
        }
    }
}

impl From<&CertificateError> for CertificateProblem {
    fn from(error: &CertificateError) -> Self {
        use CertificateError::{
            BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
            NotValidYetContext, Revoked, UnknownIssuer,
        };
        match error {
            Expired | ExpiredContext { .. } => Self::Expired,
            NotValidYet | NotValidYetContext { .. } => Self::NotYetValid,
            NotValidForName => Self::WrongName(Vec::new()),
            NotValidForNameContext { presented, .. } => {
                Self::WrongName(presented.iter().map(|name| plain(name).to_owned()).collect())
            }
            UnknownIssuer => Self::UnknownIssuer,
            Revoked => Self::Revoked,
            BadSignature => Self::BadSignature,
            CertificateError::Other(OtherError(inner)) => Self::Other(words(&inner.to_string())),
            other => Self::Other(words(&other.to_string())),
        }
    }
}

/// Strips the library's wrapping from a name of a certificate: `DnsName("a.example")` becomes `a.example`.
fn plain(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

/// Spells out the name of an alert (RFC 8446 section 6.2) or an error: `CertificateExpired` becomes `certificate
/// expired`. Text that already consists of words is left unchanged.
fn words(name: &str) -> String {
    if !name.chars().all(char::is_alphanumeric) {
        return name.to_owned();
    }
    let mut out = String::with_capacity(name.len() + 8);
    let mut after_small = false;
    for c in name.chars() {
        if c.is_uppercase() && after_small {
            out.push(' ');
        }
        after_small = c.is_lowercase();
        out.extend(c.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::AlertDescription;

    use super::*;

    #[test]
    fn names_are_words() {
        let alert = |alert: AlertDescription| words(&format!("{alert:?}"));
        assert_eq!(alert(AlertDescription::UnknownCA), "unknown ca");
        assert_eq!(alert(AlertDescription::CertificateExpired), "certificate expired");
        assert_eq!(alert(AlertDescription::HandshakeFailure), "handshake failure");
        assert_eq!(alert(AlertDescription::BadRecordMac), "bad record mac");
        assert_eq!(words("words as they are"), "words as they are");
        assert_eq!(plain("DnsName(\"a.example\")"), "a.example");
        assert_eq!(plain("IpAddress(127.0.0.1)"), "127.0.0.1");
        assert_eq!(plain("a.example"), "a.example");
        let problem = CertificateProblem::from(&CertificateError::BadEncoding);
        assert_eq!(problem.to_string(), "bad encoding");
    }
}
