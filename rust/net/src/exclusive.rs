//! Exclusive use of a local port.
//!
//! On Unix, a port in use cannot be bound again unless both sockets ask for it. On Windows, any program may bind it a
//! second time with `SO_REUSEADDR` and take over its traffic, unless the first socket asked for exclusive use.

use std::io;

use socket2::Socket;

/// Requests exclusive use of the port that the socket is about to be bound to.
#[cfg(not(windows))]
#[expect(clippy::unnecessary_wraps, reason = "Windows can refuse")]
pub(crate) fn claim_port(_socket: &Socket) -> io::Result<()> {
    Ok(())
}

/// Requests exclusive use of the port that the socket is about to be bound to.
#[cfg(windows)]
#[allow(unsafe_code, reason = "no crate offers the option")]
pub(crate) fn claim_port(socket: &Socket) -> io::Result<()> {
    use std::os::windows::io::AsRawSocket;
    use windows_sys::Win32::Networking::WinSock::{SO_EXCLUSIVEADDRUSE, SOCKET, SOL_SOCKET, setsockopt};

    const ON: [u8; 4] = 1_i32.to_ne_bytes();
    let handle = socket.as_raw_socket() as SOCKET;
    // SAFETY: the handle is open while `socket` is borrowed, and the system reads the 4 bytes of `ON`.
    let failed = unsafe { setsockopt(handle, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, ON.as_ptr(), ON.len() as i32) };
    match failed {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
