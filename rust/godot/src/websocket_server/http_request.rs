//! The class `HttpServerRequest`: a request by plain HTTP that waits for the answer of the script.

#![expect(unreachable_pub, reason = "the getters that gdext makes are pub")]

use std::cell::{Cell, RefCell};
use std::rc::Weak;

use async_sockets_net::address::host_text;
use async_sockets_net::http_server::answer::{Answer, AnswerError};
use async_sockets_net::http_server::exchange::{HttpReply, HttpRequest, HttpRequestId};
use godot::builtin::{GString, PackedByteArray, PackedStringArray, VarDictionary, Variant, VariantType};
use godot::classes::{FileAccess, Json, RefCounted};
use godot::global::Error;
use godot::init::is_main_thread;
use godot::obj::{Base, Gd, NewGd};
use godot::register::{GodotClass, godot_api};

use super::core::ServerCore;
use super::folders::{Place, place};
use crate::convert::{entry, header, headers, query, text, utf8, utf8_text};
use crate::emission::emit;
use crate::guard::{WeakState, misuse, on_main_thread};
use crate::pump::Pump;

/// A request by plain HTTP, see [signal WebSocketServer.http_requested].
///
/// Answer it once, by [method respond], [method respond_json], [method respond_file] or [method redirect], at once or
/// later; keep a reference until then. Without an answer within [member WebSocketServer.http_timeout], or once the last
/// reference is gone, the response is 504.
/// ```gdscript
/// func _on_http_requested(request: HttpServerRequest) -> void:
///     match [request.method, request.path]:
///         ["GET", "/players"]:
///             var _error := request.respond_json({"players": server.get_client_count()})
///         _:
///             var _error := request.respond(404, "no such page")
/// ```
#[derive(GodotClass)]
#[class(base = RefCounted, init, tool)]
pub(crate) struct HttpServerRequest {
    pending: Pending,
    client_left: Cell<bool>,
    last_error: RefCell<String>,

    /// The method, such as [code]GET[/code] or [code]POST[/code]. To a [code]HEAD[/code], answer as to a
    /// [code]GET[/code]: only the length of your body is sent. Read-only.
    #[var(no_set)]
    method: GString,
    /// The path, decoded, beginning with [code]/[/code]. (Only that of `OPTIONS *` is `*`.) A path
    /// with a part [code]..[/code], a backslash or a control character never gets here; one with an encoded slash or a
    /// leading dot does. Read-only.
    #[var(no_set)]
    path: GString,
    /// The path as received, not decoded. Read-only.
    #[var(no_set)]
    raw_path: GString,
    /// The query, decoded ([code]%20[/code] and [code]+[/code] are spaces): values by name, both of type [String]. Of a
    /// repeated name the last value counts. Read-only.
    #[var(no_set)]
    query: VarDictionary,
    /// The query as received, without the [code]?[/code]; empty if there is none. Read-only.
    #[var(no_set)]
    raw_query: GString,
    /// The request headers by lower-case name; values of repeated headers are joined by commas. Read-only.
    #[var(no_set)]
    headers: VarDictionary,
    /// The body; empty if there is none. Read-only.
    #[var(no_set)]
    body: PackedByteArray,
    /// The IP address of the client; behind a proxy of [member WebSocketServer.trusted_proxies] that of the client
    /// itself. Read-only.
    #[var(no_set)]
    address: GString,
    /// The port of the client; 0 behind a trusted proxy that does not give it. Read-only.
    #[var(no_set)]
    port: i64,
    /// The client's connection is encrypted (https), to this server or to a trusted proxy. Read-only.
    #[var(no_set)]
    secure: bool,

    base: Base<RefCounted>,
}

/// Where the answer goes.
#[derive(Default)]
struct Pending {
    server: WeakState<ServerCore>,
    id: HttpRequestId,
    reply: RefCell<Option<HttpReply>>,
}

impl Pending {
    fn take(&self) -> Option<HttpReply> {
        let reply = self.reply.take()?;
        if let Some(server) = self.server.upgrade() {
            server.forget_request(self.id);
        }
        Some(reply)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if is_main_thread() {
            self.take();
        }
    }
}

#[godot_api]
impl HttpServerRequest {
    /// The client has closed its side, or the connection has broken, before the request was answered. Emitted at most
    /// once. An answer still reaches a client that only finished sending, which browsers never do.
    #[signal]
    fn client_left();

    /// Whether the request can still be answered.
    #[func]
    fn is_pending(&self) -> bool {
        on_main_thread() && self.pending.reply.borrow().as_ref().is_some_and(HttpReply::is_open)
    }

    /// Whether the client has left, see [signal client_left].
    #[func]
    fn has_client_left(&self) -> bool {
        on_main_thread() && self.client_left.get()
    }

    /// The last error of this object in words; empty if there was none.
    #[func]
    fn get_last_error_message(&self) -> GString {
        if !on_main_thread() {
            return GString::new();
        }
        GString::from(&*self.last_error.borrow())
    }

    /// The value of a header, whose name may be in any case; empty if there is none. See also [member headers].
    #[func]
    fn get_header(&self, name: GString) -> GString {
        header(&self.headers, &name)
    }

    /// The decoded value of a name in the query; empty if there is none. See also [member query].
    #[func]
    fn get_query_param(&self, name: GString) -> GString {
        entry(&self.query, &name)
    }

    /// The body as text. Invalid UTF-8 and U+0000 become U+FFFD.
    #[func]
    fn get_body_text(&self) -> GString {
        utf8_text(self.body.as_slice())
    }

    /// The value of a body in JSON; [code]null[/code] if it is none.
    #[func]
    fn get_body_json(&self) -> Variant {
        let mut json = Json::new_gd();
        if json.parse(&self.get_body_text()) == Error::OK {
            json.get_data()
        } else {
            Variant::nil()
        }
    }

    /// Answers with [param status], an HTTP status from 200 to 599, a body (a [String], sent as UTF-8, a
    /// [PackedByteArray], or [code]null[/code]), its media type, and additional headers, each as [code]"Name:
    /// value"[/code]. An empty [param content_type] stands for [code]text/plain; charset=utf-8[/code] or
    /// [code]application/octet-stream[/code]. A 204, 205 or 304 is sent without the body. Returns [constant
    /// ERR_DOES_NOT_EXIST] if the request is no longer pending, or [constant ERR_INVALID_PARAMETER] for another status,
    /// another type of body, or an invalid header, such as the length and headers of the connection, which the server
    /// writes itself; the request stays pending then.
    #[func]
    fn respond(
        &self,
        status: i64,
        body: Variant,
        #[opt(default = "")] content_type: GString,
        #[opt(default = &PackedStringArray::new())] headers: PackedStringArray,
    ) -> Error {
        let (bytes, usual_type) = match body.get_type() {
            VariantType::NIL => (Vec::new(), ""),
            VariantType::STRING | VariantType::STRING_NAME => {
                let text: GString = body.stringify();
                (utf8(&text).into_bytes(), "text/plain; charset=utf-8")
            }
            VariantType::PACKED_BYTE_ARRAY => (body.to::<PackedByteArray>().to_vec(), "application/octet-stream"),
            _ => return self.refuse("respond", "the body is no String and no PackedByteArray".to_owned()),
        };
        let content_type = content_type.to_string();
        let content_type = if content_type.is_empty() {
            usual_type
        } else {
            &content_type
        };
        self.answer(
            "respond",
            |lines| Answer::new(status, bytes, content_type, lines),
            &headers,
        )
    }

    /// Answers with a value in JSON, and the HTTP status [param status]. Otherwise as [method respond].
    #[func]
    fn respond_json(
        &self,
        value: Variant,
        #[opt(default = 200)] status: i64,
        #[opt(default = &PackedStringArray::new())] headers: PackedStringArray,
    ) -> Error {
        let json = utf8(&Json::stringify(&value)).into_bytes();
        self.answer(
            "respond_json",
            |lines| Answer::new(status, json, "application/json", lines),
            &headers,
        )
    }

    /// Answers with a file of [code]res://[/code], which is read by the engine now, or of [code]user://[/code] or an
    /// absolute path, which is streamed in the background. Its media type follows from its name; ranges and validators
    /// work as in [method WebSocketServer.serve_folder]. Returns [constant ERR_FILE_NOT_FOUND] if there is no such file;
    /// the request stays pending then. Otherwise as [method respond].
    #[func]
    fn respond_file(
        &self,
        path: GString,
        #[opt(default = &PackedStringArray::new())] headers: PackedStringArray,
    ) -> Error {
        if !on_main_thread() {
            return Error::ERR_UNAVAILABLE;
        }
        let words = || format!("there is no file '{path}'");
        match place(&path) {
            Some(Place::Packed) => {
                if !FileAccess::file_exists(&path) {
                    return self.fail(Error::ERR_FILE_NOT_FOUND, words());
                }
                let bytes = FileAccess::get_file_as_bytes(&path).to_vec();
                let name = path.get_file().to_string();
                self.answer("respond_file", |lines| Answer::kept_file(&name, bytes, lines), &headers)
            }
            Some(Place::Disk(path)) if path.is_file() => {
                self.answer("respond_file", |lines| Answer::file(path, lines), &headers)
            }
            Some(Place::Disk(_)) => self.fail(Error::ERR_FILE_NOT_FOUND, words()),
            None => self.refuse(
                "respond_file",
                format!("'{path}' is neither an absolute path nor one that begins with 'res://' or 'user://'"),
            ),
        }
    }

    /// Sends the client to another URL or path, by the HTTP status [param status]: 301, 302, 303, 307 or 308. What is
    /// not ASCII must be encoded, see [method String.uri_encode]. Otherwise as [method respond].
    #[func]
    fn redirect(&self, location: GString, #[opt(default = 302)] status: i64) -> Error {
        let location = location.to_string();
        self.answer(
            "redirect",
            |_| Answer::redirect(&location, status),
            &PackedStringArray::new(),
        )
    }
}

impl HttpServerRequest {
    pub(crate) fn ask(server: Weak<ServerCore>, request: HttpRequest, reply: HttpReply) -> Gd<Self> {
        let mut this = Self::new_gd();
        {
            let mut this = this.bind_mut();
            this.path = text(&request.decoded_path());
            this.query = query(&request.query_pairs());
            this.method = GString::from(&request.method);
            this.raw_path = GString::from(&request.path);
            this.raw_query = GString::from(&request.query);
            this.headers = headers(&request.headers);
            this.body = PackedByteArray::from(&*request.body);
            this.address = GString::from(&host_text(request.peer));
            this.port = request.peer.port().into();
            this.secure = request.secure;
            this.pending.server = WeakState::new(server);
            this.pending.id = request.id;
            this.pending.reply = RefCell::new(Some(reply));
        }
        this
    }

    /// Answers for a server without a handler.
    pub(super) fn answer_without_handler(&self, answer: Answer) {
        if let Some(reply) = self.pending.take() {
            // A client that has left needs none.
            let _ = reply.send(answer);
        }
    }

    /// Emits `client_left`. Runs user code.
    pub(super) fn tell_left(this: &Gd<Self>) {
        this.bind().client_left.set(true);
        emit(this, &Pump::get().names.client_left, &[]);
    }

    fn answer(
        &self,
        method: &str,
        make: impl FnOnce(&mut dyn Iterator<Item = &str>) -> Result<Answer, AnswerError>,
        headers: &PackedStringArray,
    ) -> Error {
        if !on_main_thread() {
            return Error::ERR_UNAVAILABLE;
        }
        let lines: Vec<String> = headers.as_slice().iter().map(ToString::to_string).collect();
        let answer = match make(&mut lines.iter().map(String::as_str)) {
            Ok(answer) => answer,
            Err(error) => return self.refuse(method, error.to_string()),
        };
        let Some(reply) = self.pending.take() else {
            return self.fail(Error::ERR_DOES_NOT_EXIST, "the request was answered already".to_owned());
        };
        match reply.send(answer) {
            Ok(()) => Error::OK,
            Err(error) => self.fail(Error::ERR_DOES_NOT_EXIST, error.to_string()),
        }
    }

    /// Reports misuse to the author of the script, once and in words, which become the last error too.
    fn refuse(&self, method: &str, words: String) -> Error {
        if !on_main_thread() {
            return Error::ERR_UNAVAILABLE;
        }
        misuse(&format!("HttpServerRequest.{method}: {words}"));
        self.fail(Error::ERR_INVALID_PARAMETER, words)
    }

    fn fail(&self, error: Error, words: String) -> Error {
        *self.last_error.borrow_mut() = words;
        error
    }
}
