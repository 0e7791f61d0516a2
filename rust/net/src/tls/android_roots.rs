//! Android's trust store: a folder of certificates that every app may read, so that no Java is needed.
//!
//! Folders and rules are those of the system's own `SystemCertificateSource`, which applies to apps that do not choose
//! otherwise: certificates that the user installed do not count, and those that the user switched off are left out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::certificate::Certificate;

/// Where the certificates are.
pub(super) struct Store {
    /// Folders with one certificate per file. The first that is not empty counts, alone.
    folders: Vec<PathBuf>,
    /// The folder with the certificates that the user switched off, under the same file names.
    switched_off: PathBuf,
}

impl Store {
    /// The trust store of this device, for the user that runs the app.
    #[cfg(target_os = "android")]
    pub(super) fn of_device() -> Self {
        use std::env;
        use std::os::unix::fs::MetadataExt;

        /// User ids of the kernel are split into ranges of this size, one for each user of the device.
        const IDS_PER_USER: u32 = 100_000;

        let root = env::var_os("ANDROID_ROOT").map_or_else(|| PathBuf::from("/system"), PathBuf::from);
        let user = fs::metadata("/proc/self").map_or(0, |own| own.uid() / IDS_PER_USER);
        Self {
            folders: vec![
                // Since Android 14. It is updated without the rest of the system.
                PathBuf::from("/apex/com.android.conscrypt/cacerts"),
                root.join("etc/security/cacerts"),
            ],
            switched_off: PathBuf::from(format!("/data/misc/user/{user}/cacerts-removed")),
        }
    }

    /// Reads the certificates. Files that cannot be read, or hold none, are skipped.
    ///
    /// # Errors
    /// There is no certificate; the text says where they were expected.
    pub(super) fn read(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let mut problems = Vec::new();
        for folder in &self.folders {
            match files(folder) {
                Ok(files) if files.is_empty() => problems.push(format!("{} is empty", folder.display())),
                Ok(files) => {
                    let found: Vec<_> = files.iter().flat_map(|file| self.read_file(file)).collect();
                    if !found.is_empty() {
                        return Ok(found);
                    }
                    problems.push(format!("{} has no certificate that counts", folder.display()));
                    break;
                }
                Err(error) => problems.push(format!("{}: {error}", folder.display())),
            }
        }
        Err(problems.join("; "))
    }

    fn read_file(&self, file: &Path) -> Vec<CertificateDer<'static>> {
        let is_off = file
            .file_name()
            .is_some_and(|name| self.switched_off.join(name).exists());
        match fs::read(file) {
            Ok(bytes) if !is_off => parse(&bytes),
            _ => Vec::new(),
        }
    }
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

/// Android's own files are in PEM, and the text of the certificate follows; others may be in DER.
fn parse(bytes: &[u8]) -> Vec<CertificateDer<'static>> {
    let in_pem: Vec<_> = CertificateDer::pem_slice_iter(bytes).filter_map(Result::ok).collect();
    if in_pem.is_empty() && Certificate::parse(bytes).is_some() {
        return vec![CertificateDer::from(bytes.to_vec())];
    }
    in_pem
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::{env, process};

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    use tokio_rustls::rustls::RootCertStore;
    use tokio_rustls::rustls::client::danger::ServerCertVerifier;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::{ServerName, UnixTime};

    use super::super::verify::{NameCheck, Roots, Verifier};
    use super::*;

    type Authority = CertifiedIssuer<'static, KeyPair>;

    /// A folder that is removed with its content.
    struct Temporary(PathBuf);

    impl Temporary {
        fn new(name: &str) -> Self {
            let folder = env::temp_dir().join(format!("async_sockets_android_{name}_{}", process::id()));
            fs::create_dir_all(&folder).expect("a folder");
            Self(folder)
        }

        fn store(&self) -> Store {
            Store {
                folders: vec![self.0.join("apex"), self.0.join("system")],
                switched_off: self.0.join("removed"),
            }
        }

        fn write(&self, file: &str, content: impl AsRef<[u8]>) {
            let file = self.0.join(file);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(file, content).expect("a file");
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn authority(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
    }

    /// A file as Android has it.
    fn as_android_has_it(authority: &Authority) -> String {
        format!(
            "{}Certificate:\n    Data:\n        Version: 3 (0x2)\nSHA1 Fingerprint=00:11\n",
            authority.pem()
        )
    }

    /// Whether a client that trusts these certificates accepts a server with a certificate of `authority`.
    fn trusts(certificates: &[CertificateDer<'static>], authority: &Authority) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().cloned());
        let verifier = Verifier {
            roots: Some(Roots::of_system(Arc::new(roots))),
            name: NameCheck::Host,
            algorithms: ring::default_provider().signature_verification_algorithms,
        };
        let params = CertificateParams::new(vec!["game.example".to_owned()]).expect("a good name");
        let server = params
            .signed_by(&KeyPair::generate().expect("a key"), authority)
            .expect("a certificate");
        let name = ServerName::try_from("game.example").expect("a good name");
        verifier
            .verify_server_cert(server.der(), &[], &name, &[], UnixTime::now())
            .is_ok()
    }

    #[test]
    fn certificates_in_either_format_are_trusted() {
        let folder = Temporary::new("formats");
        let (pem, der, stranger) = (authority("pem"), authority("der"), authority("stranger"));
        folder.write("system/00000001.0", as_android_has_it(&pem));
        folder.write("system/00000002.0", der.der());
        let found = folder.store().read().expect("certificates");
        assert_eq!(found.len(), 2);
        assert!(trusts(&found, &pem) && trusts(&found, &der));
        assert!(!trusts(&found, &stranger));
    }

    #[test]
    fn the_updated_folder_replaces_the_one_of_the_system() {
        let folder = Temporary::new("updated");
        let (new, old) = (authority("new"), authority("old"));
        folder.write("system/00000001.0", as_android_has_it(&old));
        fs::create_dir(folder.0.join("apex")).expect("a folder");
        assert!(
            trusts(&folder.store().read().expect("certificates"), &old),
            "an empty folder"
        );
        folder.write("apex/00000002.0", as_android_has_it(&new));
        let found = folder.store().read().expect("certificates");
        assert!(trusts(&found, &new) && !trusts(&found, &old));
    }

    #[test]
    fn what_the_user_switched_off_is_not_trusted() {
        let folder = Temporary::new("switched_off");
        let (on, off) = (authority("on"), authority("off"));
        folder.write("apex/00000001.0", as_android_has_it(&on));
        folder.write("apex/00000002.0", as_android_has_it(&off));
        folder.write("removed/00000002.0", as_android_has_it(&off));
        let found = folder.store().read().expect("certificates");
        assert!(trusts(&found, &on) && !trusts(&found, &off));
        folder.write("system/00000003.0", as_android_has_it(&off));
        folder.write("removed/00000001.0", as_android_has_it(&on));
        let error = folder.store().read().expect_err("the system's folder does not count");
        assert!(error.ends_with("apex has no certificate that counts"), "{error}");
    }

    #[test]
    fn what_is_no_certificate_is_skipped() {
        let folder = Temporary::new("skipped");
        let good = authority("good");
        let half = good.pem().replace("-----END CERTIFICATE-----", "");
        folder.write("apex/00000001.0", "no certificate");
        folder.write("apex/00000002.0", half);
        folder.write("apex/00000003.0", &good.der()[1..]);
        folder.write("apex/00000004.0/inside", as_android_has_it(&good));
        folder.write("apex/00000005.0", as_android_has_it(&good));
        let found = folder.store().read().expect("certificates");
        assert_eq!(found.len(), 1);
        assert!(trusts(&found, &good));
    }

    #[test]
    fn a_missing_store_is_named() {
        let folder = Temporary::new("missing");
        let error = folder.store().read().expect_err("no certificates");
        assert!(error.contains("apex: ") && error.contains("system: "), "{error}");
    }
}
