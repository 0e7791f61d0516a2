//! What answers a request: the health check, a folder, or the main thread.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL,
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED, LOCATION, RETRY_AFTER,
    UPGRADE, VARY,
};
use hyper::{Request, StatusCode};
use tokio::sync::{oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::answer::{Answer, AnswerContent};
use super::body::{Content, ResponseBody};
use super::exchange::{HttpReply, HttpRequest, HttpRequestId};
use super::files::{add_options, file_response};
use super::folder::{Found, Resource};
use super::memory::{Charge, Memory};
use super::site::{Mount, Site};
use super::state::next_id;
use super::turn::{Announced, Asked, Next, Turns};
use crate::admission::Refused;
use crate::give_way::give_way;
use crate::http::encoding::accepted;
use crate::http::headers::ResponseHeader;
use crate::http::path::{FilePath, PathError};
use crate::http::response::Refusal;
use crate::limits::NO_TIME_LIMIT;
use crate::websocket::registry::{Note, Registry};

/// What the requests of one connection share.
pub(crate) struct Service {
    pub(crate) registry: Arc<Registry>,
    pub(crate) turns: Arc<Turns>,
    pub(crate) peer: SocketAddr,
    pub(crate) tls: bool,
    pub(crate) memory: Memory,
    pub(crate) stopping: watch::Receiver<bool>,
}

/// A response before it is hyper's.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) content: Content,
}

impl Response {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            content: Content::empty(),
        }
    }

    /// With a plain text for a human reader.
    pub(crate) fn text(status: u16, text: impl Into<Bytes>) -> Self {
        let mut response = Self::new(status);
        response.set(CONTENT_TYPE, "text/plain; charset=utf-8");
        response.content = Content::Bytes(text.into());
        response
    }

    fn refusal(refusal: Refusal) -> Self {
        let mut response = Self::text(refusal.status, refusal.body);
        response.add(&refusal.headers);
        response.close()
    }

    /// Sets a header. A value that is not allowed, which its source has checked already, is left out.
    pub(crate) fn set(&mut self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            self.headers.insert(name, value);
        }
    }

    /// Adds header lines. The first with a name replaces those that were set before. A `Vary` is added to them: what
    /// the content depends on already still counts.
    pub(crate) fn add(&mut self, headers: &[ResponseHeader]) {
        let mut own = HeaderMap::new();
        if let Some(varies) = self.headers.remove(VARY) {
            own.append(VARY, varies);
        }
        for header in headers {
            let name = HeaderName::from_bytes(header.name().as_bytes());
            let value = HeaderValue::from_bytes(header.value().as_bytes());
            if let (Ok(name), Ok(value)) = (name, value) {
                own.append(name, value);
            }
        }
        self.headers.extend(own);
    }

    /// Ends the connection with this response.
    fn close(mut self) -> Self {
        // A 426 lists `upgrade` beside it.
        if !self.headers.contains_key(CONNECTION) {
            self.set(CONNECTION, "close");
        }
        self
    }
}

/// Reports to the main thread that the client of a request is gone, unless it was answered.
struct Announcement<'a> {
    registry: &'a Registry,
    id: HttpRequestId,
    is_open: bool,
}

impl Announcement<'_> {
    /// The request is answered.
    fn settle(mut self) {
        self.is_open = false;
    }

    fn leave(&mut self) {
        if std::mem::take(&mut self.is_open) {
            self.registry.tell(Note::HttpClientLeft(self.id));
        }
    }
}

impl Drop for Announcement<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Service {
    /// Answers the request that the gate let through last.
    pub(crate) async fn call(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<hyper::Response<ResponseBody>, Infallible> {
        give_way();
        let (next, turn) = self.turns.take();
        let (mut response, is_head) = match next {
            Some(Next::Request(asked)) => {
                let mut response = self.answer(&asked, request.into_body()).await;
                if self.must_close(&asked) {
                    response = response.close();
                }
                (response, asked.method == "HEAD")
            }
            Some(Next::Refused(refusal, is_head)) => (Response::refusal(refusal), is_head),
            None => (Response::refusal(Refusal::new(500, "")), false),
        };
        self.turns.end_body();
        if matches!(response.status, 204 | 304) {
            response.content = Content::empty();
        } else {
            response.headers.insert(CONTENT_LENGTH, response.content.len().into());
            if is_head {
                response.content = Content::empty();
            }
        }
        let mut message = hyper::Response::new(ResponseBody::new(response.content, turn));
        *message.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *message.headers_mut() = response.headers;
        Ok(message)
    }

    /// After a body in chunks no request is read, so that only hyper decides where it ends.
    fn must_close(&self, asked: &Asked) -> bool {
        asked.body == Announced::Chunks || self.registry.http.is_crowded() || *self.stopping.borrow()
    }

    async fn answer(&self, asked: &Asked, body: Incoming) -> Response {
        let http = &self.registry.http;
        let client = http.options.trusted_proxies.client(&asked.headers, self.peer);
        if client.ip() != self.peer.ip() && self.registry.admission.is_blocked(client.ip()) {
            self.registry.admission.count(Refused::Blocked);
            return Response::text(403, "This address may not connect.\n").close();
        }
        if !http.may_request(client.ip()) {
            let mut response = Response::text(429, "Too many requests.\n");
            response.set(RETRY_AFTER, "1");
            return self.without_body(asked, response);
        }
        if self.is_stopping() {
            return Response::refusal(is_stopping());
        }
        let site = http.site();
        let is_read = matches!(&*asked.method, "GET" | "HEAD");
        if site.health() == Some(&asked.path) && is_read {
            return self.without_body(asked, self.health());
        }
        let path = match FilePath::parse(&asked.path) {
            Ok(path) => Some(path),
            Err(PathError::Invalid) if asked.path != "*" => {
                return Response::refusal(Refusal::bad_request("the path is not valid"));
            }
            Err(_) => None,
        };
        if let Some(path) = &path
            && let Some(response) = self.of_folder(asked, &site, path).await
        {
            return self.without_body(asked, response);
        }
        if http.has_handler() {
            return self.of_main_thread(asked, body, client).await;
        }
        let has_folder = path.is_some_and(|path| site.below(&path).next().is_some());
        self.without_body(asked, self.nothing(asked, has_folder && !is_read))
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow() || self.registry.is_stopping()
    }

    /// A response whose request's body is not read: the connection ends, if there is one.
    fn without_body(&self, asked: &Asked, response: Response) -> Response {
        match asked.body {
            Announced::Nothing => response,
            Announced::Length(_) | Announced::Chunks => response.close(),
        }
    }

    fn health(&self) -> Response {
        let (clients, uptime) = (self.registry.count(), self.registry.http.uptime());
        let mut response = Response::text(
            200,
            format!("{{\"status\":\"ok\",\"clients\":{clients},\"uptime\":{uptime:.3}}}\n"),
        );
        response.set(CONTENT_TYPE, "application/json");
        response.set(CACHE_CONTROL, "no-store");
        response
    }

    /// The response where nothing else answers.
    fn nothing(&self, asked: &Asked, wrong_method: bool) -> Response {
        if self.registry.options.handshake.paths.contains(&asked.path) {
            let mut response = Response::text(426, "There is a WebSocket here.\n");
            response.set(UPGRADE, "websocket");
            response.set(CONNECTION, "close, upgrade");
            response.set(HeaderName::from_static("sec-websocket-version"), "13");
            return response;
        }
        if wrong_method {
            let mut response = Response::text(405, "Files can only be read.\n");
            response.set(ALLOW, "GET, HEAD");
            return response;
        }
        Response::text(404, "There is nothing here.\n")
    }

    // Folders ---------------------------------------------------------------------------------------------------------

    /// The response of the folder that has the path.
    async fn of_folder(&self, asked: &Asked, site: &Site, path: &FilePath) -> Option<Response> {
        for (mount, below) in site.below(path) {
            let response = match &*asked.method {
                "GET" | "HEAD" => find(mount, asked, below, path).await,
                "OPTIONS" => preflight(mount, asked),
                _ => None,
            };
            if let Some(mut response) = response {
                if mount.folder.may_block() {
                    response = self.counted(response);
                }
                add_options(&mut response, &mount.options);
                return Some(response);
            }
        }
        None
    }

    /// A response whose content is read for it alone counts as memory.
    fn counted(&self, mut response: Response) -> Response {
        response.content = response.content.counted(self.memory.scale());
        response
    }

    // The main thread -------------------------------------------------------------------------------------------------

    async fn of_main_thread(&self, asked: &Asked, body: Incoming, client: SocketAddr) -> Response {
        let mut charge = self.memory.charge();
        let read = tokio::select! {
            read = self.read_body(asked, body, &mut charge) => read,
            () = self.memory.shed() => Err(out_of_memory()),
        };
        let body = match read {
            Ok(body) => body,
            Err(refusal) => return Response::refusal(refusal),
        };
        let options = &self.registry.http.options;
        let deadline = Instant::now() + options.answer_timeout.unwrap_or(NO_TIME_LIMIT).min(NO_TIME_LIMIT);
        let mut stopping = self.stopping.clone();
        let queued = tokio::select! {
            queued = timeout_at(deadline, self.memory.queue(asked.size() + body.len())) => queued,
            () = self.memory.shed() => return Response::refusal(out_of_memory()),
            _ = stopping.wait_for(|stop| *stop) => return Response::refusal(is_stopping()),
        };
        let Ok(queued) = queued else {
            return too_late();
        };
        drop(charge);
        let id = next_id();
        let (sender, mut receiver) = oneshot::channel();
        let request = HttpRequest {
            id,
            method: asked.method.clone(),
            path: asked.path.clone(),
            query: asked.query.clone(),
            headers: asked.headers.clone(),
            body,
            peer: client,
            secure: options
                .trusted_proxies
                .is_secure(&asked.headers, self.peer)
                .unwrap_or(self.tls),
            _queued: queued,
        };
        self.registry
            .tell(Note::HttpRequested(Box::new(request), HttpReply(sender)));
        let mut announcement = Announcement {
            registry: &self.registry,
            id,
            is_open: true,
        };
        let answer = loop {
            tokio::select! {
                answer = timeout_at(deadline, &mut receiver) => break Ok(answer),
                () = self.turns.left(), if announcement.is_open => announcement.leave(),
                () = self.memory.shed() => break Err(out_of_memory()),
                _ = stopping.wait_for(|stop| *stop) => break Err(is_stopping()),
            }
        };
        announcement.settle();
        match answer {
            Ok(Ok(Ok(answer))) => self.answered(asked, answer).await,
            // The stop may drop the request before this task has heard of it.
            Ok(Ok(Err(_))) if self.is_stopping() => Response::refusal(is_stopping()),
            Ok(Ok(Err(_)) | Err(_)) => too_late(),
            Err(refusal) => Response::refusal(refusal),
        }
    }

    /// Reads a body. It counts as memory of the connection.
    async fn read_body(&self, asked: &Asked, mut body: Incoming, charge: &mut Charge<'_>) -> Result<Bytes, Refusal> {
        let options = &self.registry.http.options;
        let too_large = || Refusal::new(413, format!("The body has more than {} bytes.\n", options.max_body));
        let len = match asked.body {
            Announced::Nothing => return Ok(Bytes::new()),
            Announced::Length(len) => usize::try_from(len).unwrap_or(usize::MAX),
            Announced::Chunks => 0,
        };
        if len > options.max_body {
            return Err(too_large());
        }
        let deadline = Instant::now() + options.body_timeout;
        let mut all = Vec::new();
        loop {
            let frame = timeout_at(deadline, poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))).await;
            let data = match frame {
                Err(_) => return Err(Refusal::new(408, "The request took too long.\n")),
                Ok(None) => break,
                Ok(Some(Err(_))) => return Err(Refusal::bad_request("the body is incomplete or not valid")),
                // Trailers are dropped.
                Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            };
            if all.len() + data.len() > options.max_body {
                return Err(too_large());
            }
            charge.add(data.len());
            all.extend_from_slice(&data);
        }
        self.turns.end_body();
        Ok(all.into())
    }

    async fn answered(&self, asked: &Asked, answer: Answer) -> Response {
        let mut response = match answer.content {
            AnswerContent::None => return self.nothing(asked, false),
            AnswerContent::Bytes(bytes) => {
                let mut response = Response::new(answer.status);
                if answer.status != 205 {
                    response.content = Content::Bytes(bytes).counted(self.memory.scale());
                }
                response
            }
            AnswerContent::File(name, bytes) => {
                let bytes = self.memory.scale().outgoing(bytes);
                let read = read_file(asked, move || Some(Resource::kept(name, bytes))).await;
                read.map(|mut response| {
                    // Only the content is known.
                    response.headers.remove(LAST_MODIFIED);
                    response
                })
                .unwrap_or_else(|| self.nothing(asked, false))
            }
            AnswerContent::Path(path) => read_file(asked, move || Resource::disk(&path).ok())
                .await
                .map(|response| self.counted(response))
                .unwrap_or_else(|| self.nothing(asked, false)),
        };
        // A file that was refused (412, 416) is an error, to which the answer's headers do not belong.
        if response.status < 400 || response.status == answer.status {
            response.add(&answer.headers);
        }
        response
    }
}

fn is_stopping() -> Refusal {
    Refusal::new(503, "The server is stopping.\n")
}

fn too_late() -> Response {
    Response::text(504, "There was no answer in time.\n")
}

fn out_of_memory() -> Refusal {
    Refusal::new(503, "The server is out of memory for requests.\n")
}

/// The response with a file that takes a while to get.
async fn read_file(asked: &Asked, get: impl FnOnce() -> Option<Resource> + Send + 'static) -> Option<Response> {
    let (method, headers) = (asked.method.clone(), asked.headers.clone());
    where_it_may_block(move || {
        let asked = Asked {
            method,
            headers,
            ..Asked::default()
        };
        Some(file_response(&asked, get()?))
    })
    .await
}

/// Makes a response in a thread that may block.
async fn where_it_may_block(make: impl FnOnce() -> Option<Response> + Send + 'static) -> Option<Response> {
    let task = spawn_blocking(move || {
        give_way();
        make()
    });
    task.await.ok().flatten()
}

/// Looks a path up in a folder.
async fn find(mount: &Arc<Mount>, asked: &Asked, below: FilePath, path: &FilePath) -> Option<Response> {
    let (slash, codings) = (path.is_folder, accepted(&asked.headers));
    if !mount.folder.may_block() {
        let found = mount.folder.find(&below, slash, &mount.options.index, &codings);
        return respond(asked, found, path);
    }
    let (mount, asked, path) = (mount.clone(), asked.clone(), path.clone());
    where_it_may_block(move || {
        let found = mount.folder.find(&below, slash, &mount.options.index, &codings);
        respond(&asked, found, &path)
    })
    .await
}

fn respond(asked: &Asked, found: Found, path: &FilePath) -> Option<Response> {
    match found {
        Found::Nothing => None,
        Found::File(resource) => Some(file_response(asked, resource)),
        Found::Folder => {
            let mark = if asked.query.is_empty() { "" } else { "?" };
            let mut response = Response::new(301);
            response.set(LOCATION, &format!("{}{mark}{}", path.as_folder(), asked.query));
            Some(response)
        }
    }
}

/// Answers a browser that asks whether a page of another origin may read a file.
fn preflight(mount: &Mount, asked: &Asked) -> Option<Response> {
    asked.headers.get("Access-Control-Request-Method")?;
    if mount.options.allow_origin.is_empty() {
        return None;
    }
    let mut response = Response::new(204);
    response.set(ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD");
    response.set(ACCESS_CONTROL_MAX_AGE, "600");
    if let Some(headers) = asked.headers.get("Access-Control-Request-Headers") {
        response.set(ACCESS_CONTROL_ALLOW_HEADERS, headers);
    }
    Some(response)
}
