//! Which certificates are trusted, on what basis, and what is reported about the others.

mod common;
mod tls_common;

use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::thread;

use async_sockets_net::error::{CertificateProblem, ConnectError, TlsError};
use async_sockets_net::tls::{TlsClientConfig, TlsTrust};
use common::{accept, std_listener};
use rcgen::{BasicConstraints, CertificateParams, IsCa, date_time_ymd};
use tls_common::{
    Authority, Identity, engine_made, insecure, self_signed, set_common_name, tls_listen, trusting, trusting_as,
    try_connect, version_1,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion, crypto};

/// Connects as `localhost` to a server with this identity, and on success exchanges a byte each way.
fn meet(identity: &Identity, config: TlsClientConfig) -> Result<(), TlsError> {
    let (listener, port) = tls_listen(identity.server());
    match try_connect("localhost", port, config) {
        Ok(mut client) => {
            let (mut server, _) = accept(&listener);
            client.tcp.send(b"?").expect("room");
            assert_eq!(server.recv(1), b"?");
            server.tcp.send(b"!").expect("room");
            assert_eq!(client.recv(1), b"!");
            Ok(())
        }
        Err(ConnectError::Tls { source, .. }) => Err(source),
        Err(other) => panic!("{other}"),
    }
}

#[track_caller]
fn problem(met: Result<(), TlsError>) -> CertificateProblem {
    match met {
        Err(TlsError::Certificate(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

fn expire(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 1, 1);
}

#[test]
fn a_good_chain_is_trusted() {
    let authority = Authority::new("authority");
    assert!(meet(&authority.issue(&["localhost"]), authority.client()).is_ok());
}

#[test]
fn a_chain_may_be_longer() {
    let root = Authority::new("root");
    let middle = root.below("middle");
    let mut identity = middle.issue(&["other.example", "localhost"]);
    assert_eq!(
        problem(meet(&identity, root.client())),
        CertificateProblem::UnknownIssuer
    );
    // The trust anchor may be an intermediate.
    assert!(meet(&identity, middle.client()).is_ok());
    identity.certificate.push_str(&middle.pem());
    assert!(meet(&identity, root.client()).is_ok());
    // One of several trusted authorities.
    let other = Authority::new("other");
    assert!(meet(&identity, trusting(&(other.pem() + &root.pem()))).is_ok());
}

#[test]
fn what_is_wrong_is_said_and_the_unsafe_client_takes_it() {
    let authority = Authority::new("authority");
    let stranger = Authority::new("stranger");
    let early = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(4000, 1, 1);
        params.not_after = date_time_ymd(4001, 1, 1);
    };
    let cases = [
        (authority.issue_with(&["localhost"], expire), "expired"),
        (authority.issue_with(&["localhost"], early), "not valid yet"),
        (authority.issue(&["other.example"]), "another host: "),
        (stranger.issue(&["localhost"]), "issuer is unknown"),
        (self_signed(&["localhost"], |_| {}), "issuer is unknown"),
        (engine_made(), "issuer is unknown"),
        (version_1(), "issuer is unknown"),
    ];
    for (identity, words) in cases {
        let problem = problem(meet(&identity, authority.client()));
        assert!(problem.to_string().contains(words), "{problem} instead of {words}");
        assert!(meet(&identity, insecure()).is_ok(), "{words}");
    }
}

#[test]
fn the_unsafe_client_with_a_chain_checks_the_chain_and_no_name() {
    let (authority, stranger) = (Authority::new("authority"), Authority::new("stranger"));
    let config = || TlsClientConfig::insecure(Some(&authority.pem()), &[]).expect("a good configuration");
    assert!(meet(&authority.issue(&["other.example"]), config()).is_ok());
    let unknown = meet(&stranger.issue(&["localhost"]), config());
    assert_eq!(problem(unknown), CertificateProblem::UnknownIssuer);
    let expired = meet(&authority.issue_with(&["localhost"], expire), config());
    assert_eq!(problem(expired), CertificateProblem::Expired);
}

#[test]
fn a_certificate_that_signs_itself_is_trusted_if_it_is_given() {
    let plain = self_signed(&["localhost"], |_| {});
    let with_ca_flag = self_signed(&["localhost"], |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        set_common_name(params, "another server");
    });
    for identity in [&plain, &with_ca_flag] {
        assert!(meet(identity, trusting(&identity.certificate)).is_ok());
    }
    let other = meet(&plain, trusting(&with_ca_flag.certificate));
    assert_eq!(problem(other), CertificateProblem::UnknownIssuer);
}

#[test]
fn what_the_engine_makes_is_trusted_under_its_common_name() {
    let engine = engine_made();
    let by_host = meet(&engine, trusting(&engine.certificate));
    assert_eq!(problem(by_host), CertificateProblem::WrongName(Vec::new()));
    assert!(meet(&engine, trusting_as(&engine.certificate, "game.example")).is_ok());
    assert!(meet(&engine, trusting_as(&engine.certificate, "Game.Example")).is_ok());
    let by_other = meet(&engine, trusting_as(&engine.certificate, "example"));
    assert_eq!(problem(by_other), CertificateProblem::WrongName(Vec::new()));
}

#[test]
fn a_certificate_that_is_given_still_has_its_dates_and_its_name() {
    let expired = self_signed(&["localhost"], expire);
    let met = meet(&expired, trusting(&expired.certificate));
    assert_eq!(problem(met), CertificateProblem::Expired);
    let other = self_signed(&["other.example"], |_| {});
    let met = meet(&other, trusting(&other.certificate));
    assert!(matches!(problem(met), CertificateProblem::WrongName(_)));
}

#[test]
fn the_common_name_counts_only_without_other_names() {
    let authority = Authority::new("authority");
    let common_name = authority.issue_with(&[], |params| set_common_name(params, "localhost"));
    assert!(meet(&common_name, authority.client()).is_ok());
    let both = authority.issue_with(&["other.example"], |params| set_common_name(params, "localhost"));
    assert!(matches!(
        problem(meet(&both, authority.client())),
        CertificateProblem::WrongName(_)
    ));
}

#[test]
fn a_limited_authority_cannot_certify_by_common_name() {
    let root = Authority::new("root");
    let limited = root.below_limited_to("limited", "allowed.example");
    let with_chain = |mut identity: Identity| {
        identity.certificate.push_str(&limited.pem());
        identity
    };
    let by_alt_name = with_chain(limited.issue(&["localhost"]));
    assert!(matches!(
        problem(meet(&by_alt_name, root.client())),
        CertificateProblem::Other(_)
    ));
    let by_common_name = with_chain(limited.issue_with(&[], |params| set_common_name(params, "localhost")));
    // The name constraints of the authority apply whether the server presents it or the user gave it.
    for client in [
        root.client(),
        limited.client(),
        trusting(&(root.pem() + &limited.pem())),
    ] {
        assert_eq!(
            problem(meet(&by_common_name, client)),
            CertificateProblem::WrongName(Vec::new())
        );
    }
    // The user gave the certificate itself, and thereby vouches for its name.
    assert!(meet(&by_common_name, trusting(&by_common_name.certificate)).is_ok());
}

#[test]
fn a_common_name_counts_only_directly_beneath_what_was_given() {
    let root = Authority::new("root");
    let middle = root.below("middle");
    let mut identity = middle.issue_with(&[], |params| set_common_name(params, "localhost"));
    identity.certificate.push_str(&middle.pem());
    assert_eq!(
        problem(meet(&identity, root.client())),
        CertificateProblem::WrongName(Vec::new())
    );
    assert!(meet(&identity, middle.client()).is_ok());
}

#[test]
fn another_name_can_be_asked_for() {
    let authority = Authority::new("authority");
    let identity = authority.issue(&["game.example"]);
    assert!(meet(&identity, trusting_as(&authority.pem(), "game.example")).is_ok());
    let met = meet(&identity, trusting_as(&authority.pem(), "localhost"));
    assert!(matches!(problem(met), CertificateProblem::WrongName(_)));
    // Not a host name at all, as a common name may be.
    let met = meet(&identity, trusting_as(&authority.pem(), "My Game"));
    assert!(matches!(problem(met), CertificateProblem::WrongName(_)));
}

#[test]
fn a_host_may_be_an_address() {
    let authority = Authority::new("authority");
    let (_listener, port) = tls_listen(authority.issue(&["127.0.0.1"]).server());
    assert!(try_connect("127.0.0.1", port, authority.client()).is_ok());
    assert!(try_connect("localhost", port, authority.client()).is_err());
}

#[test]
fn an_old_certificate_is_trusted_if_it_is_given() {
    let old = version_1();
    assert!(meet(&old, trusting_as(&old.certificate, "old.example")).is_ok());
    let by_host = meet(&old, trusting(&old.certificate));
    assert_eq!(problem(by_host), CertificateProblem::WrongName(Vec::new()));
}

#[test]
fn the_system_knows_no_stranger() {
    let config = TlsClientConfig::new(TlsTrust::System, None, &[]).expect("a good configuration");
    match meet(&Authority::new("stranger").issue(&["localhost"]), config) {
        Err(TlsError::Certificate(CertificateProblem::UnknownIssuer)) => {}
        Err(TlsError::NoSystemRoots(error)) => eprintln!("SKIPPED: this system trusts nobody: {error}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn trust_and_handshake_are_told_apart() {
    let authority = Authority::new("authority");
    let untrusted = meet(&self_signed(&["localhost"], |_| {}), authority.client()).expect_err("a stranger");
    assert!(untrusted.is_about_trust());
    let (_listener, port) = tls_listen(authority.issue(&["localhost"]).server_with(&["chat"]));
    let client =
        TlsClientConfig::new(TlsTrust::Chain(&authority.pem()), None, &["game"]).expect("a good configuration");
    match try_connect("localhost", port, client) {
        Err(ConnectError::Tls { source, .. }) => assert!(!source.is_about_trust(), "{source}"),
        other => panic!("{:?}", other.err()),
    }
}

/// Presents a certificate without possessing its key.
fn thief(listener: &StdListener, certificate: &str, key: &str, version: &'static SupportedProtocolVersion) {
    let provider = Arc::new(crypto::ring::default_provider());
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    let key = provider.key_provider.load_private_key(key).expect("a key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(
            vec![certificate],
            key,
        ))));
    let (mut stream, _) = listener.accept().expect("a connection");
    let mut session = ServerConnection::new(Arc::new(config)).expect("a session");
    assert!(session.complete_io(&mut stream).is_err());
}

#[test]
fn a_certificate_is_no_use_without_its_key() {
    let authority = Authority::new("authority");
    let own = authority.issue(&["localhost"]);
    let other = authority.issue(&["localhost"]);
    let (old, engine) = (version_1(), engine_made());
    let other_rsa = include_str!("certificates/other_rsa.key");
    for (certificate, key) in [
        (&own.certificate[..], &other.key[..]),
        (&old.certificate, &other.key),
        (&engine.certificate, other_rsa),
    ] {
        for version in [&TLS12, &TLS13] {
            let (listener, port) = std_listener();
            thread::scope(|scope| {
                scope.spawn(|| thief(&listener, certificate, key, version));
                match try_connect("127.0.0.1", port, insecure()) {
                    Err(ConnectError::Tls { source, .. }) => assert!(source.is_about_trust(), "{source}"),
                    other => panic!("{:?}", other.err()),
                }
            });
        }
    }
}
