//! The address of a WebSocket server as users write it (RFC 6455 section 3), parsed once.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::address::Target;

/// Where a client connects to, and what it asks for there. Neither `Display` nor `Debug` shows a password.
#[derive(Clone, PartialEq, Eq)]
pub struct WebSocketUrl {
    tls: bool,
    target: Target,
    request_target: String,
    authorization: Option<String>,
}

impl WebSocketUrl {
    /// Takes `ws://host`, or with all its parts `wss://user:password@host:port/path?query`.
    ///
    /// - The scheme is `ws` (port 80 if none is given) or `wss` (TLS, port 443), in any case.
    /// - The host is a name in ASCII, an IPv4 address, or an IPv6 address in brackets.
    /// - User and password, percent-encoded where need be, become HTTP Basic authorization (RFC 7617).
    /// - Characters of path and query that a URL cannot have (RFC 3986 section 2), as letters beyond ASCII, are
    ///   percent-encoded as UTF-8.
    ///
    /// # Errors
    /// [`UrlError`] says what does not fit, without the password.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        if let Some(c) = url.chars().find(|c| c.is_control() || c.is_whitespace()) {
            return Err(UrlError::Character(c));
        }
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::NoScheme)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "ws" => false,
            "wss" => true,
            _ => return Err(UrlError::Scheme(scheme.to_owned())),
        };
        if rest.contains('#') {
            return Err(UrlError::Fragment);
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (user_info, host_port) = match authority.rsplit_once('@') {
            Some((user_info, host_port)) => (user_info, host_port),
            None => ("", authority),
        };
        Ok(Self {
            tls,
            target: target(host_port, default_port(tls))?,
            request_target: request_target(path),
            authorization: authorization(user_info)?,
        })
    }

    /// Whether the connection begins with TLS (`wss`).
    #[must_use]
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The host, in lower case and without brackets, and the port.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What the `Host` line of the request says: brackets around an IPv6 address, and the port unless it is the
    /// scheme's (RFC 9110 section 7.2).
    #[must_use]
    pub fn host_header(&self) -> String {
        let Target { host, port } = &self.target;
        let host = match self.target.ip() {
            Some(IpAddr::V6(ip)) => format!("[{ip}]"),
            _ => host.clone(),
        };
        if *port == default_port(self.tls) {
            host
        } else {
            format!("{host}:{port}")
        }
    }

    /// Path and query, beginning with `/` (the origin form of RFC 9112 section 3.2.1).
    #[must_use]
    pub fn request_target(&self) -> &str {
        &self.request_target
    }

    /// What the `Authorization` line of the request says, if the URL names a user.
    #[must_use]
    pub fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }
}

impl WebSocketUrl {
    /// Where a `Location` leads that this URL was redirected to (RFC 9110 section 10.2.2): another URL, whose scheme
    /// may be http or https too, or a reference relative to this one (RFC 3986 section 5.2). User information in it is
    /// ignored; that of this URL is kept on the same host.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn join(&self, location: &str) -> Result<Self, UrlError> {
        let location = location.split('#').next().unwrap_or_default();
        // A colon behind the first slash or question mark belongs to a path or query.
        let scheme = location
            .split_once(':')
            .filter(|(scheme, _)| !scheme.contains(['/', '?']));
        let full = match scheme {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => format!("wss:{rest}"),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => format!("ws:{rest}"),
            Some(_) => location.to_owned(),
            None if location.is_empty() => return Err(UrlError::NoScheme),
            None => self.absolute(location),
        };
        let mut next = Self::parse(&full)?;
        next.authorization = self.authorization.clone().filter(|_| next.target == self.target);
        Ok(next)
    }

    /// A relative reference as a URL of its own.
    fn absolute(&self, reference: &str) -> String {
        let scheme = if self.tls { "wss" } else { "ws" };
        if let Some(rest) = reference.strip_prefix("//") {
            return format!("{scheme}://{rest}");
        }
        let (path, query) = reference.split_at(reference.find('?').unwrap_or(reference.len()));
        let base = self.request_target.split('?').next().unwrap_or_default();
        let path = if path.is_empty() {
            base.to_owned()
        } else if path.starts_with('/') {
            without_dots(path)
        } else {
            let folder = base.rfind('/').map_or("/", |end| &base[..=end]);
            without_dots(&format!("{folder}{path}"))
        };
        format!("{scheme}://{}{path}{query}", self.host_header())
    }

    /// Whether another URL is for the same host and port.
    pub(crate) fn is_same_host(&self, other: &Self) -> bool {
        self.target == other.target && self.tls == other.tls
    }
}

impl fmt::Display for WebSocketUrl {
    /// The URL in its normal form, without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.host_header(), self.request_target)
    }
}

impl fmt::Debug for WebSocketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebSocketUrl({self})")
    }
}

/// Why the address of a WebSocket server was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UrlError {
    /// There is no `://`.
    #[error("a WebSocket URL begins with ws:// or wss://")]
    NoScheme,
    /// The scheme is another one.
    #[error("a WebSocket URL begins with ws:// or wss://, not with '{0}://'")]
    Scheme(String),
    /// A space or a control character.
    #[error("a URL has no character {0:?}: percent-encode it in a path or query, and remove it elsewhere")]
    Character(char),
    /// A fragment, which no server gets to see (RFC 6455 section 3).
    #[error("a WebSocket URL has no fragment: write %23 for a '#' in a path or query")]
    Fragment,
    /// Not a host.
    #[error("'{0}' is not a host: give a name, an IPv4 address, or an IPv6 address in brackets")]
    Host(String),
    /// A host name with letters beyond ASCII.
    #[error("'{0}' has letters beyond ASCII: give the name in its ASCII form, which begins with xn--")]
    International(String),
    /// Not a port.
    #[error("the port of a URL is a number from 1 to 65535")]
    Port,
    /// User or password cannot be sent.
    #[error(
        "user and password: percent-encode what is no letter or digit; control characters, and ':' in a user, cannot be sent"
    )]
    UserInfo,
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

fn target(host_port: &str, default_port: u16) -> Result<Target, UrlError> {
    let not_a_host = || UrlError::Host(host_port.to_owned());
    let (host, port) = match host_port.strip_prefix('[') {
        Some(rest) => {
            let (ip, port) = rest.split_once(']').ok_or_else(not_a_host)?;
            let ip: Ipv6Addr = ip.parse().map_err(|_| not_a_host())?;
            let port = match port.strip_prefix(':') {
                Some(port) => port,
                None if port.is_empty() => "",
                None => return Err(not_a_host()),
            };
            (ip.to_string(), port)
        }
        None => {
            let (host, port) = host_port.split_once(':').unwrap_or((host_port, ""));
            if port.contains(':') {
                // An IPv6 address without brackets.
                return Err(not_a_host());
            }
            if !host.is_ascii() {
                return Err(UrlError::International(host.to_owned()));
            }
            if host.contains('%') {
                return Err(not_a_host());
            }
            (host.to_ascii_lowercase(), port)
        }
    };
    let port = match port {
        // RFC 3986 section 3.2.3 allows a colon with nothing behind it.
        "" => default_port,
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().map_err(|_| UrlError::Port)?,
        _ => return Err(UrlError::Port),
    };
    if port == 0 {
        return Err(UrlError::Port);
    }
    Target::parse(&host, port.into()).map_err(|_| not_a_host())
}

/// The path and query of a URL as they are sent. A percent sign stays as it is.
fn request_target(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        out.push('/');
    }
    for byte in path.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Resolves `.` and `..` in a path that begins with `/` (RFC 3986 section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        if segment == ".." {
            kept.pop();
        }
        if !matches!(segment, "." | "..") {
            kept.push(segment);
        } else if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

fn authorization(user_info: &str) -> Result<Option<String>, UrlError> {
    if user_info.is_empty() {
        return Ok(None);
    }
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let (user, password) = (percent_decoded(user)?, percent_decoded(password)?);
    if user.contains(&b':') || user.iter().chain(&password).any(u8::is_ascii_control) {
        return Err(UrlError::UserInfo);
    }
    let pair = [&user[..], b":", &password].concat();
    Ok(Some(format!("Basic {}", STANDARD.encode(pair))))
}

fn percent_decoded(text: &str) -> Result<Vec<u8>, UrlError> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, later)) = rest.split_first() {
        rest = later;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let Some(([high, low], later)) = rest.split_first_chunk() else {
            return Err(UrlError::UserInfo);
        };
        let digit = |byte: &u8| char::from(*byte).to_digit(16).ok_or(UrlError::UserInfo);
        out.push(u8::try_from(digit(high)? * 16 + digit(low)?).unwrap_or_default());
        rest = later;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> WebSocketUrl {
        WebSocketUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn error(text: &str) -> UrlError {
        WebSocketUrl::parse(text).expect_err(text)
    }

    #[test]
    fn a_url_has_its_parts() {
        for (text, tls, host, port, host_header, request_target) in [
            ("ws://example.org", false, "example.org", 80, "example.org", "/"),
            ("WSS://Example.ORG", true, "example.org", 443, "example.org", "/"),
            ("ws://a:80/", false, "a", 80, "a", "/"),
            ("wss://a:80/", true, "a", 80, "a:80", "/"),
            ("ws://a:", false, "a", 80, "a", "/"),
            ("ws://a:65535/b/c?d=e&f", false, "a", 65535, "a:65535", "/b/c?d=e&f"),
            ("ws://a?b", false, "a", 80, "a", "/?b"),
            ("ws://a/b?c?d/e", false, "a", 80, "a", "/b?c?d/e"),
            ("ws://127.0.0.1:9080", false, "127.0.0.1", 9080, "127.0.0.1:9080", "/"),
            ("ws://[::1]", false, "::1", 80, "[::1]", "/"),
            (
                "wss://[2001:DB8::1]:9080/x",
                true,
                "2001:db8::1",
                9080,
                "[2001:db8::1]:9080",
                "/x",
            ),
            (
                "ws://xn--bcher-kva.example",
                false,
                "xn--bcher-kva.example",
                80,
                "xn--bcher-kva.example",
                "/",
            ),
            (
                "ws://my_host-1.local./",
                false,
                "my_host-1.local.",
                80,
                "my_host-1.local.",
                "/",
            ),
        ] {
            let url = url(text);
            assert_eq!(url.tls(), tls, "{text}");
            assert_eq!((url.target().host.as_str(), url.target().port), (host, port), "{text}");
            assert_eq!(url.host_header(), host_header, "{text}");
            assert_eq!(url.request_target(), request_target, "{text}");
            assert_eq!(url.authorization(), None, "{text}");
        }
    }

    #[test]
    fn what_a_url_cannot_have_is_encoded_in_path_and_query() {
        assert_eq!(
            url("ws://a/ü/€?x=\"<>\\^`{|}").request_target(),
            "/%C3%BC/%E2%82%AC?x=%22%3C%3E%5C%5E%60%7B%7C%7D"
        );
        let kept = "/a%20b%zz%/!$&'()*+,;=:@-._~[]";
        assert_eq!(url(&format!("ws://a{kept}")).request_target(), kept);
    }

    #[test]
    fn other_schemes_are_refused() {
        assert_eq!(error(""), UrlError::NoScheme);
        assert_eq!(error("example.org"), UrlError::NoScheme);
        assert_eq!(error("ws:example.org"), UrlError::NoScheme);
        assert_eq!(error("ws:/example.org"), UrlError::NoScheme);
        for scheme in ["http", "https", "", "wsx", "tcp"] {
            assert_eq!(error(&format!("{scheme}://a")), UrlError::Scheme(scheme.to_owned()));
        }
    }

    #[test]
    fn no_header_line_can_be_smuggled_in() {
        for (text, c) in [
            (" ws://a", ' '),
            ("ws://a ", ' '),
            ("ws://a/ HTTP/1.1", ' '),
            ("ws://a/\r\nX: y", '\r'),
            ("ws://a/\ny", '\n'),
            ("ws://a\t", '\t'),
            ("ws://a\0b/", '\0'),
            ("ws://a/\u{7f}", '\u{7f}'),
            ("ws://a/\u{85}", '\u{85}'),
            ("ws://a/\u{2028}", '\u{2028}'),
            ("ws://u\n:p@a/", '\n'),
        ] {
            assert_eq!(error(text), UrlError::Character(c), "{text:?}");
        }
        for text in ["ws://u%0d%0aX:p@a", "ws://u:p%0A@a", "ws://u:%00@a", "ws://u%3a:p@a"] {
            assert_eq!(error(text), UrlError::UserInfo, "{text:?}");
        }
    }

    #[test]
    fn a_fragment_is_refused() {
        for text in ["ws://a#b", "ws://a/#", "ws://a/b?c#d", "ws://a#@b"] {
            assert_eq!(error(text), UrlError::Fragment, "{text}");
        }
        assert_eq!(url("ws://a/%23").request_target(), "/%23");
    }

    #[test]
    fn hosts_that_are_none_are_refused() {
        for host in [
            "",
            ":80",
            "::1",
            "::1:80",
            "[::1",
            "[::1]80",
            "[::1]x:80",
            "[1.2.3.4]",
            "[a]",
            "[]",
            "[fe80::1%25eth0]",
            "a%41",
            "a,b",
            "a\\b",
            "a:80:90",
            "<a>",
        ] {
            assert_eq!(error(&format!("ws://{host}/x")), UrlError::Host(host.to_owned()));
        }
        assert!(matches!(error(&format!("ws://{}", "x".repeat(254))), UrlError::Host(_)));
        let words = error("ws://bücher.example/").to_string();
        assert!(words.contains("xn--") && words.contains("bücher.example"), "{words}");
    }

    #[test]
    fn ports_have_their_range() {
        for port in ["0", "65536", "99999999999999999999", "-1", "+80", "8a", "0x50"] {
            assert_eq!(error(&format!("ws://a:{port}")), UrlError::Port, "{port}");
            assert_eq!(error(&format!("ws://[::1]:{port}/")), UrlError::Port, "{port}");
        }
    }

    #[test]
    fn user_and_password_become_basic_authorization() {
        let basic = |pair: &[u8]| Some(format!("Basic {}", STANDARD.encode(pair)));
        for (user_info, pair) in [
            ("user:password", &b"user:password"[..]),
            ("user", b"user:"),
            ("user:", b"user:"),
            (":token", b":token"),
            ("a%40b:c%2Fd%3ae", b"a@b:c/d:e"),
            ("a:b:c", b"a:b:c"),
            ("a@b:c", b"a@b:c"),
            ("ü:%C3%BC", "ü:ü".as_bytes()),
        ] {
            let url = url(&format!("ws://{user_info}@host:1/"));
            assert_eq!(url.authorization(), basic(pair).as_deref(), "{user_info}");
            assert_eq!(url.target().host, "host");
        }
        // RFC 7617 section 2.
        let url = url("ws://Aladdin:open%20sesame@a");
        assert_eq!(url.authorization(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        for user_info in ["a%", "a%4", "a%zz:b", "a:%+1"] {
            assert_eq!(
                error(&format!("ws://{user_info}@host")),
                UrlError::UserInfo,
                "{user_info}"
            );
        }
        assert_eq!(WebSocketUrl::parse("ws://@a").map(|url| url.authorization), Ok(None));
    }

    #[test]
    fn no_words_show_the_password() {
        let text = "WSS://user:secret@Host:443/path?query";
        assert_eq!(url(text).to_string(), "wss://host/path?query");
        assert!(!format!("{:?}", url(text)).contains("secret"));
        for text in [
            "ws:user:secret@host",
            "ws://user:secret@ho%st",
            "ws://user:secret@host:0",
            "ws://user:secret%@host",
            "ws://user:secret@hö",
        ] {
            let error = error(text);
            assert!(!format!("{error} {error:?}").contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_shown_is_a_url_again() {
        for text in ["ws://a/", "wss://[::1]:9/b?c", "ws://a:443/%C3%BC"] {
            assert_eq!(url(text).to_string(), text);
        }
    }
}
