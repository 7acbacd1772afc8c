//! Selectors as text: lists, nesting, class names.
//!
//! Only what nesting needs is understood: commas at the top level, brackets, strings. A selector is never validated;
//! the browser drops a rule whose selector it does not know.

use std::fmt::Write as _;

use super::name::is_name_letter;
use crate::names::kebab_case;

/// The selector of a rule with that key inside one with that selector; `None` if the key says no way to nest.
pub(super) fn nest(outer: &str, key: &str) -> Option<String> {
    let keys = split_list(key);
    let mut nested = Vec::new();
    for part in split_list(outer) {
        for key in &keys {
            nested.push(nest_one(part, key)?);
        }
    }
    Some(nested.join(", "))
}

fn nest_one(outer: &str, key: &str) -> Option<String> {
    if key.contains('&') {
        return Some(key.replace('&', outer));
    }
    if outer == ":host" && is_state(key) {
        return Some(format!(":host({key})"));
    }
    if key.starts_with([':', '[']) {
        return Some(format!("{outer}{key}"));
    }
    if key.contains(' ') {
        return Some(format!("{outer} {key}"));
    }
    key.chars()
        .all(is_name_letter)
        .then(|| format!("{outer}[{key}]"))
}

/// A pseudo-class or attribute, alone: what `:host(…)` takes.
fn is_state(key: &str) -> bool {
    key.starts_with([':', '[']) && !key.starts_with("::") && !key.contains(' ')
}

/// Each selector of a list with `[name="value"]`.
pub(super) fn with_attribute(list: &str, name: &str, value: &str) -> String {
    let attribute = format!("[{name}=\"{}\"]", escape(value));
    let parts: Vec<String> = split_list(list)
        .into_iter()
        .map(|part| nest_one(part, &attribute).unwrap_or_default())
        .collect();
    parts.join(", ")
}

/// A value inside a CSS string.
fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for letter in value.chars() {
        match letter {
            '"' | '\\' => escaped.extend(['\\', letter]),
            control if control.is_control() => {
                // Writing to a `String` cannot fail.
                let _ = write!(escaped, "\\{:x} ", u32::from(control));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// Class names in kebab case; `:host…` and `@…` stay as written, as does what is in brackets or strings.
pub(super) fn kebab_classes(selector: &str) -> String {
    if selector.starts_with(":host") || selector.starts_with('@') {
        return selector.to_owned();
    }
    let mut written = String::with_capacity(selector.len() + 4);
    let mut rest = selector;
    let mut depth = 0_usize;
    while let Some(letter) = rest.chars().next() {
        let after = rest.get(letter.len_utf8()..).unwrap_or_default();
        written.push(letter);
        rest = after;
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '.' if depth == 0 => {
                let end = after
                    .find(|letter| !is_name_letter(letter))
                    .unwrap_or(after.len());
                let (class, tail) = after.split_at(end);
                written.push_str(&kebab_case(class));
                rest = tail;
            }
            _ => {}
        }
    }
    written
}

/// The selectors of a list: split at commas outside brackets and strings.
fn split_list(list: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut depth = 0_usize;
    let mut quote = None;
    let mut letters = list.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (_, '\\') => drop(letters.next()),
            (Some(open), _) => quote = Some(open).filter(|open| *open != letter),
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(list.get(start..at).unwrap_or_default().trim());
                start = at + 1;
            }
            (None, _) => {}
        }
    }
    parts.push(list.get(start..).unwrap_or_default().trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_nest_as_they_read() {
        for (outer, key, nested) in [
            (".a", ":hover", Some(".a:hover")),
            (".a", "[open]", Some(".a[open]")),
            (".a", "open", Some(".a[open]")),
            (".a", "> .b c", Some(".a > .b c")),
            (".a[x=\"\\\",\"]", ":hover", Some(".a[x=\"\\\",\"]:hover")),
            (".a", ":hover, :focus", Some(".a:hover, .a:focus")),
            (
                ".a, .b:is(c, d)",
                ":hover",
                Some(".a:hover, .b:is(c, d):hover"),
            ),
            (".a", "&.on &", Some(".a.on .a")),
            (":host", ":hover", Some(":host(:hover)")),
            (":host", "::before", Some(":host::before")),
            (".a", ".b", None),
        ] {
            assert_eq!(nest(outer, key).as_deref(), nested, "{outer} {key}");
        }
    }

    #[test]
    fn classes_are_kebab_case_and_the_rest_as_written() {
        for (selector, written) in [
            (
                ".buttonSmall:hover .cardBody",
                ".button-small:hover .card-body",
            ),
            ("[data-x=\"a.Bc\"] .dE", "[data-x=\"a.Bc\"] .d-e"),
            (":host(.isOn)", ":host(.isOn)"),
            ("@media (x: 1.5Q)", "@media (x: 1.5Q)"),
        ] {
            assert_eq!(kebab_classes(selector), written);
        }
    }

    #[test]
    fn r9_a_variants_value_cannot_leave_its_string() {
        assert_eq!(
            with_attribute(".a, .b", "data-x", "\"] * {\\\n"),
            ".a[data-x=\"\\\"] * {\\\\\\a \"], .b[data-x=\"\\\"] * {\\\\\\a \"]"
        );
    }
}
