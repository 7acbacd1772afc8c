//! What values show: pure functions of valid, decrypted transactions in one total order.
//!
//! The order is (`madeAt`, session, index): the same on every replica, whatever came when (R10). A view takes transactions
//! one by one; one that sorts before others already taken may make it ask for a rebuild. Nothing here judges who was
//! allowed to write, and a change that a view does not understand is passed over.

mod list;
mod map;
mod stream;

use std::fmt;
use std::sync::Arc;

use crate::ids::{SessionId, Timestamp};
use crate::json::Json;

pub use list::{ListChange, ListView, OpId};
pub use map::{MapChange, MapEntry, MapView};
pub use stream::{StreamItem, StreamView};

/// A transaction of a value: the session it stands in and its place there, counted from 0.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId {
    /// The session it stands in.
    pub session: SessionId,
    /// Its place in the session.
    pub index: u32,
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}#{}", self.session, self.index)
    }
}

/// Where a transaction stands in the total order. The fields' order is the order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// When it was made, by its author's claim.
    pub made_at: Timestamp,
    /// What decides between transactions of the same time.
    pub id: TransactionId,
}

/// Where a merged transaction comes from: it is ordered and named as it was there.
#[derive(Clone, Debug, PartialEq)]
pub struct MergeSource {
    /// Its position in the branch.
    pub position: Position,
    /// The branch's id.
    pub branch: Arc<str>,
}

/// A transaction that was found valid and could be read: what views are made of.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidTransaction {
    /// Where it stands in its own value.
    pub id: TransactionId,
    /// When it was made, by its author's claim.
    pub made_at: Timestamp,
    /// Its changes, in order.
    pub changes: Vec<Json>,
    /// Where it comes from, if it was merged.
    pub source: Option<MergeSource>,
}

impl ValidTransaction {
    /// Where it stands in the total order.
    pub fn position(&self) -> Position {
        match &self.source {
            Some(source) => source.position.clone(),
            None => Position {
                made_at: self.made_at,
                id: self.id.clone(),
            },
        }
    }
}

/// What became of a transaction that a view was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an outdated view has to be rebuilt"]
pub enum Applied {
    /// The view shows it.
    Shown,
    /// It sorts before what the view shows; rebuild the view from all transactions in order.
    Outdated,
}

#[cfg(test)]
mod tests;
