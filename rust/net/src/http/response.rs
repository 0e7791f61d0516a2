//! Responses that refuse a request (RFC 9110 section 15).

use super::headers::ResponseHeader;

/// A response with an error status, after which the connection is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// 400 to 599.
    pub(crate) status: u16,
    /// Plain text for a human reader, unless `headers` contain another `Content-Type`.
    pub(crate) body: String,
    /// Additional header lines.
    pub(crate) headers: Vec<ResponseHeader>,
}

impl Refusal {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            body: body.into(),
            headers: Vec::new(),
        }
    }

    /// 400 with a reason.
    pub(crate) fn bad_request(why: &str) -> Self {
        Self::new(400, format!("Bad request: {why}.\n"))
    }

    /// The whole response. `first` are the header lines that the protocol requires with this status, `Connection` among
    /// them, each with its CRLF.
    pub(crate) fn to_bytes(&self, first: &str) -> Vec<u8> {
        let (status, phrase, len) = (self.status, phrase(self.status), self.body.len());
        let mut out = format!("HTTP/1.1 {status} {phrase}\r\n{first}");
        let names_type = |header: &ResponseHeader| header.name().eq_ignore_ascii_case("content-type");
        if !self.headers.iter().any(names_type) {
            out += "Content-Type: text/plain; charset=utf-8\r\n";
        }
        write_headers(&mut out, &self.headers);
        out += &format!("Content-Length: {len}\r\n\r\n{}", self.body);
        out.into_bytes()
    }
}

/// Appends header lines, each with its CRLF.
pub(crate) fn write_headers(out: &mut String, headers: &[ResponseHeader]) {
    for header in headers {
        *out += &format!("{}: {}\r\n", header.name(), header.value());
    }
}

fn phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_headers_that_it_was_given() {
        let headers = ["WWW-Authenticate: Bearer", "content-type: application/json"];
        let refusal = Refusal {
            headers: headers.map(|line| ResponseHeader::parse(line).expect("valid")).into(),
            ..Refusal::new(401, "{}")
        };
        let text = String::from_utf8(refusal.to_bytes("Connection: close\r\n")).expect("UTF-8");
        assert!(text.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{text}");
        assert!(text.contains("\r\nWWW-Authenticate: Bearer\r\n"), "{text}");
        assert_eq!(text.to_ascii_lowercase().matches("content-type").count(), 1, "{text}");
        assert!(text.ends_with("\r\nContent-Length: 2\r\n\r\n{}"), "{text}");
    }
}
