//! TLS on a connection, from the first byte or later.

use std::rc::Rc;

use async_sockets_net::error::{StartTlsError, TlsError};
use async_sockets_net::event::{TcpEvent, TlsInfo, TlsVersion};
use async_sockets_net::limits::NO_TIME_LIMIT;
use async_sockets_net::options::TcpOptions;
use async_sockets_net::tls::{TlsSide, TlsUpgrade};
use bytes::Bytes;
use godot::builtin::{GString, Variant};
use godot::classes::TlsOptions;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;

use super::core::ClientCore;
use super::{Close, Status};
use crate::convert::{result, tls_error};
use crate::pump::Pump;
use crate::socket::Socket;
use crate::task::NetTask;
use crate::tls::{self, Side};

impl ClientCore {
    /// The options of the next connection, with TLS if `tls_options` is set.
    pub(super) fn options(&self) -> Result<TcpOptions, Error> {
        let mut options = self.settings.options();
        let tls = self.settings.tls.borrow().clone();
        if let Some(tls) = tls {
            let config = tls::client(&tls, &self.settings.alpn());
            options.tls = Some(config.map_err(|(error, words)| self.refuse(error, "tls_options", words))?);
        }
        Ok(options)
    }

    pub(crate) fn start_tls(self: &Rc<Self>, options: &Gd<TlsOptions>, server_name: String) -> Variant {
        let pump = Pump::get();
        match self.ask_tls(options, server_name) {
            Err(error) => NetTask::answer(result(error), &pump),
            Ok(()) => self.tls_waits.push(&**self, None, &result(Error::ERR_SKIP), ()),
        }
    }

    fn ask_tls(&self, options: &Gd<TlsOptions>, server_name: String) -> Result<(), Error> {
        let side = tls::side(options, &self.settings.alpn())
            .map_err(|(error, words)| self.refuse(error, "start_tls", words))?;
        let side = match side {
            Side::Server(config) => TlsSide::Server(config),
            Side::Client(config) => {
                let host = if server_name.is_empty() {
                    self.session.borrow().host.clone()
                } else {
                    server_name
                };
                TlsSide::Client { config, host }
            }
        };
        let timeout = self.settings.connect_timeout().unwrap_or(NO_TIME_LIMIT);
        let upgrade = TlsUpgrade { side, timeout };
        if self.status() == Status::Connecting {
            let words = "the connection is not established yet; call wait_connected() first";
            return Err(self.fail(Error::ERR_UNCONFIGURED, words));
        }
        if !self.is_open() {
            return Err(self.say_not_open());
        }
        match self.begin_tls(upgrade) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.refuse(start_error(error), "start_tls", error)),
        }
    }

    fn begin_tls(&self, upgrade: TlsUpgrade) -> Result<(), StartTlsError> {
        let session = &mut *self.session.borrow_mut();
        let Some(connection) = &session.connection else {
            return Err(StartTlsError::Closed);
        };
        // Bytes that were received and not read are the beginning of the peer's handshake.
        let take_unread = || {
            // Those behind other events too: they were received unencrypted all the same.
            while let Some(event) = connection.mailbox().next() {
                match event {
                    TcpEvent::Data(bytes) => self.inbox.push(bytes),
                    other => session.stash.push_back(other),
                }
            }
            let unread: Bytes = self.inbox.take_everything();
            connection.mailbox().release(self.inbox.take_consumed());
            unread
        };
        connection.start_tls(upgrade, take_unread)
    }

    pub(super) fn tls_failed(&self, error: &TlsError, pump: &Pump) {
        self.base.set_last_error(error.to_string());
        if !self.is_open() {
            // The user has closed meanwhile; the end follows.
            return self.answer_tls_waits(tls_error(error), pump);
        }
        let close = match error {
            TlsError::TimedOut(_) => Close::Timeout,
            _ => Close::Error,
        };
        let farewell = self.session.borrow().farewell(close);
        self.end_with_tls(close.into(), tls_error(error), pump);
        self.emit_closed(farewell, pump);
    }

    /// What TLS has negotiated, once the script was told that the connection is established, and after its end.
    pub(crate) fn tls_info<R>(&self, f: impl FnOnce(&TlsInfo) -> R) -> Option<R> {
        if self.status() == Status::Connecting {
            return None;
        }
        self.session.borrow().tls().map(f)
    }

    pub(crate) fn tls_version(&self) -> GString {
        let name = self.tls_info(|info| match info.version {
            TlsVersion::Tls12 => "TLSv1.2",
            TlsVersion::Tls13 => "TLSv1.3",
        });
        GString::from(name.unwrap_or_default())
    }

    pub(super) fn answer_tls_waits(&self, error: Error, pump: &Pump) {
        for (task, ()) in self.tls_waits.take_all() {
            NetTask::complete(&task, result(error).to_variant(), pump);
        }
    }
}

fn start_error(error: StartTlsError) -> Error {
    match error {
        StartTlsError::AlreadyTls => Error::ERR_ALREADY_IN_USE,
        StartTlsError::Closed | StartTlsError::External => Error::ERR_UNAVAILABLE,
    }
}
