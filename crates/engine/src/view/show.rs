//! Values as a person sees them.

use std::sync::Arc;

use cojson::json::Json;

use crate::expression::to_text;

/// A value as text: null is empty, 0 and false are shown (B15), arrays and objects are JSON.
pub(super) fn shown_text(value: &Json) -> Arc<str> {
    match value {
        Json::Null => "".into(),
        Json::Array(_) => value.to_string().into(),
        other => to_text(other),
    }
}

/// What of a value can be seen: an array or object becomes its text, so that comparing is cheap afterwards.
pub(super) fn visible(value: Option<Json>) -> Json {
    match value {
        None => Json::Null,
        Some(value @ (Json::Array(_) | Json::Object(_))) => Json::String(shown_text(&value)),
        Some(scalar) => scalar,
    }
}
