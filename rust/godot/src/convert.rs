//! Conversions of bytes, text and errors to Godot values.

use std::io;
use std::time::Duration;

use async_sockets_net::error::{
    BindError, ConnectError, DatagramError, DatagramLost, MulticastError, SendError, TlsError,
};
use async_sockets_net::http::headers::Headers;
use async_sockets_net::recv_buffer::RecvBuffer;
use async_sockets_net::websocket::connect_error::WebSocketConnectError;
use async_sockets_net::websocket::messages::{Message, Prepared};
use godot::builtin::{GString, PackedByteArray, VarArray, VarDictionary, Variant, varray};
use godot::global::Error;
use godot::meta::ToGodot;

/// Maximum length of a PackedByteArray, whose size the engine keeps in 32 bits in places.
pub(crate) const MAX_ARRAY_LEN: i64 = i32::MAX as i64;

/// A result with only an error.
pub(crate) fn result(error: Error) -> VarArray {
    varray![error]
}

/// A result with one value.
pub(crate) fn result_with(error: Error, value: &Variant) -> VarArray {
    varray![error, value]
}

/// Copies a part of the received bytes into one array, once, whether they are in one block or many.
pub(crate) fn packed(buffer: &RecvBuffer, skip: usize, len: usize) -> PackedByteArray {
    if let Some(bytes) = buffer.contiguous(skip, len) {
        return PackedByteArray::from(bytes);
    }
    let mut array = PackedByteArray::new();
    array.resize(len);
    buffer.copy_to(skip, array.as_mut_slice());
    array
}

/// Converts UTF-8 bytes. Invalid sequences and U+0000 become U+FFFD.
pub(crate) fn utf8_text(utf8: &[u8]) -> GString {
    text(&String::from_utf8_lossy(utf8))
}

/// Converts a text. The engine's own conversion ends at U+0000 and drops a leading U+FEFF; here U+0000 becomes U+FFFD,
/// as the engine displays it, and U+FEFF is kept.
pub(crate) fn text(text: &str) -> GString {
    if !text.starts_with('\u{FEFF}') && !text.contains('\0') {
        return GString::from(text);
    }
    let chars: Vec<char> = text.chars().map(|c| if c == '\0' { '\u{FFFD}' } else { c }).collect();
    GString::from(chars.as_slice())
}

/// [`text`] in a thread of the runtime, for texts large enough to delay a frame. Strings of the engine may be moved
/// between threads.
pub(crate) fn prepare_text(utf8: &str) -> Prepared {
    Box::new(text(utf8))
}

/// The text of [`prepare_text`].
fn prepared_text(prepared: &Prepared) -> Option<GString> {
    prepared.downcast_ref().cloned()
}

/// A message as the script receives it; with `as_data`, text as its UTF-8 bytes.
pub(crate) fn message_value(message: &Message<'_>, as_data: bool) -> Variant {
    match message {
        Message::Binary(bytes) => PackedByteArray::from(*bytes).to_variant(),
        Message::Text(message) | Message::PreparedText(message, _) if as_data => {
            PackedByteArray::from(message.as_bytes()).to_variant()
        }
        Message::Text(message) => text(message).to_variant(),
        Message::PreparedText(message, prepared) => {
            prepared_text(prepared).unwrap_or_else(|| text(message)).to_variant()
        }
    }
}

/// Converts a text of the engine to UTF-8; five times as fast as `to_string()`, which converts single characters.
pub(crate) fn utf8(text: &GString) -> String {
    let chars = text.chars();
    let mut utf8 = String::with_capacity(chars.len());
    let (blocks, rest) = chars.as_chunks::<32>();
    for block in blocks {
        // Most text is ASCII, at least in parts: whole blocks compile to vector instructions.
        let all_bits = block.iter().fold(0, |bits, &c| bits | u32::from(c));
        let bytes = block.map(|c| c as u8);
        match str::from_utf8(&bytes) {
            Ok(ascii) if all_bits < 0x80 => utf8.push_str(ascii),
            _ => utf8.extend(block),
        }
    }
    utf8.extend(rest);
    utf8
}

pub(crate) fn connect_error(error: &ConnectError) -> Error {
    match error {
        ConnectError::Resolve { .. } => Error::ERR_CANT_RESOLVE,
        ConnectError::Connect { .. } => Error::ERR_CANT_CONNECT,
        ConnectError::TimedOut { .. } => Error::ERR_TIMEOUT,
        ConnectError::Tls { source, .. } => tls_error(source),
    }
}

pub(crate) fn websocket_connect_error(error: &WebSocketConnectError) -> Error {
    if let Some((status, _)) = error.response() {
        return match status {
            401 | 403 | 407 => Error::ERR_UNAUTHORIZED,
            404 | 410 => Error::ERR_DOES_NOT_EXIST,
            408 => Error::ERR_TIMEOUT,
            429 | 503 => Error::ERR_BUSY,
            101 => Error::ERR_INVALID_DATA,
            _ => Error::ERR_CONNECTION_ERROR,
        };
    }
    match error {
        WebSocketConnectError::Connect(error) => connect_error(error),
        WebSocketConnectError::Handshake(_) => Error::ERR_INVALID_DATA,
        WebSocketConnectError::NoTls => Error::ERR_UNCONFIGURED,
        WebSocketConnectError::GivenUp | WebSocketConnectError::Stopped => Error::ERR_UNAVAILABLE,
    }
}

pub(crate) fn tls_error(error: &TlsError) -> Error {
    match error {
        error if error.is_about_trust() => Error::ERR_UNAUTHORIZED,
        TlsError::TimedOut(_) => Error::ERR_TIMEOUT,
        _ => Error::ERR_CANT_CONNECT,
    }
}

pub(crate) fn bind_error(error: &BindError) -> Error {
    match error {
        BindError::InUse(_) => Error::ERR_ALREADY_IN_USE,
        BindError::Denied(_) => Error::ERR_UNAUTHORIZED,
        BindError::NoSuchAddress(_) => Error::ERR_INVALID_PARAMETER,
        BindError::Io(error) if error.kind() == io::ErrorKind::OutOfMemory => Error::ERR_OUT_OF_MEMORY,
        BindError::Io(_) => Error::ERR_CANT_CREATE,
    }
}

pub(crate) fn send_error(error: SendError) -> Error {
    match error {
        SendError::Full => Error::ERR_OUT_OF_MEMORY,
        SendError::Closed => Error::ERR_UNAVAILABLE,
    }
}

pub(crate) fn datagram_error(error: &DatagramError) -> Error {
    match error {
        DatagramError::TooLarge(_) => Error::ERR_INVALID_PARAMETER,
        DatagramError::NotConnected => Error::ERR_UNCONFIGURED,
        DatagramError::Queue(error) => send_error(*error),
    }
}

pub(crate) fn datagram_lost(error: &DatagramLost) -> Error {
    match error {
        DatagramLost::Resolve { .. } => Error::ERR_CANT_RESOLVE,
        DatagramLost::Io(_) => Error::ERR_CONNECTION_ERROR,
        DatagramLost::NotConnected => Error::ERR_UNCONFIGURED,
        DatagramLost::Closed => Error::ERR_UNAVAILABLE,
    }
}

pub(crate) fn multicast_error(error: &MulticastError) -> Error {
    match error {
        MulticastError::Group(_) => Error::ERR_INVALID_PARAMETER,
        MulticastError::Interface(_) => Error::ERR_DOES_NOT_EXIST,
        MulticastError::Closed => Error::ERR_UNCONFIGURED,
        MulticastError::Io(_) => Error::FAILED,
    }
}

/// Converts a count to the engine's integer.
pub(crate) fn int<N: TryInto<i64>>(number: N) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// An integer from a script that must lie between `low` and [`MAX_ARRAY_LEN`].
pub(crate) fn size(number: i64, low: i64) -> Option<usize> {
    if (low..=MAX_ARRAY_LEN).contains(&number) {
        usize::try_from(number).ok()
    } else {
        None
    }
}

/// An empty array of bytes.
pub(crate) fn no_bytes() -> Variant {
    PackedByteArray::new().to_variant()
}

/// A budget in microseconds from a script, limited to 0 to one minute.
pub(crate) fn budget(microseconds: i64) -> Duration {
    Duration::from_micros(microseconds.clamp(0, 60_000_000).unsigned_abs())
}

/// Headers by lower-case name; values of repeated headers are joined by commas (RFC 9110 section 5.3).
pub(crate) fn headers(headers: &Headers) -> VarDictionary {
    let mut dictionary = VarDictionary::new();
    for (name, value) in headers.iter() {
        let name = GString::from(&name.to_ascii_lowercase());
        let joined = match dictionary.get(&name) {
            Some(first) => format!("{first}, {value}"),
            None => value.to_owned(),
        };
        dictionary.set(&name, &GString::from(&joined));
    }
    dictionary
}

/// The value of a header among those of [`headers`], whatever the case of its name; empty if there is none.
pub(crate) fn header(headers: &VarDictionary, name: &GString) -> GString {
    entry(headers, &name.to_lower())
}

/// The decoded names and values of a query; of a repeated name, the last value.
pub(crate) fn query(pairs: &[(String, String)]) -> VarDictionary {
    let mut dictionary = VarDictionary::new();
    for (name, value) in pairs {
        dictionary.set(&text(name), &text(value));
    }
    dictionary
}

/// A text of a dictionary; empty if there is none.
pub(crate) fn entry(dictionary: &VarDictionary, name: &GString) -> GString {
    let value = dictionary.get(name);
    value.and_then(|value| value.try_to().ok()).unwrap_or_default()
}
