//! Requests by plain HTTP on the server's port: from the server to the script.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use async_sockets_net::http_server::answer::Answer;
use async_sockets_net::http_server::exchange::{HttpReply, HttpRequest, HttpRequestId};
use async_sockets_net::http_server::site::Site;
use godot::builtin::PackedStringArray;
use godot::meta::ToGodot;
use godot::obj::{Gd, InstanceId};

use super::core::ServerCore;
use super::http_request::HttpServerRequest;
use crate::pump::Pump;

/// The part of a server's state that is about HTTP.
#[derive(Default)]
pub(crate) struct Http {
    /// The running server reports requests.
    has_handler: Cell<bool>,
    /// The objects of requests that are not answered.
    requests: RefCell<HashMap<HttpRequestId, InstanceId>>,
    /// The entries of `trusted_proxies` as the script wrote them.
    pub(super) proxies: RefCell<PackedStringArray>,
}

impl ServerCore {
    /// Changes the folders and the health check, of the running server too.
    pub(super) fn change_site<R>(&self, change: impl FnOnce(&mut Site) -> R) -> R {
        let (result, site) = {
            let site = &mut self.options.borrow_mut().http.site;
            (change(site), site.clone())
        };
        self.with(|server| server.set_site(site));
        result
    }

    // The handler -----------------------------------------------------------------------------------------------------

    /// Whether `http_requested` has a connection, at a start.
    pub(super) fn hears_requests(&self, pump: &Pump) -> bool {
        let heard = self.base.is_heard(&pump.names.http_requested, pump);
        self.http.has_handler.set(heard);
        heard
    }

    /// Has the pump check in every frame whether `http_requested` has a connection, unless it has one.
    pub(super) fn wait_for_handler(self: &Rc<Self>, pump: &Pump) {
        if !self.http.has_handler.get() {
            pump.wait_for_ears(self.clone());
        }
    }

    /// Has the server report requests if there is a handler by now. Returns whether to look again in the next frame.
    pub(super) fn looks_for_handler(&self, pump: &Pump) -> bool {
        if !self.is_listening() || self.http.has_handler.get() {
            return false;
        }
        let heard = self.base.is_heard(&pump.names.http_requested, pump);
        if heard {
            self.set_handler(true);
        }
        !heard
    }

    fn set_handler(&self, on: bool) {
        self.http.has_handler.set(on);
        self.with(|server| server.set_http_handler(on));
    }

    // Requests --------------------------------------------------------------------------------------------------------

    /// Reports a request. Runs user code.
    pub(super) fn http_requested(self: &Rc<Self>, request: HttpRequest, reply: HttpReply, pump: &Pump) {
        let id = request.id;
        let object = HttpServerRequest::ask(Rc::downgrade(self), request, reply);
        self.http.requests.borrow_mut().insert(id, object.instance_id());
        if !self
            .base
            .emit_heard(&pump.names.http_requested, &[object.to_variant()], pump)
        {
            object.bind().answer_without_handler(Answer::none());
            self.set_handler(false);
            self.wait_for_handler(pump);
        }
    }

    /// Tells the object of a request that its client has left. Runs user code.
    pub(super) fn http_client_left(&self, id: HttpRequestId) {
        let object = self.http.requests.borrow().get(&id).copied();
        let object = object.and_then(|id| Gd::<HttpServerRequest>::try_from_instance_id(id).ok());
        if let Some(object) = object {
            HttpServerRequest::tell_left(&object);
        }
    }

    /// The request is answered, or its object is gone.
    pub(super) fn forget_request(&self, id: HttpRequestId) {
        self.http.requests.borrow_mut().remove(&id);
    }
}
