//! Responses with files (RFC 9110 sections 13 to 15).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use hyper::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderName, LAST_MODIFIED, VARY, X_CONTENT_TYPE_OPTIONS,
};

use super::body::Content;
use super::folder::{FileContent, Resource};
use super::service::Response;
use super::site::FolderOptions;
use super::turn::Asked;
use crate::http::content_type::content_type;
use crate::http::range::{Wanted, wanted};

/// Maximum number of bytes of an open file that are read at once with the response: another way to a thread that may
/// block would cost more than reading them.
const SMALL: u64 = 32 * 1024;

/// The response with a representation of a file, or with a part of it, or that it has not changed. Conditions count for
/// GET and HEAD alone, since any other method has done its work by now. Blocks if it has to read an open file.
pub(crate) fn file_response(asked: &Asked, resource: Resource) -> Response {
    let Resource {
        content,
        validators,
        coding,
        varies,
        name,
    } = resource;
    let has_conditions = matches!(&*asked.method, "GET" | "HEAD");
    if has_conditions && validators.has_changed(&asked.headers) {
        return Response::text(412, "The file has changed.\n");
    }
    let mut response = if has_conditions && validators.is_unchanged(&asked.headers) {
        Response::new(304)
    } else {
        let len = content.len();
        let range = asked.headers.get("Range").filter(|_| asked.method == "GET");
        let range = range.filter(|_| validators.allows_range(&asked.headers));
        match range.map_or(Wanted::All, |range| wanted(range, len)) {
            Wanted::All => part(asked, content, 0, len, 200),
            Wanted::Part(from, count) => {
                let mut response = part(asked, content, from, count, 206);
                let last = from + count - 1;
                response.set(CONTENT_RANGE, &format!("bytes {from}-{last}/{len}"));
                response
            }
            Wanted::Nothing => {
                let mut response = Response::text(416, "There are no such bytes.\n");
                response.set(CONTENT_RANGE, &format!("bytes */{len}"));
                return response;
            }
        }
    };
    response.set(ETAG, &validators.tag);
    response.set(LAST_MODIFIED, &validators.last_modified());
    if varies {
        response.set(VARY, "Accept-Encoding");
    }
    if response.status < 300 {
        response.set(CONTENT_TYPE, &content_type(&name));
        response.set(ACCEPT_RANGES, "bytes");
        response.set(X_CONTENT_TYPE_OPTIONS, "nosniff");
        if let Some(coding) = coding {
            response.set(CONTENT_ENCODING, coding.name());
        }
    }
    response
}

fn part(asked: &Asked, content: FileContent, from: u64, count: u64, status: u16) -> Response {
    let content = match content {
        FileContent::Bytes(bytes) => {
            let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(bytes.len());
            Ok(Content::Bytes(bytes.slice(at(from)..at(from + count))))
        }
        FileContent::File(file, _) => open_part(file, from, count, asked.method != "HEAD"),
    };
    match content {
        Ok(content) => {
            let mut response = Response::new(status);
            response.content = content;
            response
        }
        Err(_) => Response::text(500, "The file cannot be read.\n"),
    }
}

/// Part of an open file, which is read if it is small and `read` is true.
fn open_part(mut file: File, from: u64, count: u64, read: bool) -> io::Result<Content> {
    file.seek(SeekFrom::Start(from))?;
    if !read || count > SMALL {
        return Ok(Content::file(file, count));
    }
    let mut bytes = vec![0; usize::try_from(count).unwrap_or(0)];
    file.read_exact(&mut bytes)?;
    Ok(Content::Bytes(bytes.into()))
}

/// Adds what the options of a folder say. An error gets nothing that is about a file.
pub(crate) fn add_options(response: &mut Response, options: &FolderOptions) {
    let is_error = response.status >= 400;
    if !is_error && !options.cache_control.is_empty() {
        response.set(CACHE_CONTROL, &options.cache_control);
    }
    if options.cross_origin_isolated {
        response.set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
        response.set(HeaderName::from_static("cross-origin-embedder-policy"), "require-corp");
        response.set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    }
    if !options.allow_origin.is_empty() {
        response.set(ACCESS_CONTROL_ALLOW_ORIGIN, &options.allow_origin);
    }
    if !is_error {
        response.add(&options.headers);
    }
}
