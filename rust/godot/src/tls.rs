//! Conversion of the engine's `TLSOptions` to configurations of the core. Keys and certificates are passed nowhere
//! else.

use std::cell::RefCell;

use async_sockets_net::error::TlsConfigError;
use async_sockets_net::tls::{TlsClientConfig, TlsServerConfig, TlsTrust, check_alpn};
use godot::builtin::{GString, PackedStringArray, Variant};
use godot::classes::{Engine, FileAccess, ProjectSettings, TlsOptions, X509Certificate};
use godot::global::{Error, push_warning};
use godot::meta::ToGodot;
use godot::obj::{Gd, InstanceId, Singleton};

/// The engine's setting for trusted certificates instead of the system's: the path of a PEM file.
const BUNDLE_SETTING: &str = "network/tls/certificate_bundle_override";

/// The line before a certificate in PEM (RFC 7468).
const PEM_BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// Maximum number of cached configurations.
const MAX_KEPT: usize = 64;

/// A side of TLS.
#[derive(Clone)]
pub(crate) enum Side {
    Client(TlsClientConfig),
    Server(TlsServerConfig),
}

/// Why options cannot be used: the error code and its words.
pub(crate) type Refusal = (Error, String);

thread_local! {
    // A TLSOptions never changes, so its configuration is created once: certificates are not parsed for every
    // connection, and a client resumes its sessions.
    static KEPT: RefCell<Vec<(InstanceId, Vec<String>, Side)>> = const { RefCell::new(Vec::new()) };
}

/// Protocols as a script sets them.
pub(crate) fn parse_alpn(protocols: PackedStringArray) -> Result<PackedStringArray, TlsConfigError> {
    for protocol in protocols.as_slice() {
        check_alpn(&protocol.to_string())?;
    }
    Ok(protocols)
}

/// Converts the options. `alpn` are the protocols to offer or to accept, in order of preference.
pub(crate) fn side(options: &Gd<TlsOptions>, alpn: &PackedStringArray) -> Result<Side, Refusal> {
    let id = options.instance_id();
    let alpn: Vec<String> = alpn.as_slice().iter().map(ToString::to_string).collect();
    let kept = KEPT.with_borrow(|kept| {
        let found = kept
            .iter()
            .find(|(other, protocols, _)| *other == id && *protocols == alpn);
        found.map(|(_, _, side)| side.clone())
    });
    if let Some(side) = kept {
        return Ok(side);
    }
    let side = read(options, &alpn)?;
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= MAX_KEPT {
            kept.remove(0);
        }
        kept.push((id, alpn, side.clone()));
    });
    Ok(side)
}

/// Converts the options of a client.
pub(crate) fn client(options: &Gd<TlsOptions>, alpn: &PackedStringArray) -> Result<TlsClientConfig, Refusal> {
    // First of all: a server's may have other faults, too.
    let servers = || wrong("these TLSOptions are a server's; take TLSOptions.client()");
    if options.is_server() {
        return Err(servers());
    }
    match side(options, alpn)? {
        Side::Client(config) => Ok(config),
        Side::Server(_) => Err(servers()),
    }
}

/// Converts the options of a server.
pub(crate) fn server(options: &Gd<TlsOptions>, alpn: &PackedStringArray) -> Result<TlsServerConfig, Refusal> {
    let clients = || wrong("these TLSOptions are a client's; take TLSOptions.server(key, certificate)");
    if !options.is_server() {
        return Err(clients());
    }
    match side(options, alpn)? {
        Side::Server(config) => Ok(config),
        Side::Client(_) => Err(clients()),
    }
}

fn read(options: &Gd<TlsOptions>, alpn: &[String]) -> Result<Side, Refusal> {
    let alpn: Vec<&str> = alpn.iter().map(String::as_str).collect();
    if options.is_server() {
        let (Some(mut key), Some(certificate)) = (options.get_private_key(), options.get_own_certificate()) else {
            return Err(wrong("the TLSOptions lack a key or a certificate"));
        };
        let (key, chain) = (quietly(|| key.save_to_string()), whole_chain(certificate));
        return TlsServerConfig::new(&key, &chain, &alpn)
            .map(Side::Server)
            .map_err(refusal);
    }
    let chain = options.get_trusted_ca_chain().map(whole_chain);
    if options.is_unsafe_client() {
        return TlsClientConfig::insecure(chain.as_deref(), &alpn)
            .map(Side::Client)
            .map_err(refusal);
    }
    let name = options.get_common_name_override().to_string();
    let name = Some(name.as_str()).filter(|name| !name.is_empty());
    let chain = chain.or_else(project_bundle);
    let trust = chain.as_deref().map_or(TlsTrust::System, TlsTrust::Chain);
    TlsClientConfig::new(trust, name, &alpn)
        .map(Side::Client)
        .map_err(refusal)
}

/// All certificates of the object, in PEM. The engine (at least 4.6) writes the first one in the place of each further
/// one, so they are read from the file that the object was loaded from.
fn whole_chain(mut certificate: Gd<X509Certificate>) -> String {
    let pem = quietly(|| certificate.save_to_string());
    let own = blocks(&pem);
    if own.len() < 2 || own.iter().any(|block| *block != own[0]) {
        return pem;
    }
    let path = certificate.get_path();
    if !path.is_empty() {
        let file = FileAccess::get_file_as_string(&path).to_string();
        let same = |file: &[String]| file.len() == own.len() && file[0] == own[0];
        if same(&blocks(&file)) {
            return file;
        }
    }
    let message = format!(
        "TLSOptions: the engine gives only the first of the {} certificates of an X509Certificate that was made by its \
         own load(); use load(\"res://...\") instead",
        own.len()
    );
    push_warning(&[message.to_variant()] as &[Variant]);
    pem
}

/// The certificates in a PEM text, without line breaks and without the text between them.
fn blocks(pem: &str) -> Vec<String> {
    let begins = pem.split(PEM_BEGIN).skip(1);
    begins
        .map(|block| {
            block
                .split("-----")
                .next()
                .unwrap_or_default()
                .split_whitespace()
                .collect()
        })
        .collect()
}

/// The engine's PEM of a key or a certificate, without its error message: the engine (at least 4.6) reports the zero
/// byte that it appends itself.
fn quietly(pem: impl FnOnce() -> GString) -> String {
    let mut engine = Engine::singleton();
    let printing = engine.is_printing_error_messages();
    engine.set_print_error_messages(false);
    let pem = pem().to_string();
    engine.set_print_error_messages(printing);
    pem
}

/// The certificates of the project, if the setting names a file.
fn project_bundle() -> Option<String> {
    let path: GString = ProjectSettings::singleton().get_setting(BUNDLE_SETTING).try_to().ok()?;
    if path.is_empty() {
        return None;
    }
    let text = FileAccess::get_file_as_string(&path).to_string();
    (!text.is_empty()).then_some(text)
}

fn refusal(error: TlsConfigError) -> Refusal {
    match error {
        TlsConfigError::NoCertificate => wrong("the X509Certificate is empty; load a certificate into it first"),
        error => wrong(&error.to_string()),
    }
}

fn wrong(words: &str) -> Refusal {
    (Error::ERR_INVALID_PARAMETER, words.to_owned())
}
