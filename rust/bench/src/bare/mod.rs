//! Bare tokio and tokio-tungstenite servers on one thread: the upper bound to compare with.

mod broadcast;
mod tcp;
mod udp;
mod websocket;

use std::future::Future;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::Builder;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::args::Args;
use crate::fault::Fault;
use crate::report::Report;

/// The server's read buffer size in bytes.
const READ_BUFFER: usize = 16 * 1024;

pub(crate) fn run(args: &Args) -> Result<(), Fault> {
    let lifetime = args.seconds("lifetime", 60.0)?;
    let config = WebSocketConfig::default().read_buffer_size(args.get("read-buffer", READ_BUFFER)?);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if args.text("protocol", "websocket") == "udp" {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, args.get("port", 0)?)).await?;
            let port = socket.local_addr()?.port();
            Report::new("listening").count("port", port.into()).print()?;
            return live(lifetime, udp::serve(socket)).await;
        }
        let listener = listen(args.get("port", 0)?)?;
        let port = listener.local_addr()?.port();
        Report::new("listening").count("port", port.into()).print()?;
        match args.text("protocol", "websocket") {
            "tcp" => live(lifetime, tcp::serve(listener)).await,
            "websocket" => live(lifetime, websocket::serve(listener, config)).await,
            "broadcast" => {
                let burst = broadcast::Burst {
                    size: args.size()?,
                    count: args.get("burst", 16)?,
                };
                live(lifetime, broadcast::serve(listener, config, burst)).await
            }
            other => Err(Fault::Usage(format!(
                "--protocol {other} is not tcp, udp, websocket or broadcast"
            ))),
        }
    })
}

fn listen(port: u16) -> Result<TcpListener, Fault> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    Ok(socket.listen(4096)?)
}

/// Runs the server for at most this time. The parent process normally ends it; this is a fallback in case the parent is
/// gone.
async fn live(lifetime: Duration, server: impl Future<Output = std::io::Result<()>>) -> Result<(), Fault> {
    match timeout(lifetime, server).await {
        Ok(result) => Ok(result?),
        Err(_) => Ok(()),
    }
}
