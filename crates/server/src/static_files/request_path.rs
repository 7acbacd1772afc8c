//! A request's path, decoded once and taken apart into plain names; any other path is refused before a disk is asked.

use service::percent::percent_decode;

/// The names a path is made of. Each is a visible file's or folder's name: no separator, no `..`, no leading dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestPath {
    segments: Vec<String>,
    names_folder: bool,
}

impl RequestPath {
    /// Takes apart the path of a URI; `None` if it could mean anything but a visible file below a folder.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        if path.is_empty() {
            let segments = Vec::new();
            let names_folder = true;
            return Some(Self {
                segments,
                names_folder,
            });
        }
        let names_folder = path.ends_with('/');
        let path = path.strip_suffix('/').unwrap_or(path);
        let segments = path.split('/').map(parse_segment).collect::<Option<_>>()?;
        Some(Self {
            segments,
            names_folder,
        })
    }

    /// The names from the top down.
    pub(super) fn segments(&self) -> &[String] {
        &self.segments
    }

    /// Whether the path ends in a slash: the folder's index is meant.
    pub(super) fn names_folder(&self) -> bool {
        self.names_folder
    }
}

fn parse_segment(encoded: &str) -> Option<String> {
    let name = percent_decode(encoded)?;
    let is_plain = !name.is_empty()
        && !name.starts_with('.')
        && !name
            .chars()
            .any(|character| matches!(character, '/' | '\\' | ':') || character.is_control());
    is_plain.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_apart_once() {
        for (path, segments, names_folder) in [
            ("/", &[][..], true),
            ("/index.html", &["index.html"][..], false),
            ("/pkg/", &["pkg"], true),
            ("/a/b.js", &["a", "b.js"], false),
            (
                "/gr%C3%BC%C3%9Fe%20x.txt",
                &["gr\u{fc}\u{df}e x.txt"],
                false,
            ),
            ("/%2541", &["%41"], false),
            ("/a..b", &["a..b"], false),
        ] {
            let parsed = RequestPath::parse(path).unwrap();
            assert_eq!(parsed.segments(), segments, "{path}");
            assert_eq!(parsed.names_folder(), names_folder, "{path}");
        }
    }

    #[test]
    fn no_path_leads_out_or_to_a_hidden_file() {
        for path in [
            "",
            "a",
            "//",
            "//etc/passwd",
            "/..",
            "/../x",
            "/a/../b",
            "/%2e%2e/x",
            "/%2E%2e%2Fx",
            "/a%2fb",
            "/..%5cx",
            "/a\\b",
            "/.env",
            "/.git/config",
            "/a//b",
            "/a/./b",
            "/c:/x",
            "/a%00b",
            "/%",
            "/%4",
            "/%zz",
            "/%ff",
        ] {
            assert_eq!(RequestPath::parse(path), None, "{path}");
        }
    }
}
