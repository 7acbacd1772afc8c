//! What a view must not put on the screen: elements and attributes that run code, and addresses that do (R9, B6).
//!
//! The browser's own defences (CSP, Trusted Types) may be absent, so nothing here relies on them.

/// Elements that run code, load documents, or change how others are read.
const FORBIDDEN_TAGS: [&str; 20] = [
    "script",
    "iframe",
    "object",
    "embed",
    "base",
    "meta",
    "link",
    "style",
    "frame",
    "frameset",
    "applet",
    "template",
    "noscript",
    "portal",
    "fencedframe",
    "foreignobject",
    "animate",
    "set",
    "animatemotion",
    "animatetransform",
];

/// Attributes whose value is an address.
const URL_ATTRIBUTES: [&str; 18] = [
    "href",
    "src",
    "action",
    "formaction",
    "xlink:href",
    "poster",
    "cite",
    "background",
    "data",
    "longdesc",
    "manifest",
    "codebase",
    "classid",
    "lowsrc",
    "dynsrc",
    "icon",
    "usemap",
    "profile",
];

/// Attributes whose value is several addresses.
const URL_LIST_ATTRIBUTES: [&str; 5] =
    ["srcset", "imagesrcset", "ping", "attributionsrc", "archive"];

/// Elements that only ever show what they load.
const MEDIA_TAGS: [&str; 5] = ["img", "video", "audio", "source", "track"];

/// What kind of address an attribute takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UrlRule {
    /// One that can be followed.
    Link,
    /// What an image loads: may be embedded data of an image.
    Image,
    /// What another medium loads.
    Media,
    /// Several addresses, with commas or spaces between them.
    List,
}

/// Why an element may not be used, if it may not.
pub(super) fn forbidden_tag(tag: &str) -> Option<&'static str> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    if !tag.starts_with(|first: char| first.is_ascii_alphabetic()) || !tag.chars().all(is_name) {
        return Some("an element's name");
    }
    let lower = tag.to_ascii_lowercase();
    FORBIDDEN_TAGS
        .contains(&&*lower)
        .then_some("an element that runs no code and loads no document")
}

/// Why an attribute may not be used, if it may not.
pub(super) fn forbidden_attribute(name: &str) -> Option<&'static str> {
    let is_name =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | ':' | '.');
    let first = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    if !name.starts_with(first) || !name.chars().all(is_name) {
        return Some("an attribute's name");
    }
    let lower = name.to_ascii_lowercase();
    match &*lower {
        "srcdoc" => Some("an attribute that holds no document"),
        "style" => Some("an attribute other than style (use \"class\" and a style document)"),
        "is" | "nonce" => Some("an attribute that does not change what an element is"),
        event if event.starts_with("on") => {
            Some("an attribute that runs no code (use \"$on\" for events)")
        }
        _ => None,
    }
}

/// The rule for an attribute that holds an address.
pub(super) fn url_rule(tag: &str, attribute: &str) -> Option<UrlRule> {
    let (tag, attribute) = (tag.to_ascii_lowercase(), attribute.to_ascii_lowercase());
    if URL_LIST_ATTRIBUTES.contains(&&*attribute) {
        return Some(UrlRule::List);
    }
    if !URL_ATTRIBUTES.contains(&&*attribute) {
        return None;
    }
    Some(match (&*tag, &*attribute) {
        ("img", "src") => UrlRule::Image,
        (medium, "src" | "poster") if MEDIA_TAGS.contains(&medium) => UrlRule::Media,
        _ => UrlRule::Link,
    })
}

/// Whether an address may be used. Relative ones may.
pub(super) fn is_safe_url(url: &str, rule: UrlRule) -> bool {
    if rule == UrlRule::List {
        return url
            .split([',', ' ', '\t', '\n', '\r', '\u{c}'])
            .all(|part| is_safe_url(part, UrlRule::Link));
    }
    let Some((scheme, rest)) = split_scheme(url) else {
        return true;
    };
    match &*scheme {
        "http" | "https" | "mailto" | "tel" => true,
        "blob" => matches!(rule, UrlRule::Image | UrlRule::Media),
        "data" => rule == UrlRule::Image && rest.to_ascii_lowercase().starts_with("image/"),
        _ => false,
    }
}

/// The scheme in lower case and what follows its colon, as browsers find them: leading control characters and
/// spaces are skipped, tabs and line breaks ignored wherever they are.
fn split_scheme(url: &str) -> Option<(String, String)> {
    let cleaned: String = url
        .trim_start_matches(|letter: char| letter <= ' ')
        .chars()
        .filter(|letter| !matches!(letter, '\t' | '\n' | '\r'))
        .collect();
    let (scheme, rest) = cleaned.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.'));
    is_scheme.then(|| (scheme.to_ascii_lowercase(), rest.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r9_addresses_that_run_code_are_not_used() {
        for (url, rule, is_safe) in [
            ("https://a.example/x?y=1:2", UrlRule::Link, true),
            ("/relative:path", UrlRule::Link, true),
            ("./a:b", UrlRule::Link, true),
            ("?q=javascript:1", UrlRule::Link, true),
            ("#top", UrlRule::Link, true),
            ("", UrlRule::Link, true),
            ("mailto:a@b.example", UrlRule::Link, true),
            ("tel:+1", UrlRule::Link, true),
            ("javascript:alert(1)", UrlRule::Link, false),
            (" \u{1}JaVaScRiPt:alert(1)", UrlRule::Link, false),
            ("java\nscript:alert(1)", UrlRule::Link, false),
            ("java\tscript\r:alert(1)", UrlRule::Link, false),
            ("vbscript:x", UrlRule::Link, false),
            ("data:text/html,<script>", UrlRule::Link, false),
            ("data:image/png;base64,AA", UrlRule::Link, false),
            ("data:image/png;base64,AA", UrlRule::Image, true),
            ("data:text/html,x", UrlRule::Image, false),
            ("blob:https://a/b", UrlRule::Link, false),
            ("blob:https://a/b", UrlRule::Media, true),
            ("file:///etc/passwd", UrlRule::Link, false),
            ("a.png 1x, b.png 2x", UrlRule::List, true),
            ("a.png 1x, javascript:alert(1) 2x", UrlRule::List, false),
        ] {
            assert_eq!(is_safe_url(url, rule), is_safe, "{url:?}");
        }
    }

    #[test]
    fn r9_elements_and_attributes_that_run_code_are_forbidden() {
        for (tag, is_forbidden) in [
            ("div", false),
            ("my-element", false),
            ("linearGradient", false),
            ("SCRIPT", true),
            ("iframe", true),
            ("foreignObject", true),
            ("a b", true),
            ("", true),
            ("svg:script", true),
        ] {
            assert_eq!(forbidden_tag(tag).is_some(), is_forbidden, "{tag}");
        }
        for (name, is_forbidden) in [
            ("aria-label", false),
            ("xlink:href", false),
            ("viewBox", false),
            ("onclick", true),
            ("OnClick", true),
            ("srcdoc", true),
            ("style", true),
            ("a b", true),
            ("a=\"", true),
        ] {
            assert_eq!(forbidden_attribute(name).is_some(), is_forbidden, "{name}");
        }
    }
}
