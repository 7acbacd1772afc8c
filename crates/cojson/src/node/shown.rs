//! The view of a value, whichever kind it has.

use crate::header::ValueType;
use crate::view::{Applied, ListView, MapView, StreamView, ValidTransaction};

/// A value's view.
pub(super) enum Shown {
    /// Of a map, a group, an account.
    Map(MapView),
    /// Of a list or a text.
    List(ListView),
    /// Of a stream.
    Stream(StreamView),
    /// Of a kind that we sync but cannot show.
    Opaque,
}

impl Shown {
    pub(super) fn empty(value_type: &ValueType) -> Self {
        match value_type {
            ValueType::CoMap => Self::Map(MapView::default()),
            ValueType::CoList | ValueType::CoPlainText => Self::List(ListView::default()),
            ValueType::CoStream => Self::Stream(StreamView::default()),
            ValueType::Unknown(_) => Self::Opaque,
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Map(view) => *view = MapView::default(),
            Self::List(view) => *view = ListView::default(),
            Self::Stream(view) => *view = StreamView::default(),
            Self::Opaque => {}
        }
    }

    pub(super) fn apply(&mut self, transaction: &ValidTransaction) -> Applied {
        match self {
            Self::Map(view) => view.apply(transaction),
            Self::List(view) => view.apply(transaction),
            Self::Stream(view) => view.apply(transaction),
            Self::Opaque => Applied::Shown,
        }
    }
}
