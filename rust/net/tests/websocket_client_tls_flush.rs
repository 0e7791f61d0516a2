//! Over TLS too, a flush is done only once the system has everything. This test has a file of its own because it stops
//! the runtime of the whole process, so that what the system does not have is lost.

mod common;
mod tls_common;
mod websocket_client_common;
mod websocket_common;

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use async_sockets_net::runtime;
use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use tls_common::Authority;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned, crypto};
use websocket_client_common::{Client, RawServer, Seen, switching_protocols};
use websocket_common::wait_for;

/// The payload of each message.
const SIZE: usize = 1000;

#[test]
fn what_is_flushed_arrives_whatever_happens_later() {
    let authority = Authority::new("authority");
    let identity = authority.issue(&["localhost"]);
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key))
        .expect("a good configuration");

    let server = RawServer::start();
    let options = WebSocketClientOptions {
        tls: Some(authority.client()),
        ..WebSocketClientOptions::default()
    };
    let mut client = Client::start(&format!("wss://localhost:{}/", server.port()), options);
    let session = ServerConnection::new(Arc::new(config)).expect("a session");
    let mut tls = StreamOwned::new(session, server.accept().stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tls.read_exact(&mut byte).expect("a request");
        head.extend(byte);
    }
    let head = String::from_utf8(head).expect("an ASCII head");
    tls.write_all(switching_protocols(&head, "").as_bytes())
        .expect("an open connection");
    client.connected();

    // The server reads no more. More than the buffers of the system hold.
    let mut sent = 0;
    while client.inner.send_binary(&[0; SIZE]).is_ok() {
        sent += 1;
        client.inner.flush(sent);
    }
    let mut flushed = 0;
    let mut look = || {
        while let Some(seen) = client.poll() {
            let Seen::Flushed(token) = seen else {
                panic!("{seen:?}");
            };
            assert!(token > flushed, "{token} after {flushed}");
            flushed = token;
        }
        flushed
    };
    wait_for("the first", || (look() > 0).then_some(()));
    common::settled(&mut look);
    assert!(flushed < sent, "the system took everything");
    runtime::stop(Duration::ZERO);
    look_at_the_end(&mut client);

    let mut arrived = 0;
    let mut buffer = vec![0; 64 * 1024];
    // No close_notify comes.
    while let Ok(read @ 1..) = tls.read(&mut buffer) {
        arrived += read;
    }
    let frame = SIZE + 8;
    let flushed = usize::try_from(flushed).expect("a number");
    assert!(
        arrived >= flushed * frame,
        "{} bytes of {flushed} frames are missing",
        flushed * frame - arrived
    );
}

fn look_at_the_end(client: &mut Client) {
    let (code, _, _, unsent) = client.ended();
    assert_eq!(code, 1006);
    assert!(unsent > 0);
}
