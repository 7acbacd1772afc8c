//! How errors reach JavaScript: real `Error` objects with `code`, `message`, and `place` and `cause` where there are any.
//!
//! Every error of this package that a caller can see implements [`Told`]. A code never changes its meaning; messages
//! are for people and may be reworded.

use std::fmt::Display;

use js_sys::{Error, JSON, Reflect};
use wasm_bindgen::JsValue;

/// An error that a caller is told: a plain sentence (its `Display`) and a stable code.
pub trait Told: Display {
    /// The stable code, `PLEIONE_E_…`.
    fn code(&self) -> &'static str;

    /// Where it happened: a document and path in it, a value's id, a tool's name.
    fn place(&self) -> Option<String> {
        None
    }

    /// What JavaScript threw below, if anything.
    fn cause(&self) -> Option<JsValue> {
        None
    }
}

/// The error as a JavaScript `Error`.
pub fn to_js(error: &impl Told) -> JsValue {
    let object = Error::new(&error.to_string());
    set(&object, "name", &"PleioneError".into());
    set(&object, "code", &error.code().into());
    if let Some(place) = error.place() {
        set(&object, "place", &place.into());
    }
    if let Some(cause) = error.cause() {
        set(&object, "cause", &cause);
    }
    object.into()
}

/// Sets a property of a fresh error, which cannot refuse it.
fn set(object: &Error, key: &str, value: &JsValue) {
    let _ = Reflect::set(object, &key.into(), value);
}

/// What a thrown JavaScript value says of itself: an error's name and message, else its text.
pub fn describe(thrown: &JsValue) -> String {
    let text = |key: &str| Reflect::get(thrown, &key.into()).ok()?.as_string();
    match (text("name"), text("message")) {
        (Some(name), Some(message)) if !message.is_empty() => format!("{name}: {message}"),
        (Some(name), _) => name,
        _ => thrown.as_string().unwrap_or_else(|| as_json(thrown)),
    }
}

/// A thrown value that is neither an error nor a text, as JSON; what has none, by its kind.
fn as_json(thrown: &JsValue) -> String {
    let json = JSON::stringify(thrown).ok();
    let text = json.and_then(|json| JsValue::from(json).as_string());
    text.or_else(|| thrown.js_typeof().as_string())
        .unwrap_or_default()
}
