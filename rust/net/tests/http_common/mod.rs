//! Helpers of the HTTP tests: a server that answers requests, clients that send arbitrary bytes, and folders.

#![allow(dead_code, reason = "every test file uses its own part")]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use async_sockets_net::event::WebSocketEvent;
use async_sockets_net::http_server::answer::Answer;
use async_sockets_net::http_server::exchange::{HttpReply, HttpRequest};
use async_sockets_net::http_server::folder::{Folder, KeptFile};
use async_sockets_net::http_server::options::HttpOptions;
use async_sockets_net::http_server::site::{FolderOptions, Site};
use async_sockets_net::websocket::options::WebSocketOptions;

use crate::websocket_common::{Happened, Peer, Server};

/// A response, as a client reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The value of a header, if there is exactly one.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values: Vec<_> = self
            .head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect();
        assert!(values.len() < 2, "{name} twice: {}", self.head);
        values.first().copied()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    pub(crate) fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.contains("close"))
    }
}

impl Peer {
    /// Reads one response to a request with this method.
    #[track_caller]
    pub(crate) fn response_to(&mut self, method: &str) -> Response {
        let head = self.head();
        let status = head[9..12].parse().expect("a status");
        let mut response = Response {
            status,
            head,
            body: Vec::new(),
        };
        if method != "HEAD" && !matches!(status, 100..=199 | 204 | 304) {
            let len = response
                .header("content-length")
                .expect("a length")
                .parse()
                .expect("a number");
            response.body = self.take(len);
        }
        response
    }

    #[track_caller]
    pub(crate) fn response(&mut self) -> Response {
        self.response_to("GET")
    }

    /// Sends a GET with these additional lines, each with its CRLF, and reads the response.
    #[track_caller]
    pub(crate) fn get(&mut self, target: &str, lines: &str) -> Response {
        self.request("GET", target, lines)
    }

    #[track_caller]
    pub(crate) fn request(&mut self, method: &str, target: &str, lines: &str) -> Response {
        self.send(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{lines}\r\n").as_bytes());
        self.response_to(method)
    }

    /// Whether the server closes the connection without sending anything more.
    #[track_caller]
    pub(crate) fn is_closed(&mut self) {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(n) => assert_eq!(n, 0, "more bytes come"),
            Err(error) => panic!("not closed in an orderly way: {error}"),
        }
    }
}

impl Server {
    /// The next request for the main thread.
    #[track_caller]
    pub(crate) fn request(&mut self) -> (HttpRequest, HttpReply) {
        match self.next() {
            Happened::Other(WebSocketEvent::HttpRequested(request, reply)) => (*request, reply),
            other => panic!("no request: {other:?}"),
        }
    }
}

/// Answers with a text.
pub(crate) fn answer(text: &str) -> Answer {
    Answer::new(200, text.to_owned().into_bytes(), "text/plain", []).expect("a good answer")
}

pub(crate) fn with(http: HttpOptions) -> WebSocketOptions {
    WebSocketOptions {
        http,
        ..WebSocketOptions::default()
    }
}

/// A server whose main thread takes requests.
pub(crate) fn with_handler() -> WebSocketOptions {
    with(HttpOptions {
        has_handler: true,
        ..HttpOptions::default()
    })
}

/// A server that serves one folder at `/`.
pub(crate) fn with_folder(folder: Folder, options: FolderOptions) -> WebSocketOptions {
    let mut site = Site::default();
    site.serve("/", folder, options).expect("a prefix");
    with(HttpOptions {
        site,
        ..HttpOptions::default()
    })
}

/// A folder in memory.
pub(crate) fn kept(files: &[(&str, &[u8])]) -> Folder {
    Folder::kept(files.iter().map(|(path, bytes)| KeptFile {
        path: (*path).to_owned(),
        bytes: bytes.to_vec().into(),
        modified: UNIX_EPOCH + Duration::from_secs(784_111_777),
    }))
}

/// A folder of the disk, removed on drop.
pub(crate) struct DiskFolder(PathBuf);

impl DiskFolder {
    pub(crate) fn new(files: &[(&str, &[u8])]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = Self(std::env::temp_dir().join(format!("async_sockets_{}_{number}", std::process::id())));
        for (path, bytes) in files {
            folder.write(path, bytes);
        }
        folder
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn serve(&self) -> Folder {
        Folder::disk(&self.0).expect("a folder")
    }
}

impl Drop for DiskFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
