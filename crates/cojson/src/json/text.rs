//! JSON text to [`Json`] and back, with JavaScript's way to write a number.

use std::fmt;

use super::writer::{write_json, write_text};
use super::{Json, JsonError, Reader, Wire};

impl Json {
    /// Reads JSON text.
    ///
    /// ```
    /// use cojson::json::Json;
    /// let todo = Json::parse(r#"{"text":"milk","done":false}"#)?;
    /// assert_eq!(todo.get("text").and_then(Json::as_str), Some("milk"));
    /// # Ok::<(), cojson::json::JsonError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        Self::from_text(text)
    }
}

impl Wire for Json {
    fn read(reader: &mut Reader<'_>) -> Result<Self, JsonError> {
        reader.value()
    }

    fn write(&self, out: &mut String) {
        write_json(out, self);
    }
}

/// As `JSON.stringify` writes it: keys in insertion order, no spaces.
impl fmt::Display for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_text())
    }
}

/// A text in quotes, as it stands in a message for people.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    write_text(&mut quoted, text);
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back_is_the_same_text() {
        for text in [
            r#"{"b":1,"a":[true,null,"x",1.5,-3],"c":{}}"#,
            "[]",
            "9007199254740991",
            r#""\u001f\"\\""#,
            "0.1",
        ] {
            assert_eq!(Json::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let text = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(Json::parse(&text).is_err());
    }
}
