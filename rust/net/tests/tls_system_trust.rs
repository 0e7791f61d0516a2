//! Under the system's trust, certificates count by their alternative names alone.
//!
//! The system's trust store is read once per process, from the file that `SSL_CERT_FILE` names, if set. The test
//! therefore runs itself again in a child process with that variable set.

mod common;
mod tls_common;

use std::process::Command;
use std::{env, fs, process};

use async_sockets_net::error::{CertificateProblem, ConnectError, TlsError};
use async_sockets_net::tls::{TlsClientConfig, TlsTrust};
use tls_common::{Authority, Identity, set_common_name, tls_listen, try_connect};

/// Names the folder of the certificates that the parent process made.
const FOLDER: &str = "ASYNC_SOCKETS_TEST_TRUST";

#[test]
fn a_common_name_counts_nothing() {
    let Some(folder) = env::var_os(FOLDER) else {
        return parent();
    };
    let read = |name: &str| {
        let read = |end| fs::read_to_string(std::path::Path::new(&folder).join(format!("{name}.{end}")));
        Identity {
            certificate: read("crt").expect("a certificate"),
            key: read("key").expect("a key"),
        }
    };
    let meet = |name: &str, asked: Option<&str>| {
        let (_listener, port) = tls_listen(read(name).server());
        let config = TlsClientConfig::new(TlsTrust::System, asked, &[]).expect("a good configuration");
        match try_connect("localhost", port, config) {
            Ok(_) => None,
            Err(ConnectError::Tls {
                source: TlsError::Certificate(problem),
                ..
            }) => Some(problem),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(meet("alt_name", None), None, "the file is trusted");
    let wrong_name = Some(CertificateProblem::WrongName(Vec::new()));
    assert_eq!(meet("limited", None), wrong_name, "a limited authority");
    assert_eq!(
        meet("limited", Some("localhost")),
        wrong_name,
        "a name that was asked for"
    );
    assert_eq!(meet("direct", None), wrong_name, "the root itself");
}

/// Makes the certificates, and runs the test in a child process that trusts the root.
fn parent() {
    let folder = env::temp_dir().join(format!("async_sockets_trust_{}", process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let root = Authority::new("root");
    let limited = root.below_limited_to("limited", "allowed.example");
    let by_common_name =
        |authority: &Authority| authority.issue_with(&[], |params| set_common_name(params, "localhost"));
    let mut beneath = by_common_name(&limited);
    beneath.certificate.push_str(&limited.pem());
    for (name, identity) in [
        ("alt_name", root.issue(&["localhost"])),
        ("direct", by_common_name(&root)),
        ("limited", beneath),
    ] {
        fs::write(folder.join(format!("{name}.crt")), identity.certificate).expect("a file");
        fs::write(folder.join(format!("{name}.key")), identity.key).expect("a file");
    }
    let roots = folder.join("roots.pem");
    fs::write(&roots, root.pem()).expect("a file");
    let child = Command::new(env::current_exe().expect("this program"))
        .env(FOLDER, &folder)
        .env("SSL_CERT_FILE", &roots)
        .env_remove("SSL_CERT_DIR")
        .output()
        .expect("this program runs");
    fs::remove_dir_all(&folder).expect("the folder");
    let (out, error) = (
        String::from_utf8_lossy(&child.stdout),
        String::from_utf8_lossy(&child.stderr),
    );
    assert!(child.status.success() && out.contains("1 passed"), "{out}{error}");
}
