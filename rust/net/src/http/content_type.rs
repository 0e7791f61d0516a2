//! The media types of files, by their names.

/// The types of what pages consist of, with their extensions (RFC 9239 for scripts). One text instead of a table of
/// texts: it needs no relocations, of which the tables of the usual crates have thousands (0.2 MB of the library).
const TYPES: &str = "\
application/gzip: gz
application/json: json map
application/manifest+json: webmanifest
application/pdf: pdf
application/vnd.ms-fontobject: eot
application/wasm: wasm
application/xhtml+xml: xhtml
application/xml: xml xsl
application/zip: zip
audio/aac: aac
audio/flac: flac
audio/midi: mid midi
audio/mp4: m4a
audio/mpeg: mp3
audio/ogg: ogg oga opus
audio/wav: wav
audio/webm: weba
font/otf: otf
font/ttf: ttf
font/woff: woff
font/woff2: woff2
image/apng: apng
image/avif: avif
image/bmp: bmp
image/gif: gif
image/jpeg: jpg jpeg jfif
image/jxl: jxl
image/ktx2: ktx2
image/png: png
image/svg+xml: svg
image/tiff: tif tiff
image/webp: webp
image/x-icon: ico
model/gltf+json: gltf
model/gltf-binary: glb
model/obj: obj
text/calendar: ics
text/css: css
text/csv: csv
text/html: html htm
text/javascript: js mjs
text/markdown: md
text/plain: txt text log ini cfg
text/vtt: vtt
text/yaml: yaml yml
video/mp4: mp4 m4v
video/mpeg: mpg mpeg
video/ogg: ogv
video/quicktime: mov
video/webm: webm
video/x-matroska: mkv";

/// The `Content-Type` of a file. Texts are taken to be UTF-8; what has no known extension is plain bytes.
pub(crate) fn content_type(name: &str) -> String {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let kind = TYPES
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(_, extensions)| extensions.split(' ').any(|known| known.eq_ignore_ascii_case(extension)))
        .map_or("application/octet-stream", |(kind, _)| kind);
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
            ("a.woff2", "font/woff2"),
            ("README", "application/octet-stream"),
            ("a.unheard-of", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name), expected, "{name}");
        }
    }
}
