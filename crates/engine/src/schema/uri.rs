//! References between schemas: RFC 3986, as far as identifiers need it.

/// A URI in its parts; each part has the punctuation before it, but for the path.
struct Parts<'a> {
    /// `http:`
    scheme: &'a str,
    /// `//example.com`
    authority: &'a str,
    path: &'a str,
    /// `?…`
    query: &'a str,
}

/// The reference against the base, and its fragment, still encoded.
pub(super) fn resolve<'r>(base: &str, reference: &'r str) -> (String, &'r str) {
    let (reference, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    (join(base, reference), fragment)
}

fn join(base: &str, reference: &str) -> String {
    let base = split(base);
    let reference = split(reference);
    if !reference.scheme.is_empty() {
        let Parts {
            scheme,
            authority,
            path,
            query,
        } = reference;
        return [scheme, authority, path, query].concat();
    }
    if !reference.authority.is_empty() {
        let path = without_dots(reference.path);
        return [base.scheme, reference.authority, &path, reference.query].concat();
    }
    let (path, query) = match reference.path {
        "" if reference.query.is_empty() => (base.path.to_owned(), base.query),
        "" => (base.path.to_owned(), reference.query),
        path if path.starts_with('/') => (without_dots(path), reference.query),
        path => (without_dots(&beside(&base, path)), reference.query),
    };
    [base.scheme, base.authority, &path, query].concat()
}

fn split(uri: &str) -> Parts<'_> {
    let scheme = uri.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'));
    let scheme = match scheme {
        Some(end) if end > 0 && uri.as_bytes().get(end) == Some(&b':') => end + 1,
        _ => 0,
    };
    let (scheme, rest) = cut(uri, scheme);
    let authority = match rest.strip_prefix("//") {
        Some(after) => after.find(['/', '?']).map_or(rest.len(), |end| end + 2),
        None => 0,
    };
    let (authority, rest) = cut(rest, authority);
    let (path, query) = cut(rest, rest.find('?').unwrap_or(rest.len()));
    Parts {
        scheme,
        authority,
        path,
        query,
    }
}

fn cut(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// The path in the place of the base's last segment.
fn beside(base: &Parts<'_>, path: &str) -> String {
    match base.path.rfind('/') {
        Some(end) => [base.path.get(..=end).unwrap_or_default(), path].concat(),
        None if base.authority.is_empty() => path.to_owned(),
        None => ["/", path].concat(),
    }
}

/// The path with `.` and `..` taken.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            ".." if kept.len() > 1 => drop(kept.pop()),
            "." | ".." => {}
            name => kept.push(name),
        }
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        kept.push("");
    }
    kept.join("/")
}

/// The text with `%41` and its like decoded; `None` if what comes out is not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let encoded = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded = encoded.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match decoded {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 3986 §5.4, with those for which only the path matters.
    #[test]
    fn references_resolve_as_the_rfc_has_it() {
        for (reference, expected) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g;x=1/../y", "http://a/b/c/y"),
        ] {
            assert_eq!(
                resolve("http://a/b/c/d;p?q", reference),
                (expected.to_owned(), "")
            );
        }
        for (base, reference, expected, fragment) in [
            ("urn:uuid:1", "#a", "urn:uuid:1", "a"),
            ("http://a", "b#/c", "http://a/b", "/c"),
            ("schema:/", "b.json", "schema:/b.json", ""),
            ("file:///c:/d/e.json", "f", "file:///c:/d/f", ""),
        ] {
            assert_eq!(resolve(base, reference), (expected.to_owned(), fragment));
        }
    }

    #[test]
    fn fragments_are_decoded() {
        for (text, decoded) in [
            ("%25a%22", Some("%a\"")),
            ("%2", Some("%2")),
            ("%ff", None),
            ("é", Some("é")),
        ] {
            assert_eq!(decode(text).as_deref(), decoded);
        }
    }
}
