//! Stable JSON: one text per value, whatever order its keys came in. Ids, nonces and sealed texts are made of it.
//!
//! The rules are those of npm `fast-json-stable-stringify` as CoJSON uses it: keys sorted by UTF-16 code units,
//! numbers as JavaScript writes them, and strings that start with `encrypted_U` or `binary_U` copied unescaped.

use super::writer::{write_boolean, write_text};
use super::{Json, number_to_string};

/// The stable text of a value.
///
/// ```
/// use cojson::json::{Json, to_stable_string};
/// let value = Json::parse(r#"{"b":[1,2],"a":"x"}"#)?;
/// assert_eq!(to_stable_string(&value), r#"{"a":"x","b":[1,2]}"#);
/// # Ok::<(), cojson::json::JsonError>(())
/// ```
pub fn to_stable_string(value: &Json) -> String {
    let mut text = String::new();
    write_value(&mut text, value);
    text
}

fn write_value(text: &mut String, value: &Json) {
    match value {
        Json::Number(number) if number.is_finite() => text.push_str(&number_to_string(*number)),
        Json::Null | Json::Number(_) => text.push_str("null"),
        Json::Bool(value) => write_boolean(text, *value),
        Json::String(string) => write_string(text, string),
        Json::Array(items) => write_separated(text, '[', items.iter(), ']', write_value),
        Json::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
            write_separated(text, '{', sorted.into_iter(), '}', |text, (key, value)| {
                write_string(text, key);
                text.push(':');
                write_value(text, value);
            });
        }
    }
}

fn write_separated<T>(
    text: &mut String,
    open: char,
    items: impl Iterator<Item = T>,
    close: char,
    write: impl Fn(&mut String, T),
) {
    text.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(text, item);
    }
    text.push(close);
}

fn write_string(text: &mut String, string: &str) {
    if string.starts_with("encrypted_U") || string.starts_with("binary_U") {
        text.push('"');
        text.push_str(string);
        text.push('"');
    } else {
        write_text(text, string);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stable(text: &str) -> String {
        to_stable_string(&Json::parse(text).unwrap())
    }

    #[test]
    fn keys_are_sorted_by_utf16_code_units() {
        // U+10000 is a surrogate pair, which sorts before U+E000.
        assert_eq!(
            stable("{\"\u{e000}\":1,\"\u{10000}\":2}"),
            "{\"\u{10000}\":2,\"\u{e000}\":1}"
        );
    }

    #[test]
    fn ciphertext_is_copied_unescaped() {
        assert_eq!(
            to_stable_string(&Json::from("encrypted_U\"")),
            "\"encrypted_U\"\""
        );
    }

    #[test]
    fn numbers_are_javascripts() {
        assert_eq!(stable("[1.0,1e21,-0.0,0.5]"), "[1,1e+21,0,0.5]");
    }
}
