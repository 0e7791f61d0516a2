//! Configurations are checked when they are created, and no error or debug output reveals any part of a key.

mod common;
mod tls_common;

use async_sockets_net::error::TlsConfigError;
use async_sockets_net::tls::{TlsClientConfig, TlsServerConfig, TlsTrust};
use tls_common::{Authority, Identity, engine_made, version_1};

fn refused(key: &str, certificate: &str, alpn: &[&str]) -> TlsConfigError {
    TlsServerConfig::new(key, certificate, alpn).expect_err("a bad configuration")
}

#[test]
fn keys_of_every_kind_are_taken() {
    let identities = [
        engine_made(),
        version_1(),
        Authority::new("authority").issue(&["localhost"]),
    ];
    for Identity { certificate, key } in identities {
        assert!(TlsServerConfig::new(&key, &certificate, &[]).is_ok());
    }
}

#[test]
fn what_is_no_identity_is_refused() {
    let Identity { certificate, key } = Authority::new("authority").issue(&["localhost"]);
    let other = engine_made();
    assert_eq!(refused("", &certificate, &[]), TlsConfigError::Key);
    assert_eq!(refused(&certificate, &certificate, &[]), TlsConfigError::Key);
    assert_eq!(refused(&key, "", &[]), TlsConfigError::NoCertificate);
    assert_eq!(refused(&key, &key, &[]), TlsConfigError::NoCertificate);
    assert_eq!(refused(&other.key, &certificate, &[]), TlsConfigError::KeyMismatch);
    assert_eq!(
        refused(&other.key, &version_1().certificate, &[]),
        TlsConfigError::KeyMismatch
    );
    let broken = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    assert_eq!(refused(&key, broken, &[]), TlsConfigError::Certificate);
    let too_long = "x".repeat(256);
    assert_eq!(refused(&key, &certificate, &[""]), TlsConfigError::Alpn(String::new()));
    assert_eq!(
        refused(&key, &certificate, &[&too_long]),
        TlsConfigError::Alpn(too_long)
    );
}

#[test]
fn a_client_needs_certificates_where_it_is_given_some() {
    let none = TlsClientConfig::new(TlsTrust::Chain("nothing"), None, &[]);
    assert_eq!(none.expect_err("no certificate"), TlsConfigError::NoCertificate);
    let none = TlsClientConfig::insecure(Some(""), &[]);
    assert_eq!(none.expect_err("no certificate"), TlsConfigError::NoCertificate);
    assert!(TlsClientConfig::insecure(None, &["game"]).is_ok());
}

#[test]
fn nothing_shows_a_key() {
    let Identity { certificate, key } = engine_made();
    let line = key.lines().nth(1).expect("a line of the key");
    let config = TlsServerConfig::new(&key, &certificate, &[]).expect("a good configuration");
    assert!(!format!("{config:?}").contains(line));
    let broken = key.replacen("END", "and", 1);
    let error = refused(&broken, &certificate, &[]);
    assert!(!format!("{error} {error:?}").contains(line));
}
