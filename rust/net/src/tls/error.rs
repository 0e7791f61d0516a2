//! What the library's errors mean here.

use std::io;

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

use crate::error::{CertificateProblem, TlsError};

impl From<io::Error> for TlsError {
    /// An error of a handshake.
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
            Error::AlertReceived(alert) => Self::Refused(words(*alert)),
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
            NotValidForNameContext { presented, .. } => Self::WrongName(presented.clone()),
            UnknownIssuer => Self::UnknownIssuer,
            Revoked => Self::Revoked,
            BadSignature => Self::BadSignature,
            other => Self::Other(other.to_string()),
        }
    }
}

/// An alert in words (RFC 8446 section 6.2): `CertificateExpired` becomes `certificate expired`.
fn words(alert: AlertDescription) -> String {
    let name = format!("{alert:?}");
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
    use super::*;

    #[test]
    fn alerts_are_words() {
        assert_eq!(words(AlertDescription::UnknownCA), "unknown ca");
        assert_eq!(words(AlertDescription::CertificateExpired), "certificate expired");
        assert_eq!(words(AlertDescription::HandshakeFailure), "handshake failure");
        assert_eq!(words(AlertDescription::BadRecordMac), "bad record mac");
    }
}
