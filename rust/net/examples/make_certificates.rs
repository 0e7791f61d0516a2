//! Generates the certificates for the Godot test scenes. They are made anew for each checkout, so that no key has to be
//! in the repository.
//!
//! ```text
//! cargo run -p async-sockets-net --example make_certificates -- FOLDER
//! ```
//!
//! Each identity is a pair `NAME.crt` and `NAME.key`, in PEM. `good` is for localhost and its addresses; `expired` and
//! `wrong_name` differ from it only in their fault; all three are issued by the authority in `authority.crt`. `chained`
//! is followed by the certificate of the intermediate authority that issued it. `stranger` is issued by an authority
//! that only `authorities.crt` contains, beside the first. `self_signed` is its own issuer.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    date_time_ymd,
};

const LOCALHOST: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

type Authority = CertifiedIssuer<'static, KeyPair>;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).ok_or("which folder?")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let issue = |name: &str, params: &CertificateParams, issuer: &Issuer<'_, KeyPair>, rest: &str| {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, issuer)?.pem();
        write(folder, name, &format!("{certificate}{rest}"), &key)
    };

    let authority = Authority::self_signed(authority_of("Test Authority")?, KeyPair::generate()?)?;
    fs::write(folder.join("authority.crt"), authority.pem())?;
    let good = server("a server", &LOCALHOST)?;
    issue("good", &good, &authority, "")?;
    let mut expired = server("an expired server", &LOCALHOST)?;
    expired.not_before = date_time_ymd(2000, 1, 1);
    expired.not_after = date_time_ymd(2001, 1, 1);
    issue("expired", &expired, &authority, "")?;
    issue(
        "wrong_name",
        &server("another server", &["other.example"])?,
        &authority,
        "",
    )?;

    let below = Authority::signed_by(authority_of("Authority Below")?, KeyPair::generate()?, &authority)?;
    issue("chained", &good, &below, &below.pem())?;
    let unknown = Authority::self_signed(authority_of("Unknown Authority")?, KeyPair::generate()?)?;
    issue("stranger", &good, &unknown, "")?;
    fs::write(folder.join("authorities.crt"), authority.pem() + &unknown.pem())?;

    let key = KeyPair::generate()?;
    write(folder, "self_signed", &good.self_signed(&key)?.pem(), &key)
}

fn server(name: &str, hosts: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn authority_of(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = server(name, &[])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ok(params)
}

fn write(folder: &Path, name: &str, certificate: &str, key: &KeyPair) -> Result<(), Box<dyn Error>> {
    fs::write(folder.join(name).with_extension("crt"), certificate)?;
    fs::write(folder.join(name).with_extension("key"), key.serialize_pem())?;
    Ok(())
}
