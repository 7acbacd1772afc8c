//! JavaScript's comparisons and conversions, for JSON values.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use cojson::json::{Json, number_from_numeral, number_to_string};

/// A string's length in UTF-16 code units, or an array's; `None` for anything else.
pub(super) fn length(value: &Json) -> Option<Json> {
    let length = match value {
        Json::String(text) => text.encode_utf16().count(),
        Json::Array(items) => items.len(),
        _ => return None,
    };
    Some(Json::from(u32::try_from(length).unwrap_or(u32::MAX)))
}

fn without_space(text: &str) -> &str {
    // JavaScript's white space has the byte order mark and lacks U+0085.
    text.trim_matches(|c: char| (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}')
}

/// `text.trim()`, sharing the text when there is nothing to trim.
pub(super) fn trim(text: &Arc<str>) -> Arc<str> {
    let trimmed = without_space(text);
    if trimmed.len() == text.len() {
        text.clone()
    } else {
        trimmed.into()
    }
}

/// `String(value)`, except that an object is written as JSON.
pub fn to_text(value: &Json) -> Arc<str> {
    match value {
        Json::Null => "null".into(),
        Json::Bool(value) => value.to_string().into(),
        Json::Number(value) => number_to_string(*value).into(),
        Json::String(text) => text.clone(),
        Json::Array(items) => join(items, ",").into(),
        Json::Object(_) => value.to_string().into(),
    }
}

/// `items.join(separator)`: null is empty.
pub(super) fn join(items: &[Json], separator: &str) -> String {
    let mut joined = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            joined.push_str(separator);
        }
        if !item.is_null() {
            joined.push_str(&to_text(item));
        }
    }
    joined
}

/// Which of two comes first, for `<`, `<=`, `>` and `>=`; `None` if neither does, as with `undefined`.
pub(super) fn order(left: Option<&Json>, right: Option<&Json>) -> Option<Ordering> {
    // Most are numbers, which are what they are.
    if let (Json::Number(left), Json::Number(right)) = (left?, right?) {
        return left.partial_cmp(right);
    }
    match (&*primitive(left?), &*primitive(right?)) {
        (Json::String(left), Json::String(right)) => {
            Some(left.encode_utf16().cmp(right.encode_utf16()))
        }
        (left, right) => to_number(left).partial_cmp(&to_number(right)),
    }
}

fn primitive(value: &Json) -> Cow<'_, Json> {
    match value {
        Json::Array(_) | Json::Object(_) => Cow::Owned(Json::String(to_text(value))),
        scalar => Cow::Borrowed(scalar),
    }
}

fn to_number(value: &Json) -> f64 {
    match value {
        Json::Null => 0.0,
        Json::Bool(value) => f64::from(u8::from(*value)),
        Json::Number(value) => *value,
        Json::String(text) => text_to_number(without_space(text)),
        Json::Array(_) | Json::Object(_) => f64::NAN,
    }
}

fn text_to_number(text: &str) -> f64 {
    match text {
        "" => 0.0,
        "Infinity" | "+Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        _ => radix_number(text).unwrap_or_else(|| decimal_number(text)),
    }
}

fn radix_number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('0')?;
    let radix = match digits.chars().next()? {
        'x' | 'X' => 16,
        'o' | 'O' => 8,
        'b' | 'B' => 2,
        _ => return None,
    };
    let digits = digits.get(1..).filter(|digits| !digits.is_empty())?;
    digits.chars().try_fold(0.0, |number, digit| {
        let digit = digit.to_digit(radix)?;
        Some(number * f64::from(radix) + f64::from(digit))
    })
}

fn decimal_number(text: &str) -> f64 {
    let is_decimal = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if is_decimal {
        number_from_numeral(text)
    } else {
        f64::NAN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_greater(left: &str, right: &str, expected: bool) {
        let (left, right) = (Json::parse(left).unwrap(), Json::parse(right).unwrap());
        let is_greater = order(Some(&left), Some(&right)) == Some(Ordering::Greater);
        assert_eq!(is_greater, expected, "{left} > {right}");
    }

    #[test]
    fn comparison_is_javascripts() {
        check_greater("2", "1", true);
        check_greater("1", "1", false);
        check_greater(r#""10""#, r#""9""#, false);
        check_greater(r#""10""#, "9", true);
        check_greater(r#"" 0x10 ""#, "15", true);
        check_greater(r#""""#, "-1", true);
        check_greater("true", "null", true);
        check_greater(r#""nan""#, "0", false);
        check_greater(r#""inf""#, "0", false);
        check_greater(r#""Infinity""#, "1e308", true);
        check_greater("[10]", "9", true);
        check_greater("{}", "0", false);
        // A surrogate pair sorts before U+FF5E in UTF-16, after it by code point.
        check_greater(r#""😀""#, r#""～""#, false);
        assert_eq!(order(None, Some(&Json::from(-1.0))), None);
    }

    #[test]
    fn texts_are_javascripts() {
        for (value, text) in [
            ("[1,null,[2,3],true]", "1,,2,3,true"),
            ("1e21", "1e+21"),
            (r#"{"a":1}"#, r#"{"a":1}"#),
            ("null", "null"),
        ] {
            assert_eq!(&*to_text(&Json::parse(value).unwrap()), text);
        }
    }

    #[test]
    fn trim_takes_javascripts_white_space() {
        for (text, trimmed) in [
            ("  a b ", "a b"),
            ("\u{feff}\u{a0}a\u{2028}", "a"),
            ("\u{85}a", "\u{85}a"),
            ("", ""),
        ] {
            assert_eq!(&*trim(&text.into()), trimmed);
        }
    }
}
