//! Types of files by their endings.

/// Endings and types. What is not here is text, as in pm2.
const KINDS: [(&str, &str); 49] = [
    ("avi", "video/x-msvideo"),
    ("avif", "image/avif"),
    ("bin", "application/octet-stream"),
    ("bmp", "image/bmp"),
    ("cjs", "text/javascript"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("eot", "application/vnd.ms-fontobject"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ico", "image/x-icon"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("jsonld", "application/ld+json"),
    ("m4a", "audio/mp4"),
    ("map", "application/json"),
    ("md", "text/markdown"),
    ("mjs", "text/javascript"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpeg", "video/mpeg"),
    ("ogg", "audio/ogg"),
    ("otf", "font/otf"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("rss", "application/rss+xml"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("ttf", "font/ttf"),
    ("wasm", "application/wasm"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xhtml", "application/xhtml+xml"),
    ("xml", "text/xml"),
    ("yaml", "text/yaml"),
    ("zip", "application/zip"),
];

/// The type of a file.
pub(super) fn kind(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let ending = ending.to_ascii_lowercase();
    KINDS
        .binary_search_by(|(known, _)| (*known).cmp(&ending))
        .map_or("text/plain", |found| KINDS[found].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_have_types_and_the_rest_is_text() {
        assert!(KINDS.is_sorted_by(|(a, _), (b, _)| a < b));
        for (name, expected) in [
            ("index.html", "text/html"),
            ("a.b.CSS", "text/css"),
            ("app.mjs", "text/javascript"),
            ("x.wasm", "application/wasm"),
            ("README", "text/plain"),
            (".zip", "application/zip"),
            ("x.unknown", "text/plain"),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
    }
}
