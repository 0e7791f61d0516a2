//! Binding a port: the addresses to try, and the meaning of the system's errors.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};

use crate::address::BindAddress;
use crate::error::BindError;
use crate::exclusive::claim_port;
use crate::port_release::wait_for_release;

/// Binds a TCP port and listens, without a runtime and without blocking.
pub(crate) fn bind_listener(
    address: BindAddress,
    backlog: i32,
) -> Result<(std::net::TcpListener, SocketAddr), BindError> {
    let socket = bind_socket(address, Type::STREAM, Protocol::TCP, |socket, candidate| {
        // A restarted server gets its port back at once. On Windows the option would let two servers share a port.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        claim_port(socket)?;
        socket.bind(&candidate.into())?;
        socket.listen(backlog)
    })?;
    let listener = std::net::TcpListener::from(socket);
    let local = listener.local_addr()?;
    Ok((listener, local))
}

/// Creates a socket bound to the first usable candidate address. If this process is still closing the port, waits for
/// that.
pub(crate) fn bind_socket(
    address: BindAddress,
    kind: Type,
    protocol: Protocol,
    mut finish: impl FnMut(&Socket, SocketAddr) -> io::Result<()>,
) -> Result<Socket, BindError> {
    let mut attempt = || {
        bind_first(address, |candidate| {
            let socket = Socket::new(Domain::for_address(candidate), kind, Some(protocol))?;
            if candidate.is_ipv6() {
                // `*` includes IPv4; an explicit IPv6 address does not.
                socket.set_only_v6(!matches!(address, BindAddress::Any(_)))?;
            }
            socket.set_nonblocking(true)?;
            finish(&socket, candidate)?;
            Ok(socket)
        })
    };
    match attempt() {
        Err(BindError::InUse(port)) if wait_for_release(port) => attempt(),
        other => other,
    }
}

fn bind_first<T>(address: BindAddress, mut bind: impl FnMut(SocketAddr) -> io::Result<T>) -> Result<T, BindError> {
    let mut last = None;
    for candidate in address.candidates() {
        match bind(candidate) {
            Ok(socket) => return Ok(socket),
            Err(error) if is_in_use(&error) => return Err(BindError::InUse(address.port())),
            Err(error) => last = Some(error),
        }
    }
    let error = last.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into());
    Err(match (error.kind(), address) {
        (io::ErrorKind::PermissionDenied, _) => BindError::Denied(address.port()),
        (io::ErrorKind::AddrNotAvailable, BindAddress::One(one)) => BindError::NoSuchAddress(one.ip().to_string()),
        _ => BindError::Io(error),
    })
}

/// Returns whether another socket has the port. Windows reports a port in exclusive use as a denied permission, and has
/// no ports reserved for privileged users.
fn is_in_use(error: &io::Error) -> bool {
    let kind = error.kind();
    kind == io::ErrorKind::AddrInUse || (cfg!(windows) && kind == io::ErrorKind::PermissionDenied)
}
