//! Echoes datagrams.

use std::io;

use tokio::net::UdpSocket;

use super::READ_BUFFER;

pub(super) async fn serve(socket: UdpSocket) -> io::Result<()> {
    let mut buffer = vec![0; READ_BUFFER];
    loop {
        let (n, from) = socket.recv_from(&mut buffer).await?;
        socket.send_to(&buffer[..n], from).await?;
    }
}
