//! JSON text to [`Json`] and back, by serde, with JavaScript's way to write a number.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::{Json, JsonObject};

/// The largest integer up to which every integer is a double: 2^53.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_992.0;

/// Text that is not JSON, or nested deeper than 128 levels.
#[derive(Debug, thiserror::Error)]
#[error("not JSON: {0}")]
pub struct JsonError(#[from] serde_json::Error);

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
        Ok(serde_json::from_str(text)?)
    }
}

/// As `JSON.stringify` writes it: keys in insertion order, no spaces.
impl fmt::Display for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        formatter.write_str(&text)
    }
}

/// A number as JavaScript's `String(number)` writes it.
pub fn number_to_string(value: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else {
        ryu_js::Buffer::new().format(value).to_owned()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => serialize_number(*value, serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => items.serialize(serializer),
            Self::Object(members) => serializer.collect_map(members.iter()),
        }
    }
}

fn serialize_number<S: Serializer>(value: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if !value.is_finite() {
        serializer.serialize_unit()
    } else if value.fract() == 0.0 && value.abs() <= MAX_SAFE_INTEGER {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "an integer of at most 2^53"
        )]
        serializer.serialize_i64(value as i64)
    } else {
        serializer.serialize_f64(value)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

#[expect(
    clippy::cast_precision_loss,
    reason = "JavaScript's numbers are doubles"
)]
impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_none<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        Json::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut members = JsonObject::new();
        while let Some((key, value)) = access.next_entry::<Arc<str>, Json>()? {
            members.insert(key, value);
        }
        Ok(members.into())
    }

    fn visit_bytes<E: serde::de::Error>(self, _bytes: &[u8]) -> Result<Json, E> {
        Err(E::custom("bytes are not JSON"))
    }
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
    fn numbers_are_written_as_javascript_writes_them() {
        for (value, text) in [
            (1e21, "1e+21"),
            (-0.0, "0"),
            (0.000_000_1, "1e-7"),
            (123.0, "123"),
            (2.5, "2.5"),
        ] {
            assert_eq!(number_to_string(value), text);
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let text = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(Json::parse(&text).is_err());
    }
}
