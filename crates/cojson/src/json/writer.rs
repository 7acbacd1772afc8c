//! Writes JSON text as `JSON.stringify` does: no spaces, members in order, numbers as JavaScript writes them.

use super::{Json, number_to_string};

/// As long as most changes of a transaction are.
const ARRAY_BYTES: usize = 128;

/// Writes a value.
pub(crate) fn write_json(out: &mut String, value: &Json) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => write_boolean(out, *value),
        Json::Number(value) => write_number(out, *value),
        Json::String(text) => write_text(out, text),
        Json::Array(items) => write_array(out, items.iter(), write_json),
        Json::Object(members) => {
            let mut object = ObjectWriter::new(out);
            for (key, value) in members.iter() {
                write_json(object.member(key), value);
            }
            object.end();
        }
    }
}

/// Writes `true` or `false`.
pub(crate) fn write_boolean(out: &mut String, value: bool) {
    out.push_str(if value { "true" } else { "false" });
}

/// Writes a number; one that JSON has no text for is `null`.
pub(crate) fn write_number(out: &mut String, value: f64) {
    if value.is_finite() {
        out.push_str(&number_to_string(value));
    } else {
        out.push_str("null");
    }
}

/// Writes a count.
pub(crate) fn write_count(out: &mut String, count: u64) {
    // Written from the last digit on; no count has more.
    let mut digits = [b'0'; 20];
    let mut rest = count;
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit |= u8::try_from(rest % 10).unwrap_or_default();
        start -= 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let digits = digits.get(start..).unwrap_or_default();
    out.push_str(str::from_utf8(digits).unwrap_or_default());
}

/// Writes a string in quotes.
pub(crate) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    loop {
        let (plain, special) = rest.split_at(byteloops::plain_json_bytes(rest.as_bytes()));
        out.push_str(plain);
        let mut characters = special.chars();
        let Some(special) = characters.next() else {
            break;
        };
        write_escaped(out, special);
        rest = characters.as_str();
    }
    out.push('"');
}

fn write_escaped(out: &mut String, character: char) {
    let short = match character {
        '"' | '\\' => character,
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        control => {
            let code = u32::from(control);
            let digits = [code / 16, code % 16].map(|digit| char::from_digit(digit, 16));
            out.push_str("\\u00");
            out.extend(digits.into_iter().flatten());
            return;
        }
    };
    out.push('\\');
    out.push(short);
}

/// Writes an array, each item by the function.
pub(crate) fn write_array<T>(
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    write: impl Fn(&mut String, T),
) {
    let mut separator = '[';
    for item in items {
        out.push(separator);
        separator = ',';
        write(out, item);
    }
    if separator == '[' {
        out.push('[');
    }
    out.push(']');
}

/// The text of an array of these.
pub(crate) fn array_text(items: &[Json]) -> String {
    let mut text = String::with_capacity(ARRAY_BYTES);
    write_array(&mut text, items, write_json);
    text
}

/// Writes an object member by member.
pub(crate) struct ObjectWriter<'a> {
    out: &'a mut String,
    separator: char,
}

impl<'a> ObjectWriter<'a> {
    /// Begins an object.
    pub(crate) fn new(out: &'a mut String) -> Self {
        Self {
            out,
            separator: '{',
        }
    }

    /// Begins a member; its value is written to what is handed back.
    pub(crate) fn member(&mut self, key: &str) -> &mut String {
        self.out.push(self.separator);
        self.separator = ',';
        write_text(self.out, key);
        self.out.push(':');
        self.out
    }

    /// A member that is a string, if there is one.
    pub(crate) fn text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            write_text(self.member(key), text);
        }
    }

    /// A member that is a count.
    pub(crate) fn count(&mut self, key: &str, count: u64) {
        write_count(self.member(key), count);
    }

    /// Ends the object.
    pub(crate) fn end(self) {
        if self.separator == '{' {
            self.out.push('{');
        }
        self.out.push('}');
    }
}
