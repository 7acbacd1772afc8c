//! Names as CSS and HTML write them: `kebab-case` for what JSON calls `camelCase`.
//!
//! Views and styles use the same rule, so that a `data` key of a view meets the `data` variant of a style.

/// `fooBar` as `foo-bar`; a leading capital gives no leading hyphen.
pub(crate) fn kebab_case(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

/// A declaration's property: `paddingTop` is `padding-top`, `WebkitLineClamp` is `-webkit-line-clamp`, and a custom
/// property (`--fooBar`) keeps its letters, because they are compared as written.
pub(crate) fn property_name(name: &str) -> String {
    if name.starts_with("--") {
        return name.to_owned();
    }
    let kebab = kebab_case(name);
    let is_vendor = name.starts_with(|first: char| first.is_ascii_uppercase())
        || ["webkit-", "moz-", "ms-"]
            .iter()
            .any(|vendor| kebab.starts_with(vendor));
    if is_vendor {
        format!("-{kebab}")
    } else {
        kebab
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_kebab_case() {
        for (name, kebab) in [
            ("buttonSmall", "button-small"),
            ("already-kebab", "already-kebab"),
            ("Card", "card"),
            ("a1B2", "a1-b2"),
        ] {
            assert_eq!(kebab_case(name), kebab);
        }
    }

    #[test]
    fn properties_keep_vendor_prefixes_and_custom_names() {
        for (name, property) in [
            ("paddingTop", "padding-top"),
            ("WebkitLineClamp", "-webkit-line-clamp"),
            ("webkitLineClamp", "-webkit-line-clamp"),
            ("MozAppearance", "-moz-appearance"),
            ("--fooBar", "--fooBar"),
            ("-webkit-box-orient", "-webkit-box-orient"),
        ] {
            assert_eq!(property_name(name), property);
        }
    }
}
