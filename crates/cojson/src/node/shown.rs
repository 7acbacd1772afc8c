//! What a value shows, whichever kind it has.

use crate::header::{Header, ValueType};
use crate::json::Json;
use crate::view::{
    Applied, BinaryView, ListView, MapChange, MapView, StreamView, ValidTransaction,
};

/// A value's view.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Shown {
    /// Of a map, a group, an account.
    Map(MapView),
    /// Of a list.
    List(ListView),
    /// Of a text: a list of its graphemes.
    Text(ListView),
    /// Of a stream.
    Stream(StreamView),
    /// Of a stream of bytes.
    Binary(BinaryView),
    /// Of a kind that we keep and sync but cannot show.
    Opaque,
    /// Of a value that was deleted.
    Deleted,
}

impl Shown {
    /// A map's object, a list's array, a text's string, a stream's items by session, how much of some bytes is here; an
    /// empty object of what cannot be shown, `null` of what was deleted.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Map(view) => view.to_json(),
            Self::List(view) => view.to_json(),
            Self::Text(view) => view.to_text().into(),
            Self::Stream(view) => view.to_json(),
            Self::Binary(view) => view.to_json(),
            Self::Opaque => Json::empty_object(),
            Self::Deleted => Json::Null,
        }
    }

    pub(super) fn empty(header: &Header) -> Self {
        match &header.value_type {
            ValueType::CoMap => Self::Map(MapView::default()),
            ValueType::CoList => Self::List(ListView::default()),
            ValueType::CoPlainText => Self::Text(ListView::default()),
            ValueType::CoStream if header.is_binary_stream() => Self::Binary(BinaryView::default()),
            ValueType::CoStream => Self::Stream(StreamView::default()),
            ValueType::Unknown(_) => Self::Opaque,
        }
    }

    pub(super) fn apply(&mut self, transaction: &ValidTransaction) -> Applied {
        match self {
            Self::Map(view) => view.apply(transaction),
            Self::List(view) | Self::Text(view) => view.apply(transaction),
            Self::Stream(view) => view.apply(transaction),
            Self::Binary(view) => view.apply(transaction),
            Self::Opaque | Self::Deleted => Applied::Shown,
        }
    }

    /// Takes a transaction whose changes may have been read as a map's.
    pub(super) fn take(
        &mut self,
        transaction: &ValidTransaction,
        map_changes: Vec<Option<MapChange>>,
    ) -> Applied {
        match self {
            Self::Map(view) if !map_changes.is_empty() => {
                view.take(transaction.position(), map_changes.into_iter());
                Applied::Shown
            }
            _ => self.apply(transaction),
        }
    }

    /// Takes one that does not count. In a list it holds the places of what others put beside its items, and removes what
    /// it removes: the reference has it so.
    pub(super) fn apply_lost(&mut self, transaction: &ValidTransaction) -> Applied {
        match self {
            Self::List(view) | Self::Text(view) => view.apply_lost(transaction),
            _ => Applied::Shown,
        }
    }
}
