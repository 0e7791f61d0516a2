//! The properties of a `TcpClient`.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use async_sockets_net::options::{KeepAlive, TcpOptions};
use godot::builtin::PackedStringArray;
use godot::classes::TlsOptions;
use godot::obj::Gd;

use crate::time;

/// The values of the properties. They apply to the next connection, and to the present one where possible.
pub(crate) struct Settings {
    pub(crate) timeout: Cell<f64>,
    pub(crate) connect_timeout: Cell<f64>,
    pub(crate) no_delay: Cell<bool>,
    pub(crate) keep_alive: Cell<bool>,
    pub(crate) keep_alive_times: Cell<KeepAlive>,
    pub(crate) max_buffered: Cell<usize>,
    pub(crate) max_pending_send: Cell<usize>,
    pub(crate) max_packet: Cell<usize>,
    pub(crate) big_endian: Cell<bool>,
    pub(crate) emit_data: Cell<bool>,
    pub(crate) allow_half_open: Cell<bool>,
    pub(crate) tls: RefCell<Option<Gd<TlsOptions>>>,
    pub(crate) alpn: RefCell<PackedStringArray>,
}

impl Default for Settings {
    fn default() -> Self {
        let tcp = TcpOptions::default();
        Self {
            timeout: Cell::new(0.0),
            connect_timeout: Cell::new(tcp.connect_timeout.map_or(0.0, |limit| limit.as_secs_f64())),
            no_delay: Cell::new(tcp.no_delay),
            keep_alive: Cell::new(false),
            keep_alive_times: Cell::default(),
            max_buffered: Cell::new(tcp.max_buffered),
            max_pending_send: Cell::new(tcp.max_pending_send),
            max_packet: Cell::new(16 * 1024 * 1024),
            big_endian: Cell::new(false),
            emit_data: Cell::new(false),
            allow_half_open: Cell::new(false),
            tls: RefCell::default(),
            alpn: RefCell::default(),
        }
    }
}

impl Settings {
    pub(crate) fn keep_alive(&self) -> Option<KeepAlive> {
        self.keep_alive.get().then(|| self.keep_alive_times.get())
    }

    /// A copy, since using it may run user code.
    pub(crate) fn alpn(&self) -> PackedStringArray {
        self.alpn.borrow().clone()
    }

    pub(crate) fn options(&self) -> TcpOptions {
        TcpOptions {
            no_delay: self.no_delay.get(),
            keep_alive: self.keep_alive(),
            max_buffered: self.max_buffered.get(),
            max_pending_send: self.max_pending_send.get(),
            connect_timeout: self.connect_timeout(),
            tls: None,
        }
    }

    /// The time limit of an operation whose own is omitted.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        time::limit(self.timeout.get()).unwrap_or_default()
    }

    /// The time limit of an attempt to connect, and of `start_tls()`.
    pub(crate) fn connect_timeout(&self) -> Option<Duration> {
        time::limit(self.connect_timeout.get()).unwrap_or_default()
    }
}
