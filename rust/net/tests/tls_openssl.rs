//! Interoperability with OpenSSL's command, as server and as client, in both TLS versions. Skipped with a message if it
//! is not installed.

mod common;
mod tls_common;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use async_sockets_net::event::{TcpEvent, TlsVersion};
use common::accept;
use tls_common::{Authority, Identity, engine_made, insecure, tls_listen, trusting_as, try_connect, version_1};

const VERSIONS: [(&str, TlsVersion); 2] = [("-tls1_2", TlsVersion::Tls12), ("-tls1_3", TlsVersion::Tls13)];

/// A running `openssl` process, ended with the test.
struct OpenSsl {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl OpenSsl {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, input, output }
    }

    /// Starts a server that answers every line with the same line reversed; returns it with its port.
    fn server(files: &Files, version: &str) -> (Self, u16) {
        let (certificate, key) = (files.path("certificate"), files.path("key"));
        let mut server = Self::start(&[
            "s_server",
            "-accept",
            "127.0.0.1:0",
            "-cert",
            &certificate,
            "-key",
            &key,
            "-rev",
            version,
        ]);
        loop {
            let mut line = String::new();
            let n = server.output.read_line(&mut line).expect("a line");
            assert!(n > 0, "no server");
            if let Some(address) = line.trim().strip_prefix("ACCEPT ") {
                let port = address.rsplit(':').next().expect("a port");
                return (server, port.parse().expect("a port"));
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("its input");
        input.write_all(bytes).expect("written");
        input.flush().expect("written");
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Files for the command to read, deleted after the test.
struct Files(PathBuf);

impl Files {
    fn new(test: &str, identity: &Identity, authority: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("async-sockets-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let files = Self(folder);
        for (name, text) in [
            ("certificate", &identity.certificate[..]),
            ("key", &identity.key),
            ("authority", authority),
        ] {
            std::fs::write(files.path(name), text).expect("a file");
        }
        files
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn is_missing() -> bool {
    let missing = Command::new("openssl").arg("version").output().is_err();
    if missing {
        eprintln!("SKIPPED: openssl is not installed");
    }
    missing
}

#[test]
fn our_client_talks_to_its_server() {
    if is_missing() {
        return;
    }
    let authority = Authority::new("authority");
    let files = Files::new("server", &authority.issue(&["localhost"]), &authority.pem());
    for (flag, version) in VERSIONS {
        let (_server, port) = OpenSsl::server(&files, flag);
        let mut client = try_connect("localhost", port, authority.client()).expect("a connection");
        let info = client.tcp.tls_info().expect("TLS");
        assert_eq!(info.version, version);
        assert_eq!(info.peer_subject.as_deref(), Some("CN=a server"));
        client.tcp.send(b"stressed\n").expect("room");
        assert_eq!(client.recv(9), b"desserts\n");
        // The command ends when we end our sending side, and answers with its own close_notify.
        client.tcp.shutdown_send();
        assert!(matches!(client.event(), TcpEvent::PeerClosed), "{flag}");
    }
}

#[test]
fn its_client_talks_to_our_server() {
    if is_missing() {
        return;
    }
    let authority = Authority::new("authority");
    let identity = authority.issue(&["localhost"]);
    let files = Files::new("client", &identity, &authority.pem());
    for (flag, version) in VERSIONS {
        let (listener, port) = tls_listen(identity.server_with(&["game"]));
        let mut peer = OpenSsl::start(&[
            "s_client",
            "-connect",
            &format!("127.0.0.1:{port}"),
            "-servername",
            "localhost",
            "-alpn",
            "game",
            "-CAfile",
            &files.path("authority"),
            "-verify_return_error",
            "-verify_hostname",
            "localhost",
            "-quiet",
            flag,
        ]);
        let (mut server, _) = accept(&listener);
        let info = server.tcp.tls_info().expect("TLS");
        assert_eq!(info.version, version);
        assert_eq!(
            (info.sni.as_deref(), info.alpn.as_deref()),
            (Some("localhost"), Some("game"))
        );
        peer.write(b"question\n");
        assert_eq!(server.recv(9), b"question\n");
        server.tcp.send(b"answer\n").expect("room");
        server.tcp.close();
        let mut answer = String::new();
        peer.output.read_to_string(&mut answer).expect("text");
        assert_eq!(answer, "answer\n");
    }
}

#[test]
fn unusual_certificates_work_in_both_versions() {
    if is_missing() {
        return;
    }
    for (identity, name) in [(engine_made(), "game.example"), (version_1(), "old.example")] {
        let files = Files::new(name, &identity, "");
        for (flag, version) in VERSIONS {
            for config in [insecure(), trusting_as(&identity.certificate, name)] {
                let (_server, port) = OpenSsl::server(&files, flag);
                let mut client = try_connect("127.0.0.1", port, config).expect("a connection");
                assert_eq!(client.tcp.tls_info().expect("TLS").version, version);
                client.tcp.send(b"ab\n").expect("room");
                assert_eq!(client.recv(3), b"ba\n");
            }
        }
    }
}
