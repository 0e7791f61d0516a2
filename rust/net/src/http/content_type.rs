//! The media types of files, by their names.

/// The `Content-Type` of a file. Texts are taken to be UTF-8; what has no known extension is plain bytes.
pub(crate) fn content_type(name: &str) -> String {
    let kind = mime_guess::from_path(name)
        .first_raw()
        .unwrap_or("application/octet-stream");
    let is_text = kind.starts_with("text/")
        || matches!(
            kind,
            "application/json" | "application/manifest+json" | "application/xml" | "image/svg+xml"
        );
    if is_text {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_export_has_the_types_that_browsers_need() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("index.js", "text/javascript; charset=utf-8"),
            ("index.audio.worklet.js", "text/javascript; charset=utf-8"),
            ("INDEX.WASM", "application/wasm"),
            ("index.pck", "application/octet-stream"),
            ("index.png", "image/png"),
            ("icon.svg", "image/svg+xml; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.json", "application/json; charset=utf-8"),
            ("a.webmanifest", "application/manifest+json; charset=utf-8"),
            ("a.ogg", "audio/ogg"),
            ("a.mp4", "video/mp4"),
            ("a.glb", "model/gltf-binary"),
            ("a.txt", "text/plain; charset=utf-8"),
            (".hidden", "application/octet-stream"),
            ("a.tar.gz", "application/gzip"),
            ("a.woff2", "font/woff2"),
            ("README", "application/octet-stream"),
            ("a.unheard-of", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name), expected, "{name}");
        }
    }
}
