//! JSON values as JavaScript knows them: every number is a double, object keys keep their order.
//!
//! [`Json`] is cheap to clone (strings, arrays and objects are shared), so a snapshot of a context is a handful of
//! reference counts, and "the same value as before" can be told by pointer with [`Json::is_same`].
//! The text forms live in [`text`], [`reader`], [`writer`] and [`number`]; nothing here knows of CRDTs.

mod number;
mod reader;
mod stable;
mod text;
mod wire;
mod words;
pub(crate) mod writer;

use crate::collections::OrderedMap;
use std::sync::Arc;

pub use number::{number_from_numeral, number_to_string};
pub use reader::{JsonError, Reader};
pub use stable::to_stable_string;
pub use text::quoted;
pub use wire::Wire;

/// An object's members, in insertion order.
pub type JsonObject = OrderedMap<Arc<str>, Json>;

/// A JSON value. Cloning shares; change a shared part with [`Arc::make_mut`].
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Json {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// Any number: a double, as in JavaScript. Never NaN or infinite when it comes from text.
    Number(f64),
    /// A string.
    String(Arc<str>),
    /// An array.
    Array(Arc<Vec<Json>>),
    /// An object.
    Object(Arc<JsonObject>),
}

impl Json {
    /// An empty object.
    pub fn empty_object() -> Self {
        Self::Object(Arc::default())
    }

    /// An object of these members; a later member of the same name wins.
    pub fn object<K: Into<Arc<str>>>(members: impl IntoIterator<Item = (K, Json)>) -> Self {
        members
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect::<JsonObject>()
            .into()
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(*value),
            _ => None,
        }
    }

    /// The items, if it is an array.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn as_object(&self) -> Option<&JsonObject> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The member of that name, if it is an object that has one.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.as_object()?.get(key)
    }

    /// The member or item under one path segment: a key of an object, a decimal index of an array.
    pub fn step(&self, segment: &str) -> Option<&Json> {
        match self {
            Self::Object(members) => members.get(segment),
            Self::Array(items) => items.get(segment.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether JavaScript takes it for true: everything but `null`, `false`, `0`, `NaN` and `""`.
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Number(value) => *value != 0.0 && !value.is_nan(),
            Self::String(text) => !text.is_empty(),
            Self::Array(_) | Self::Object(_) => true,
        }
    }

    /// Whether both are known to be equal without looking inside: the same scalar, or the very same shared part.
    /// `false` says nothing.
    pub fn is_same(&self, other: &Json) -> bool {
        match (self, other) {
            (Self::Array(left), Self::Array(right)) => Arc::ptr_eq(left, right),
            (Self::Object(left), Self::Object(right)) => Arc::ptr_eq(left, right),
            (Self::String(left), Self::String(right)) => Arc::ptr_eq(left, right) || left == right,
            (left, right) => left == right,
        }
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Json {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<u32> for Json {
    fn from(value: u32) -> Self {
        Self::Number(value.into())
    }
}

impl From<i32> for Json {
    fn from(value: i32) -> Self {
        Self::Number(value.into())
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<Arc<str>> for Json {
    fn from(text: Arc<str>) -> Self {
        Self::String(text)
    }
}

impl From<Vec<Json>> for Json {
    fn from(items: Vec<Json>) -> Self {
        Self::Array(items.into())
    }
}

impl From<JsonObject> for Json {
    fn from(members: JsonObject) -> Self {
        Self::Object(members.into())
    }
}
