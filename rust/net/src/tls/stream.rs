//! The TLS handshake of either side, and the resulting stream.

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::ProtocolVersion;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::certificate::Certificate;
use super::prefixed::Prefixed;
use super::{TlsClientConfig, TlsServerConfig, TlsSide};
use crate::error::TlsError;
use crate::event::{TlsInfo, TlsVersion};
use crate::transport::Transport;

/// TLS over TCP, for either side. The stream ends with the peer's close_notify (RFC 8446 section 6.1); an end without
/// it is an [`std::io::ErrorKind::UnexpectedEof`]. Shutting it down sends close_notify and then FIN.
pub(crate) type TlsStream = tokio_rustls::TlsStream<Prefixed>;

impl Transport for TlsStream {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0.tcp()
    }
}

/// Performs the client's handshake with `host`, which is sent (SNI, RFC 6066 section 3) unless it is an IP address.
pub(crate) async fn connect_tls(tcp: TcpStream, config: &TlsClientConfig, host: &str) -> Result<TlsStream, TlsError> {
    handshake(
        tcp,
        Bytes::new(),
        &TlsSide::Client {
            config: config.clone(),
            host: host.to_owned(),
        },
    )
    .await
}

/// Performs the server's handshake.
pub(crate) async fn accept_tls(tcp: TcpStream, config: &TlsServerConfig) -> Result<TlsStream, TlsError> {
    handshake(tcp, Bytes::new(), &TlsSide::Server(config.clone())).await
}

/// Performs the handshake of either side. `first` holds bytes of the peer that were read already.
pub(crate) async fn handshake(tcp: TcpStream, first: Bytes, side: &TlsSide) -> Result<TlsStream, TlsError> {
    let stream = Prefixed::new(first, tcp);
    match side {
        TlsSide::Client { config, host } => {
            let name = server_name(host)?;
            let connector = TlsConnector::from(config.ready().await?);
            Ok(connector.connect(name, stream).await?.into())
        }
        TlsSide::Server(config) => Ok(TlsAcceptor::from(config.ready()).accept(stream).await?.into()),
    }
}

/// Puts a time limit on a handshake.
pub(crate) async fn within<T>(
    limit: Duration,
    handshake: impl Future<Output = Result<T, TlsError>>,
) -> Result<T, TlsError> {
    let too_late = |_| Err(TlsError::TimedOut(limit.as_secs_f64()));
    timeout(limit, handshake).await.unwrap_or_else(too_late)
}

/// What TLS negotiated.
pub(crate) fn info(stream: &TlsStream) -> TlsInfo {
    let common = stream.get_ref().1;
    let subject = |der: &[u8]| Certificate::parse(der).map(|certificate| certificate.subject_text());
    TlsInfo {
        version: match common.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => TlsVersion::Tls12,
            _ => TlsVersion::Tls13,
        },
        cipher_suite: common
            .negotiated_cipher_suite()
            .map_or_else(String::new, |suite| format!("{:?}", suite.suite())),
        alpn: common
            .alpn_protocol()
            .map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
        peer_subject: common
            .peer_certificates()
            .and_then(<[_]>::first)
            .and_then(|der| subject(der)),
        sni: match stream {
            TlsStream::Client(_) => None,
            TlsStream::Server(server) => server.get_ref().1.server_name().map(str::to_owned),
        },
    }
}

fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    // A certificate does not contain the zone of an IPv6 address.
    let ip = host.split('%').next().and_then(|ip| ip.parse::<IpAddr>().ok());
    match ip {
        Some(ip) => Ok(ServerName::IpAddress(ip.into())),
        None => ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Name(host.to_owned())),
    }
}
