//! The few fields of an X.509 certificate (RFC 5280 section 4.1) that the TLS library keeps to itself: names, dates and
//! the public key. It decides nothing about trust.

use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::Oid;
use x509_parser::der_parser::asn1_rs::{Tag, oid};
use x509_parser::prelude::FromDer;
use x509_parser::x509::AttributeTypeAndValue;

/// Kinds of names within a subject, and how they are written.
const ATTRIBUTES: [(Oid<'static>, &str); 7] = [
    (COMMON_NAME, "CN"),
    (oid!(2.5.4.6), "C"),
    (oid!(2.5.4.7), "L"),
    (oid!(2.5.4.8), "ST"),
    (oid!(2.5.4.10), "O"),
    (oid!(2.5.4.11), "OU"),
    (oid!(1.2.840.113549.1.9.1), "emailAddress"),
];
const COMMON_NAME: Oid<'static> = oid!(2.5.4.3);
const SUBJECT_ALT_NAME: Oid<'static> = oid!(2.5.29.17);

/// What a certificate says.
#[derive(Debug)]
pub(super) struct Certificate<'a> {
    /// The names in the subject: kind and text.
    subject: Vec<(Oid<'a>, String)>,
    /// Whether its issuer has its own name: it signs itself, then.
    pub(super) is_self_issued: bool,
    /// In seconds since 1970.
    pub(super) not_before: i64,
    /// In seconds since 1970.
    pub(super) not_after: i64,
    /// The SubjectPublicKeyInfo, as it stands.
    pub(super) public_key: &'a [u8],
    /// Whether it lists the names that it is for. If so its common name is for people only (RFC 6125 section 6.4.4).
    pub(super) has_alt_names: bool,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate, or gives `None` if it is none.
    pub(super) fn parse(der: &'a [u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let fields = certificate.tbs_certificate;
        let subject = fields.subject.iter_attributes();
        Some(Self {
            subject: subject.map(|name| (name.attr_type().clone(), text(name))).collect(),
            is_self_issued: fields.issuer.as_raw() == fields.subject.as_raw(),
            not_before: fields.validity.not_before.timestamp(),
            not_after: fields.validity.not_after.timestamp(),
            public_key: fields.subject_pki.raw,
            has_alt_names: fields
                .extensions()
                .iter()
                .any(|extension| extension.oid == SUBJECT_ALT_NAME),
        })
    }

    /// Whether one of its common names is `host`, letter case aside; `*.` stands for one label.
    pub(super) fn has_common_name(&self, host: &str) -> bool {
        self.subject
            .iter()
            .filter(|(kind, _)| *kind == COMMON_NAME)
            .any(|(_, name)| is_for(name, host))
    }

    /// The subject on one line, as `CN=game.example, O=Games`.
    pub(super) fn subject_text(&self) -> String {
        let mut out = String::new();
        for (kind, text) in &self.subject {
            if !out.is_empty() {
                out.push_str(", ");
            }
            match ATTRIBUTES.iter().find(|(oid, _)| oid == kind) {
                Some((_, name)) => out.push_str(name),
                None => out.push_str(&kind.to_id_string()),
            }
            out.push('=');
            // It comes from the peer and goes to logs and consoles.
            out.extend(text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }));
        }
        out
    }
}

fn is_for(name: &str, host: &str) -> bool {
    if let Some(domain) = name.strip_prefix("*.") {
        let is_address = host.parse::<std::net::IpAddr>().is_ok();
        return !is_address
            && host
                .split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(domain));
    }
    !name.is_empty() && name.eq_ignore_ascii_case(host)
}

/// A string of any of the kinds that certificates have.
fn text(name: &AttributeTypeAndValue<'_>) -> String {
    let bytes = name.as_slice();
    match name.attr_value().tag() {
        Tag::BmpString => {
            let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect()
        }
        // Latin-1, in practice.
        Tag::T61String => bytes.iter().copied().map(char::from).collect(),
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => String::from_utf8_lossy(bytes).into_owned(),
        _ => "\u{fffd}".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject;

    use super::*;

    /// Made by the engine: a CA flag, a common name and no alternative names.
    const ENGINE_MADE: &str = include_str!("../../tests/certificates/engine_self_signed.pem");

    fn engine_made() -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(ENGINE_MADE.as_bytes()).unwrap()
    }

    #[test]
    fn a_certificate_of_the_engine_is_read() {
        let der = engine_made();
        let certificate = Certificate::parse(&der).unwrap();
        assert_eq!(certificate.subject_text(), "CN=game.example, O=Games, C=IT");
        assert!(!certificate.has_alt_names);
        assert!(certificate.is_self_issued);
        assert_eq!(certificate.not_before, 1_388_534_400);
        assert_eq!(certificate.not_after, 2_019_686_400);
        assert_eq!(certificate.public_key.len(), 294);
        assert!(certificate.has_common_name("GAME.example"));
        assert!(!certificate.has_common_name("example"));
    }

    #[test]
    fn what_is_cut_or_changed_breaks_nothing() {
        let der = engine_made();
        for len in 0..der.len() {
            assert!(Certificate::parse(&der[..len]).is_none(), "cut at {len}");
        }
        let mut changed = der.to_vec();
        for at in 0..der.len() {
            for value in [0x00, 0x7f, 0x80, 0x84, 0xff] {
                changed[at] = value;
                if let Some(certificate) = Certificate::parse(&changed) {
                    let _ = certificate.subject_text();
                }
            }
            changed[at] = der[at];
        }
    }

    #[test]
    fn a_wildcard_is_one_label() {
        assert!(is_for("*.example.org", "a.EXAMPLE.org"));
        for host in ["example.org", "a.b.example.org", ".example.org", "1.2.3.4"] {
            assert!(!is_for("*.example.org", host), "{host}");
        }
        assert!(!is_for("*.2.3.4", "1.2.3.4"));
        assert!(!is_for("", ""));
        assert!(is_for("1.2.3.4", "1.2.3.4"));
    }
}
