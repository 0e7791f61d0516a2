//! The user's answers to requests.

use std::path::PathBuf;

use bytes::Bytes;
use thiserror::Error;

use crate::http::headers::{HeaderError, ResponseHeader};

/// An answer to a request.
#[derive(Debug)]
pub struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<ResponseHeader>,
    pub(crate) content: AnswerContent,
}

#[derive(Debug)]
pub(crate) enum AnswerContent {
    Bytes(Bytes),
    /// A file of the disk.
    Path(PathBuf),
    /// A file, its name and its content.
    File(String, Bytes),
    /// The user has no answer: 404.
    None,
}

/// Why an answer is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// Not a final status.
    #[error("{0} is not an HTTP status from 200 to 599")]
    Status(i64),
    /// Not a status of a redirect.
    #[error("{0} is not the status of a redirect (301, 302, 303, 307 or 308)")]
    Redirect(i64),
    /// A redirect to nowhere.
    #[error("the location is empty")]
    NoLocation,
    /// A location of a redirect that is no URL.
    #[error("'{0}' is no URL: encode spaces, control characters and all beyond ASCII, as by uri_encode()")]
    Location(String),
    /// A header line that is not allowed.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

impl Answer {
    /// A status from 200 to 599, a body, its `Content-Type` (empty for none), and additional header lines, each as
    /// `Name: value`. A 204, 205 or 304 is sent without the body.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn new<'a>(
        status: i64,
        body: impl Into<Bytes>,
        content_type: &str,
        lines: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, AnswerError> {
        let Ok(status @ 200..=599) = u16::try_from(status) else {
            return Err(AnswerError::Status(status));
        };
        let mut headers = Vec::new();
        for line in lines {
            headers.push(ResponseHeader::parse(line)?);
        }
        if !content_type.is_empty() && !has(&headers, "content-type") {
            headers.push(ResponseHeader::parse(&format!("Content-Type: {content_type}"))?);
        }
        Ok(Self {
            status,
            headers,
            content: AnswerContent::Bytes(body.into()),
        })
    }

    /// A file of the disk, with validators and ranges as in a served folder; 404 if it is gone by then.
    ///
    /// # Errors
    /// [`AnswerError::Header`].
    pub fn file<'a>(path: PathBuf, lines: impl IntoIterator<Item = &'a str>) -> Result<Self, AnswerError> {
        Ok(Self {
            content: AnswerContent::Path(path),
            ..Self::new(200, Bytes::new(), "", lines)?
        })
    }

    /// The content of a file of this name, otherwise as [`Self::file`].
    ///
    /// # Errors
    /// [`AnswerError::Header`].
    pub fn kept_file<'a>(
        name: &str,
        bytes: impl Into<Bytes>,
        lines: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, AnswerError> {
        Ok(Self {
            content: AnswerContent::File(name.to_owned(), bytes.into()),
            ..Self::new(200, Bytes::new(), "", lines)?
        })
    }

    /// A redirect to another URL or path (RFC 9110 section 15.4).
    ///
    /// # Errors
    /// [`AnswerError`]; a location with spaces, control characters or anything beyond ASCII is refused.
    pub fn redirect(location: &str, status: i64) -> Result<Self, AnswerError> {
        if ![301, 302, 303, 307, 308].contains(&status) {
            return Err(AnswerError::Redirect(status));
        }
        if location.is_empty() {
            return Err(AnswerError::NoLocation);
        }
        if !location.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(AnswerError::Location(location.to_owned()));
        }
        Self::new(status, Bytes::new(), "", [&*format!("Location: {location}")])
    }

    /// No answer: the response is the one without a handler, 404 or, where there is a WebSocket, 426.
    #[must_use]
    pub fn none() -> Self {
        Self {
            status: 404,
            headers: Vec::new(),
            content: AnswerContent::None,
        }
    }
}

pub(crate) fn has(headers: &[ResponseHeader], name: &str) -> bool {
    headers.iter().any(|header| header.name().eq_ignore_ascii_case(name))
}
