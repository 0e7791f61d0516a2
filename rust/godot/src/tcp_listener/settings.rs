//! The properties of a `TcpListener`.

use std::cell::{Cell, RefCell};

use async_sockets_net::limits::DEFAULT_MAX_TOTAL;
use async_sockets_net::options::ListenOptions;
use bytes::Bytes;
use godot::builtin::{PackedByteArray, PackedStringArray};
use godot::classes::TlsOptions;
use godot::global::Error;
use godot::obj::Gd;

use crate::admission::Admission;
use crate::tls;

/// The values of the properties. They apply to the next start; those of [`Admission`] also apply while listening.
pub(crate) struct Settings {
    /// In seconds.
    pub(crate) timeout: Cell<f64>,
    pub(crate) port: Cell<i64>,
    pub(crate) host: RefCell<String>,
    pub(crate) backlog: Cell<i32>,
    /// 0 sets no limit.
    pub(crate) max_clients: Cell<usize>,
    pub(crate) max_total: Cell<usize>,
    pub(crate) admission: Admission,
    pub(crate) refuse_when_full: Cell<bool>,
    pub(crate) busy_message: RefCell<PackedByteArray>,
    pub(crate) tls: RefCell<Option<Gd<TlsOptions>>>,
    pub(crate) alpn: RefCell<PackedStringArray>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Cell::new(0.0),
            port: Cell::new(0),
            host: RefCell::new("*".to_owned()),
            backlog: Cell::new(1024),
            max_clients: Cell::new(0),
            max_total: Cell::new(DEFAULT_MAX_TOTAL),
            admission: Admission::default(),
            refuse_when_full: Cell::new(false),
            busy_message: RefCell::default(),
            tls: RefCell::default(),
            alpn: RefCell::default(),
        }
    }
}

impl Settings {
    /// The options of the next start.
    ///
    /// # Errors
    /// The error and its message for invalid TLS options.
    pub(crate) fn options(&self) -> Result<ListenOptions, (Error, String)> {
        // Copies: reading the options may run user code.
        let (tls, alpn) = (self.tls.borrow().clone(), self.alpn.borrow().clone());
        let tls = tls.map(|tls| tls::server(&tls, &alpn)).transpose()?;
        let busy_message = || Bytes::copy_from_slice(self.busy_message.borrow().as_slice());
        Ok(ListenOptions {
            backlog: self.backlog.get(),
            max_clients: Some(self.max_clients.get()).filter(|&max| max > 0),
            max_total: self.max_total.get(),
            admission: self.admission.rules(),
            farewell: self.refuse_when_full.get().then(busy_message),
            tls,
            ..ListenOptions::default()
        })
    }
}
