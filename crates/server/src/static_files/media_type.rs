//! A file's media type, told by its name's ending. What is not known is bytes: a browser never has to guess.

use std::path::Path;

const MEDIA_TYPES: &[(&str, &str)] = &[
    ("css", "text/css; charset=utf-8"),
    ("gif", "image/gif"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("md", "text/markdown; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("ts", "text/plain; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff2", "font/woff2"),
];

/// The media type of a file of that name.
pub(super) fn of(file: &Path) -> &'static str {
    let ending = file.extension().and_then(|ending| ending.to_str());
    let ending = ending.unwrap_or_default().to_ascii_lowercase();
    let known = MEDIA_TYPES.iter().find(|(known, _)| *known == ending);
    known.map_or("application/octet-stream", |(_, media_type)| media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_told_what_it_must_be_told() {
        for (file, media_type) in [
            ("pleione_bg.wasm", "application/wasm"),
            ("a/pleione.js", "text/javascript; charset=utf-8"),
            ("Page.HTML", "text/html; charset=utf-8"),
            ("todos.actor.json", "application/json"),
            ("unknown", "application/octet-stream"),
            ("archive.tar.xyz", "application/octet-stream"),
        ] {
            assert_eq!(of(Path::new(file)), media_type, "{file}");
        }
    }
}
