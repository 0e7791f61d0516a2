//! Plain HTTP on the port of the server.

use super::WebSocketServer;
use crate::http_server::site::Site;

impl WebSocketServer {
    /// Replaces the folders and the health check, for requests that come from now on.
    pub fn set_site(&self, site: Site) {
        self.registry.http.set_site(site);
        self.registry.apply_http();
    }

    /// Sets whether requests that nothing else answers are reported, by
    /// [`WebSocketEvent::HttpRequested`](crate::event::WebSocketEvent::HttpRequested).
    pub fn set_http_handler(&self, on: bool) {
        self.registry.http.set_handler(on);
        self.registry.apply_http();
    }
}
