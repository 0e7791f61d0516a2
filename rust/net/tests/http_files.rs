//! Folders, in memory and of the disk: what is served, with which headers, and what is not.

mod http_common;
mod websocket_common;

use async_sockets_net::http::headers::ResponseHeader;
use async_sockets_net::http_server::folder::Folder;
use async_sockets_net::http_server::options::HttpOptions;
use async_sockets_net::http_server::site::{FolderOptions, Site};
use async_sockets_net::websocket::options::WebSocketOptions;
use http_common::{DiskFolder, Response, kept, with, with_folder};
use websocket_common::{Peer, Server};

const FILES: &[(&str, &[u8])] = &[
    ("index.html", b"<p>home</p>"),
    ("a b/index.html", b"<p>below</p>"),
    ("a b/é.txt", b"e"),
    ("game.wasm", b"\0asm plain"),
    ("game.wasm.br", b"brotli"),
    ("game.wasm.gz", b"gzip"),
    ("empty.txt", b""),
    (".env", b"secret"),
    (".git/config", b"secret"),
];

/// Runs a test on the same files in memory and on the disk.
fn each(test: impl Fn(&mut Peer)) {
    let disk = DiskFolder::new(FILES);
    for folder in [kept(FILES), disk.serve()] {
        let server = Server::start(with_folder(folder, FolderOptions::default()));
        test(&mut Peer::connect(server.port()));
    }
}

#[test]
fn files_and_the_index_of_folders() {
    each(|peer| {
        let home = peer.get("/", "");
        assert_eq!((home.status, home.text()), (200, "<p>home</p>"));
        assert_eq!(home.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(home.header("cache-control"), Some("no-cache"));
        assert_eq!(home.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(home.header("accept-ranges"), Some("bytes"));
        assert!(home.header("date").is_some() && home.header("last-modified").is_some());
        assert_eq!(peer.get("/?a=/../b", "").text(), "<p>home</p>");
        assert_eq!(peer.get("/a%20b/", "").text(), "<p>below</p>");
        assert_eq!(peer.get("/a%20b/%C3%A9.txt", "").text(), "e");
        assert_eq!(peer.get("/empty.txt", "").text(), "");
        assert_eq!(peer.get("http://a/empty.txt", "").status, 200);
        for target in ["/a%20b", "/a%20b?x=1"] {
            let redirect = peer.get(target, "");
            let expected = target.replacen("b", "b/", 1);
            assert_eq!((redirect.status, redirect.header("location")), (301, Some(&*expected)));
        }
        for target in [
            "/nothing",
            "/index.html/",
            "/a%20b/nothing/",
            "/game.wasm/x",
            "/INDEX.HTM",
        ] {
            assert_eq!(peer.get(target, "").status, 404, "{target}");
        }
    });
}

#[test]
fn a_head_is_a_get_without_body() {
    each(|peer| {
        let get = peer.get("/", "");
        let head = peer.request("HEAD", "/", "");
        assert_eq!(head.header("content-length"), Some("11"));
        assert_eq!(head.header("etag"), get.header("etag"));
        assert!(head.body.is_empty());
        // The next response begins right behind the head.
        assert_eq!(peer.request("HEAD", "/nothing", "").status, 404);
        assert_eq!(peer.get("/", "").text(), "<p>home</p>");
        let post = peer.request("POST", "/", "");
        assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
    });
}

#[test]
fn a_copy_that_is_good_is_not_sent_again() {
    each(|peer| {
        let first = peer.get("/", "");
        let tag = first.header("etag").expect("a tag").to_owned();
        let date = first.header("last-modified").expect("a date").to_owned();
        for lines in [
            format!("If-None-Match: {tag}\r\n"),
            format!("If-None-Match: \"x\", W/{tag}\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n"),
            format!("If-Modified-Since: {date}\r\n"),
        ] {
            let again = peer.get("/", &lines);
            assert_eq!(again.status, 304, "{lines}");
            assert_eq!(again.header("etag"), Some(&*tag));
            assert_eq!(again.header("content-length"), None);
            assert_eq!(again.header("cache-control"), Some("no-cache"));
        }
        assert_eq!(peer.get("/", "If-None-Match: \"x\"\r\n").status, 200);
        assert_eq!(
            peer.get("/", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n")
                .status,
            200
        );
    });
}

#[test]
fn a_part_of_a_file() {
    each(|peer| {
        let part = peer.get("/", "Range: bytes=3-6\r\n");
        assert_eq!((part.status, part.text()), (206, "home"));
        assert_eq!(part.header("content-range"), Some("bytes 3-6/11"));
        assert_eq!(peer.get("/", "Range: bytes=-4\r\n").text(), "</p>");
        let none = peer.get("/", "Range: bytes=11-\r\n");
        assert_eq!((none.status, none.header("content-range")), (416, Some("bytes */11")));
        assert_eq!(peer.get("/", "Range: bytes=0-1,3-4\r\n").status, 200);
        assert_eq!(peer.get("/", "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n").status, 200);
        let tag = peer.get("/", "").header("etag").expect("a tag").to_owned();
        let same = peer.get("/", &format!("Range: bytes=0-1\r\nIf-Range: {tag}\r\n"));
        assert_eq!((same.status, same.text()), (206, "<p"));
        assert_eq!(peer.request("HEAD", "/", "Range: bytes=0-1\r\n").status, 200);
    });
}

#[test]
fn compressed_neighbours_by_what_the_client_accepts() {
    each(|peer| {
        for (accept, coding, body) in [
            ("", None, "\0asm plain"),
            ("Accept-Encoding: gzip, br\r\n", Some("br"), "brotli"),
            ("Accept-Encoding: gzip\r\n", Some("gzip"), "gzip"),
            ("Accept-Encoding: br;q=0, gzip;q=0\r\n", None, "\0asm plain"),
        ] {
            let file = peer.get("/game.wasm", accept);
            assert_eq!(
                (file.header("content-encoding"), file.text()),
                (coding, body),
                "{accept}"
            );
            assert_eq!(file.header("content-type"), Some("application/wasm"));
            assert_eq!(file.header("vary"), Some("Accept-Encoding"));
        }
        let tags = ["", "Accept-Encoding: gzip\r\n"]
            .map(|accept| peer.get("/game.wasm", accept).header("etag").map(str::to_owned));
        assert_ne!(tags[0], tags[1]);
        assert_eq!(peer.get("/", "Accept-Encoding: br\r\n").header("vary"), None);
    });
}

#[test]
fn nothing_outside_and_nothing_hidden() {
    each(|peer| {
        for target in [
            "/.env",
            "/.git/config",
            "/%2eenv",
            "/a%20b/.hidden",
            "//index.html",
            "/a%20b//index.html",
            "/%2Findex.html",
            "/a%20b%2Findex.html",
            "/%252e%252e/%252e%252e/etc/passwd",
            "/C:/Windows/win.ini",
            "/c:%2f",
            "/index.html.",
            "/index.html%20",
            "/index.html::$DATA",
        ] {
            let answer = peer.get(target, "");
            assert_eq!(answer.status, 404, "{target}");
            assert_eq!(answer.text(), "There is nothing here.\n", "{target}");
        }
    });
    let disk = DiskFolder::new(FILES);
    for folder in [kept(FILES), disk.serve()] {
        let server = Server::start(with_folder(folder, FolderOptions::default()));
        for target in [
            "/../etc/passwd",
            "/%2e%2e/etc/passwd",
            "/a/../index.html",
            "/./index.html",
            "/..",
            "/..%5c..%5cwin.ini",
            "/..%2f..%2fetc%2fpasswd",
            "/..\\index.html",
            "/index.html%00.png",
            "/%ff",
            "/%",
            "/%c0%ae%c0%ae/x",
        ] {
            let mut peer = Peer::connect(server.port());
            let answer = peer.get(target, "");
            assert_eq!(answer.status, 400, "{target}");
            assert!(answer.closes(), "{target}");
            peer.is_closed();
        }
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_only() {
    use std::os::unix::fs::symlink;

    let outside = DiskFolder::new(&[("secret.txt", b"secret"), ("folder/x.txt", b"secret")]);
    let disk = DiskFolder::new(FILES);
    let link = |target: &std::path::Path, name: &str| symlink(target, disk.path().join(name)).expect("a link");
    link(&outside.path().join("secret.txt"), "out.txt");
    link(&outside.path().join("folder"), "out");
    link(&disk.path().join(".env"), "env.txt");
    link(&disk.path().join("index.html"), "in.txt");
    link(std::path::Path::new("/dev/zero"), "zero");
    let status = std::process::Command::new("mkfifo")
        .arg(disk.path().join("pipe"))
        .status();
    assert!(status.is_ok_and(|status| status.success()));
    let server = Server::start(with_folder(disk.serve(), FolderOptions::default()));
    let mut peer = Peer::connect(server.port());
    for target in ["/out.txt", "/out/x.txt", "/out/", "/out", "/env.txt", "/zero", "/pipe"] {
        assert_eq!(peer.get(target, "").status, 404, "{target}");
    }
    assert_eq!(peer.get("/in.txt", "").text(), "<p>home</p>");
}

#[test]
fn a_large_file_of_the_disk_is_streamed() {
    let large: Vec<u8> = (0..9_000_000_u32).map(|n| (n / 251) as u8).collect();
    let disk = DiskFolder::new(&[("large.bin", &large)]);
    let server = Server::start(with_folder(disk.serve(), FolderOptions::default()));
    let mut peer = Peer::connect(server.port());
    let whole = peer.get("/large.bin", "");
    assert!(whole.body == large, "other bytes");
    let part = peer.get("/large.bin", "Range: bytes=4000000-8999998\r\n");
    assert_eq!(part.status, 206);
    assert!(part.body == large[4_000_000..8_999_999], "other bytes");
    // A change is seen at once.
    disk.write("large.bin", b"small");
    let changed = peer.get(
        "/large.bin",
        &format!("If-None-Match: {}\r\n", whole.header("etag").expect("a tag")),
    );
    assert_eq!((changed.status, changed.text()), (200, "small"));
}

#[test]
fn options_of_a_folder() {
    let options = FolderOptions {
        index: "start.htm".into(),
        cache_control: "public, max-age=60".into(),
        cross_origin_isolated: true,
        allow_origin: "https://game.example".into(),
        headers: ["X-A: b", "X-A: c", "Cache-Control: private"]
            .map(|line| ResponseHeader::parse(line).expect("valid"))
            .into(),
    };
    let server = Server::start(with_folder(kept(&[("start.htm", b"start")]), options));
    let mut peer = Peer::connect(server.port());
    let home = peer.get("/", "Origin: https://game.example\r\n");
    assert_eq!(home.text(), "start");
    assert_eq!(home.header("cross-origin-opener-policy"), Some("same-origin"));
    assert_eq!(home.header("cross-origin-embedder-policy"), Some("require-corp"));
    assert_eq!(home.header("access-control-allow-origin"), Some("https://game.example"));
    assert_eq!(
        home.header("cache-control"),
        Some("private"),
        "the user's own lines count more"
    );
    assert_eq!(home.head.matches("x-a: ").count(), 2, "{}", home.head);
    let asked = peer.request(
        "OPTIONS",
        "/",
        "Origin: x\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x-b\r\n",
    );
    assert_eq!(
        (asked.status, asked.header("access-control-allow-headers")),
        (204, Some("x-b"))
    );
    assert_eq!(peer.request("OPTIONS", "/", "").status, 405);
}

/// Otherwise a cache would hand one client's coding to another.
#[test]
fn a_vary_of_the_user_leaves_the_servers_own() {
    let options = FolderOptions {
        headers: vec![ResponseHeader::parse("Vary: Origin").expect("valid")],
        ..FolderOptions::default()
    };
    let server = Server::start(with_folder(kept(FILES), options));
    let mut peer = Peer::connect(server.port());
    let varies = |response: &Response| {
        let lines = response.head.lines().filter_map(|line| line.strip_prefix("vary: "));
        let mut names: Vec<_> = lines.flat_map(|line| line.split(", ")).map(str::to_owned).collect();
        names.sort();
        names
    };
    let file = peer.get("/game.wasm", "Accept-Encoding: br\r\n");
    assert_eq!(file.header("content-encoding"), Some("br"));
    assert_eq!(varies(&file), ["Accept-Encoding", "Origin"]);
    assert_eq!(varies(&peer.get("/", "")), ["Origin"]);
}

#[test]
fn folders_come_and_go_while_the_server_runs() {
    let server = Server::start(WebSocketOptions::default());
    let mut before = Peer::connect(server.port());
    assert_eq!(before.get("/", "").status, 426);

    let mut site = Site::default();
    let serve = |site: &mut Site, prefix: &str, text: &str| {
        let folder = kept(&[("index.html", text.as_bytes()), ("x/y.txt", text.as_bytes())]);
        site.serve(prefix, folder, FolderOptions::default()).expect("a prefix");
        server.inner.set_site(site.clone());
    };
    serve(&mut site, "/", "root");
    let mut peer = Peer::connect(server.port());
    assert_eq!(peer.get("/x/y.txt", "").text(), "root");
    serve(&mut site, "/x/", "below");
    assert_eq!(peer.get("/x/", "").text(), "below");
    assert_eq!(peer.get("/%78/", "").text(), "below");
    assert_eq!(peer.get("/x", "").header("location"), Some("/x/"));
    // What the more specific folder has not, the other one may have.
    assert_eq!(peer.get("/x/y.txt", "").text(), "root");
    serve(&mut site, "/x", "again");
    assert_eq!(peer.get("/x/", "").text(), "again");
    assert!(site.stop_serving("/x/") && !site.stop_serving("/x"));
    server.inner.set_site(site.clone());
    assert_eq!(peer.get("/x/", "").status, 404);
    for prefix in ["", "x", "/.x", "/../x", "/a//b"] {
        assert!(
            site.serve(prefix, kept(&[]), FolderOptions::default()).is_err(),
            "{prefix:?}"
        );
    }
}

#[test]
fn a_folder_must_be_there() {
    let disk = DiskFolder::new(FILES);
    assert!(Folder::disk(disk.path().join("nothing")).is_err());
    assert!(Folder::disk(disk.path().join("index.html")).is_err());
}

#[test]
fn the_health_check_tells_clients_and_uptime() {
    let mut site = Site::default();
    site.set_health(Some("/healthz")).expect("a path");
    assert!(site.set_health(Some("healthz")).is_err() && site.set_health(Some("/a b")).is_err());
    let mut server = Server::start(with(HttpOptions {
        site,
        ..HttpOptions::default()
    }));
    let (_client, _) = server.join();
    let mut peer = Peer::connect(server.port());
    let health = peer.get("/healthz", "");
    assert_eq!(health.status, 200);
    assert_eq!(health.header("content-type"), Some("application/json"));
    assert!(
        health
            .text()
            .starts_with("{\"status\":\"ok\",\"clients\":1,\"uptime\":"),
        "{}",
        health.text()
    );
    assert_eq!(peer.request("HEAD", "/healthz", "").status, 200);
    assert_eq!(peer.get("/healthz/", "").status, 404);
    assert_eq!(server.inner.statistics().http_requests, 3);
    assert_eq!(server.inner.statistics().http_connections, 1);
}

#[test]
fn files_of_some_endings_are_hidden() {
    let disk = DiskFolder::new(&[
        ("a.png", b"a"),
        ("a.png.import", b"b"),
        ("b/C.UID", b"c"),
        ("import", b"d"),
    ]);
    let folder = Folder::disk_without(disk.path(), &[".import", ".uid"]).expect("a folder");
    let server = Server::start(with_folder(folder, FolderOptions::default()));
    let mut peer = Peer::connect(server.port());
    for (target, status) in [
        ("/a.png", 200),
        ("/import", 200),
        ("/a.png.import", 404),
        ("/b/C.UID", 404),
    ] {
        assert_eq!(peer.get(target, "").status, status, "{target}");
    }
}

#[test]
fn another_state_of_a_file_is_refused() {
    each(|peer| {
        let tag = peer.get("/", "").header("etag").expect("a tag").to_owned();
        assert_eq!(peer.get("/", &format!("If-Match: {tag}\r\n")).status, 200);
        for lines in [
            "If-Match: \"x\"\r\n",
            "If-Unmodified-Since: Sun, 06 Nov 1983 08:49:37 GMT\r\n",
            "Range: bytes=100-\r\n",
        ] {
            let refused = peer.get("/", lines);
            let status = if lines.starts_with("Range") { 416 } else { 412 };
            assert_eq!(
                (refused.status, refused.header("cache-control")),
                (status, None),
                "{lines}"
            );
        }
    });
}

#[test]
fn a_refused_head_has_no_body() {
    each(|peer| {
        let refused = peer.request("HEAD", "/", "Content-Length: x\r\n");
        assert_eq!((refused.status, refused.closes()), (400, true));
        assert_ne!(refused.header("content-length"), Some("0"));
        peer.is_closed();
    });
}
