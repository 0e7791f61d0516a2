//! What the TLS tests share: certificates made on the spot, and both sides of a connection.

#![allow(dead_code, reason = "every test file uses its own part")]

use async_sockets_net::error::ConnectError;
use async_sockets_net::event::TcpEvent;
use async_sockets_net::limits::{ListenOptions, TcpOptions};
use async_sockets_net::tcp_listener::TcpListener;
use async_sockets_net::tls::{TlsClientConfig, TlsServerConfig, TlsTrust};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, DnValue, GeneralSubtree, IsCa, KeyPair,
    NameConstraints,
};

use crate::common::{Client, bind_address, next};

/// A certificate and its key, in PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Identity {
    pub(crate) fn server(&self) -> TlsServerConfig {
        self.server_with(&[])
    }

    pub(crate) fn server_with(&self, alpn: &[&str]) -> TlsServerConfig {
        TlsServerConfig::new(&self.key, &self.certificate, alpn).expect("a good configuration")
    }
}

/// Made by the engine.
pub(crate) fn engine_made() -> Identity {
    Identity {
        certificate: include_str!("../certificates/engine_self_signed.pem").to_owned(),
        key: include_str!("../certificates/engine_self_signed.key").to_owned(),
    }
}

/// Of X.509 version 1.
pub(crate) fn version_1() -> Identity {
    Identity {
        certificate: include_str!("../certificates/version_1.pem").to_owned(),
        key: include_str!("../certificates/version_1.key").to_owned(),
    }
}

/// Someone who signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let (params, key) = Self::params(name);
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    /// One below this one.
    pub(crate) fn below(&self, name: &str) -> Self {
        let (params, key) = Self::params(name);
        Self(CertifiedIssuer::signed_by(params, key, &self.0).expect("an authority"))
    }

    /// One below this one that may sign for names under `domain` only (RFC 5280 section 4.2.1.10).
    pub(crate) fn below_limited_to(&self, name: &str, domain: &str) -> Self {
        let (mut params, key) = Self::params(name);
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName(domain.to_owned())],
            excluded_subtrees: Vec::new(),
        });
        Self(CertifiedIssuer::signed_by(params, key, &self.0).expect("an authority"))
    }

    fn params(name: &str) -> (CertificateParams, KeyPair) {
        let mut params = params(&[], Some(name));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params, KeyPair::generate().expect("a key"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these names, changed as wanted.
    pub(crate) fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = params(names, Some("a server"));
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        Identity {
            certificate: params.signed_by(&key, &self.0).expect("a certificate").pem(),
            key: key.serialize_pem(),
        }
    }

    pub(crate) fn issue(&self, names: &[&str]) -> Identity {
        self.issue_with(names, |_| {})
    }

    /// Trusts this one.
    pub(crate) fn client(&self) -> TlsClientConfig {
        trusting(&self.pem())
    }
}

/// A certificate that signs itself.
pub(crate) fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
    let mut params = params(names, Some("a server"));
    change(&mut params);
    let key = KeyPair::generate().expect("a key");
    Identity {
        certificate: params.self_signed(&key).expect("a certificate").pem(),
        key: key.serialize_pem(),
    }
}

pub(crate) fn params(names: &[&str], common_name: Option<&str>) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("good names");
    params.distinguished_name = rcgen::DistinguishedName::new();
    if let Some(name) = common_name {
        set_common_name(&mut params, name);
    }
    params
}

pub(crate) fn set_common_name(params: &mut CertificateParams, name: &str) {
    params
        .distinguished_name
        .push(DnType::CommonName, DnValue::Utf8String(name.to_owned()));
}

/// Trusts these certificates only.
pub(crate) fn trusting(pem: &str) -> TlsClientConfig {
    TlsClientConfig::new(TlsTrust::Chain(pem), None, &[]).expect("a good configuration")
}

/// The same, checking this name instead of the host's.
pub(crate) fn trusting_as(pem: &str, name: &str) -> TlsClientConfig {
    TlsClientConfig::new(TlsTrust::Chain(pem), Some(name), &[]).expect("a good configuration")
}

pub(crate) fn insecure() -> TlsClientConfig {
    TlsClientConfig::insecure(None, &[]).expect("a good configuration")
}

pub(crate) fn with_tls(config: TlsClientConfig) -> TcpOptions {
    TcpOptions {
        tls: Some(config),
        ..TcpOptions::default()
    }
}

/// A TLS listener of ours on a free port of 127.0.0.1.
pub(crate) fn tls_listen(config: TlsServerConfig) -> (TcpListener, u16) {
    listen_with(ListenOptions {
        tls: Some(config),
        ..ListenOptions::default()
    })
}

pub(crate) fn listen_with(options: ListenOptions) -> (TcpListener, u16) {
    let listener = TcpListener::start(bind_address("127.0.0.1", 0), options).expect("a listener");
    let port = listener.local_address().port();
    (listener, port)
}

/// Connects, and gives the connection or why there is none.
pub(crate) fn try_connect(host: &str, port: u16, config: TlsClientConfig) -> Result<Client, ConnectError> {
    let client = Client::start(host, port, &with_tls(config));
    match next(client.tcp.mailbox()) {
        TcpEvent::Connected(_) => Ok(client),
        TcpEvent::ConnectFailed(error) => Err(*error),
        other => panic!("{other:?}"),
    }
}

/// Both ends of a TLS connection, by a certificate made for it.
pub(crate) fn tls_pair() -> (Client, Client) {
    let authority = Authority::new("authority");
    let (listener, port) = tls_listen(authority.issue(&["localhost"]).server());
    let client = try_connect("localhost", port, authority.client()).expect("a connection");
    let (server, _) = crate::common::accept(&listener);
    (client, server)
}
