//! TLS on a connection, from the first byte or later.

use async_sockets_net::error::{StartTlsError, TlsError};
use async_sockets_net::event::{TlsInfo, TlsVersion};
use async_sockets_net::limits::{NO_TIME_LIMIT, TcpOptions};
use async_sockets_net::tls::{TlsSide, TlsUpgrade};
use godot::builtin::{GString, Variant};
use godot::classes::TlsOptions;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;

use super::core::ClientCore;
use super::{Close, Status};
use crate::convert::{result, tls_error};
use crate::pump::Pump;
use crate::task::NetTask;
use crate::tls::{self, Side};

impl ClientCore {
    /// The options of the next connection, with TLS if the user set it.
    pub(super) fn options(&self) -> Result<TcpOptions, Error> {
        let mut options = self.settings.options();
        let tls = self.settings.tls.borrow().clone();
        if let Some(tls) = tls {
            let config = tls::client(&tls, &self.settings.alpn());
            options.tls = Some(config.map_err(|(error, words)| self.refuse(error, "tls_options", words))?);
        }
        Ok(options)
    }

    pub(crate) fn start_tls(&self, options: &Gd<TlsOptions>, server_name: String) -> Variant {
        let pump = Pump::get();
        match self.ask_tls(options, server_name) {
            Err(error) => NetTask::answer(result(error), &pump),
            Ok(()) => self.wait_tls(),
        }
    }

    fn ask_tls(&self, options: &Gd<TlsOptions>, server_name: String) -> Result<(), Error> {
        let side = tls::side(options, &self.settings.alpn())
            .map_err(|(error, words)| self.refuse(error, "start_tls", words))?;
        let side = match side {
            Side::Server(config) => TlsSide::Server(config),
            Side::Client(config) => {
                let host = if server_name.is_empty() {
                    self.host.borrow().clone()
                } else {
                    server_name
                };
                TlsSide::Client { config, host }
            }
        };
        let timeout = self.settings.connect_timeout().unwrap_or(NO_TIME_LIMIT);
        let upgrade = TlsUpgrade { side, timeout };
        let started = if self.is_open() {
            self.with_connection(|connection| connection.start_tls(upgrade, || self.take_unread(connection)))
        } else {
            None
        };
        match started {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(self.refuse(start_error(error), "start_tls", error.to_string())),
            None => Err(self.not_open_error()),
        }
    }

    pub(super) fn tls_failed(&self, error: &TlsError, pump: &Pump) {
        self.set_last_error(error.to_string());
        if self.status.get() != Status::Connected {
            // The user has closed meanwhile; the end follows.
            return self.answer_tls_waits(tls_error(error), pump);
        }
        let close = match error {
            TlsError::TimedOut(_) => Close::Timeout,
            _ => Close::Error,
        };
        let farewell = self.farewell(close);
        self.end_tls(close, tls_error(error), pump);
        self.emit_closed(&farewell, pump);
    }

    /// What TLS has agreed on, from the moment when the script hears that it is connected, also after the end.
    pub(crate) fn tls_info<R>(&self, f: impl FnOnce(&TlsInfo) -> R) -> Option<R> {
        if self.status() == Status::Connecting {
            return None;
        }
        let known = self.ended_tls.borrow();
        match &*self.connection.borrow() {
            Some(connection) => connection.tls_info().map(f),
            None => known.as_ref().map(f),
        }
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

    pub(super) fn tls_ready(&self, pump: &Pump) {
        self.answer_tls_waits(Error::OK, pump);
    }

    fn wait_tls(&self) -> Variant {
        let Some(socket) = self.socket() else {
            return Variant::nil();
        };
        self.tls_waits.push(&*socket, None, &result(Error::ERR_SKIP), ())
    }
}

fn start_error(error: StartTlsError) -> Error {
    match error {
        StartTlsError::AlreadyTls => Error::ERR_ALREADY_IN_USE,
        StartTlsError::Closed | StartTlsError::External => Error::ERR_UNAVAILABLE,
    }
}
