//! Changes to values, of whichever kind.

use crate::header::ValueType;
use crate::json::Json;
use crate::view::{ListChange, MapChange};

/// One change to a value; a transaction holds several.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// To a map.
    Map(MapChange),
    /// To a list or a text.
    List(ListChange),
    /// A new item of a stream.
    Item(Json),
}

impl Change {
    /// As it is written into a transaction.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Map(change) => change.to_json(),
            Self::List(change) => change.to_json(),
            Self::Item(item) => item.clone(),
        }
    }

    /// Whether a value of that kind understands it. Of a kind that we do not know, its writer knows better.
    pub(super) fn fits(&self, value_type: &ValueType) -> bool {
        match value_type {
            ValueType::CoMap => matches!(self, Self::Map(_)),
            ValueType::CoList | ValueType::CoPlainText => matches!(self, Self::List(_)),
            ValueType::CoStream => matches!(self, Self::Item(_)),
            ValueType::Unknown(_) => true,
        }
    }

    /// Whether it removes an item of a list.
    pub(super) fn deletes_item(&self) -> bool {
        matches!(self, Self::List(ListChange::Delete { .. }))
    }

    /// The kind of value that it is for.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Map(_) => "comap",
            Self::List(_) => "colist",
            Self::Item(_) => "costream",
        }
    }
}

impl From<MapChange> for Change {
    fn from(change: MapChange) -> Self {
        Self::Map(change)
    }
}

impl From<ListChange> for Change {
    fn from(change: ListChange) -> Self {
        Self::List(change)
    }
}
