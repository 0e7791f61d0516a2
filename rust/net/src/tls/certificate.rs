//! The few fields of an X.509 certificate (RFC 5280 section 4.1) that the TLS library keeps to itself: names, dates and
//! the public key. A reader of DER that trusts no length; it decides nothing about trust.

use std::fmt::Write;

/// Tags of DER (X.690 section 8).
mod tag {
    pub(super) const INTEGER: u8 = 0x02;
    pub(super) const OID: u8 = 0x06;
    pub(super) const UTF8_STRING: u8 = 0x0c;
    pub(super) const PRINTABLE_STRING: u8 = 0x13;
    pub(super) const TELETEX_STRING: u8 = 0x14;
    pub(super) const IA5_STRING: u8 = 0x16;
    pub(super) const UTC_TIME: u8 = 0x17;
    pub(super) const GENERALIZED_TIME: u8 = 0x18;
    pub(super) const BMP_STRING: u8 = 0x1e;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const SET: u8 = 0x31;
    pub(super) const BOOLEAN: u8 = 0x01;
    pub(super) const VERSION: u8 = 0xa0;
    pub(super) const EXTENSIONS: u8 = 0xa3;
}

/// Kinds of names within a subject, and how they are written.
const ATTRIBUTES: [(&[u8], &str); 7] = [
    (COMMON_NAME, "CN"),
    (&[0x55, 0x04, 0x06], "C"),
    (&[0x55, 0x04, 0x07], "L"),
    (&[0x55, 0x04, 0x08], "ST"),
    (&[0x55, 0x04, 0x0a], "O"),
    (&[0x55, 0x04, 0x0b], "OU"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01], "emailAddress"),
];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// What a certificate says.
#[derive(Debug)]
pub(super) struct Certificate<'a> {
    /// The names in the subject: kind (an OID) and text.
    subject: Vec<(&'a [u8], String)>,
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
        let mut outer = Reader(der);
        let mut certificate = Reader(outer.expect(tag::SEQUENCE)?);
        let mut fields = Reader(certificate.expect(tag::SEQUENCE)?);
        fields.optional(tag::VERSION);
        fields.expect(tag::INTEGER)?;
        // The algorithm of the signature.
        fields.expect(tag::SEQUENCE)?;
        let issuer = fields.expect(tag::SEQUENCE)?;
        let mut validity = Reader(fields.expect(tag::SEQUENCE)?);
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        let subject = fields.expect(tag::SEQUENCE)?;
        let public_key = fields.any()?;
        let has_alt_names = loop {
            match fields.any() {
                None => break false,
                Some(field) if field.tag == tag::EXTENSIONS => break has_extension(field.content, SUBJECT_ALT_NAME)?,
                Some(_) => {}
            }
        };
        Some(Self {
            subject: names(subject)?,
            is_self_issued: issuer == subject,
            not_before,
            not_after,
            public_key: (public_key.tag == tag::SEQUENCE).then_some(public_key.whole)?,
            has_alt_names,
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
                None => out.push_str(&oid_text(kind)),
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

/// RDNSequence: SEQUENCE OF SET OF SEQUENCE { kind, text }.
fn names(content: &[u8]) -> Option<Vec<(&[u8], String)>> {
    let mut out = Vec::new();
    let mut sets = Reader(content);
    while !sets.0.is_empty() {
        let mut set = Reader(sets.expect(tag::SET)?);
        while !set.0.is_empty() {
            let mut pair = Reader(set.expect(tag::SEQUENCE)?);
            let kind = pair.expect(tag::OID)?;
            let value = pair.any()?;
            out.push((kind, text(&value)));
        }
    }
    Some(out)
}

/// A string of any of the kinds that certificates have.
fn text(value: &Value<'_>) -> String {
    match value.tag {
        tag::UTF8_STRING | tag::PRINTABLE_STRING | tag::IA5_STRING => {
            String::from_utf8_lossy(value.content).into_owned()
        }
        // Latin-1, in practice.
        tag::TELETEX_STRING => value.content.iter().copied().map(char::from).collect(),
        tag::BMP_STRING => {
            let units = value
                .content
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect()
        }
        _ => "\u{fffd}".to_owned(),
    }
}

/// Extensions: SEQUENCE OF SEQUENCE { kind, critical BOOLEAN OPTIONAL, OCTET STRING }.
fn has_extension(content: &[u8], wanted: &[u8]) -> Option<bool> {
    let mut list = Reader(Reader(content).expect(tag::SEQUENCE)?);
    let mut found = false;
    while !list.0.is_empty() {
        let mut extension = Reader(list.expect(tag::SEQUENCE)?);
        found |= extension.expect(tag::OID)? == wanted;
        extension.optional(tag::BOOLEAN);
        extension.any()?;
    }
    Some(found)
}

/// The dotted form of an object identifier (X.690 section 8.19).
fn oid_text(oid: &[u8]) -> String {
    let mut out = String::new();
    let mut number = 0_u64;
    for byte in oid {
        number = number.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            // Writing to a String cannot fail.
            let _ = if out.is_empty() {
                let first = (number / 40).min(2);
                write!(out, "{first}.{}", number - 40 * first)
            } else {
                write!(out, ".{number}")
            };
            number = 0;
        }
    }
    out
}

/// One element of DER.
struct Value<'a> {
    tag: u8,
    content: &'a [u8],
    /// With tag and length.
    whole: &'a [u8],
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn any(&mut self) -> Option<Value<'a>> {
        let (&[tag, first], mut rest) = self.0.split_first_chunk::<2>()?;
        let len = if first < 0x80 {
            usize::from(first)
        } else {
            // No certificate is over 16 MiB, and none has an element without a length.
            let count = usize::from(first & 0x7f);
            if count == 0 || count > 3 {
                return None;
            }
            let (bytes, after) = rest.split_at_checked(count)?;
            rest = after;
            bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte))
        };
        let (content, after) = rest.split_at_checked(len)?;
        let whole = self.0.get(..self.0.len() - after.len())?;
        self.0 = after;
        Some(Value { tag, content, whole })
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        let value = self.any()?;
        (value.tag == tag).then_some(value.content)
    }

    fn optional(&mut self, tag: u8) {
        if self.0.first() == Some(&tag) {
            self.any();
        }
    }

    /// UTCTime or GeneralizedTime in the one form that certificates may have (RFC 5280 section 4.1.2.5), in seconds since
    /// 1970.
    fn time(&mut self) -> Option<i64> {
        let value = self.any()?;
        let digits = value.content.strip_suffix(b"Z")?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = |digits: &[u8]| digits.iter().fold(0_i64, |n, digit| 10 * n + i64::from(digit - b'0'));
        let (year, rest) = match (value.tag, digits.len()) {
            (tag::UTC_TIME, 12) => {
                let year = number(&digits[..2]);
                (if year < 50 { 2000 + year } else { 1900 + year }, &digits[2..])
            }
            (tag::GENERALIZED_TIME, 14) => (number(&digits[..4]), &digits[4..]),
            _ => return None,
        };
        let mut fields = rest.chunks_exact(2).map(number);
        let mut next = |range: std::ops::RangeInclusive<i64>| fields.next().filter(|n| range.contains(n));
        let (month, day) = (next(1..=12)?, next(1..=31)?);
        let (hour, minute, second) = (next(0..=23)?, next(0..=59)?, next(0..=59)?);
        Some(days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
    }
}

/// Of the Gregorian calendar. Years are counted from March, so that the leap day is the last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
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

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(days_since_1970(1970, 1, 1), 0);
        assert_eq!(days_since_1970(2000, 2, 29), 11_016);
        assert_eq!(days_since_1970(2000, 3, 1), 11_017);
        assert_eq!(days_since_1970(1969, 12, 31), -1);
        let time = |text: &[u8]| {
            let tag = if text.len() == 13 {
                tag::UTC_TIME
            } else {
                tag::GENERALIZED_TIME
            };
            let mut der = vec![tag, text.len() as u8];
            der.extend_from_slice(text);
            Reader(&der).time()
        };
        assert_eq!(time(b"700101000000Z"), Some(0));
        assert_eq!(time(b"20500101000000Z"), Some(2_524_608_000));
        assert_eq!(time(b"491231235959Z"), Some(2_524_607_999));
        for wrong in [
            &b"701301000000Z"[..],
            b"700001000000Z",
            b"7001010000000",
            b"70010100000aZ",
        ] {
            assert_eq!(time(wrong), None);
        }
    }

    #[test]
    fn kinds_of_names_without_a_name_are_numbers() {
        assert_eq!(oid_text(COMMON_NAME), "2.5.4.3");
        assert_eq!(oid_text(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]), "1.2.840.113549");
        assert_eq!(oid_text(&[0x88, 0x37, 0x03]), "2.999.3");
    }
}
