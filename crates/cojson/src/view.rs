//! What values show: pure functions of valid, decrypted transactions in one total order.
//!
//! The order is (`madeAt`, session, index), but for copies that a merge put behind others of the same time: the same on
//! every replica, whatever came when (R10). Of changes that claim to be the same one, only the first counts. A view takes transactions one by one; one that sorts before others already
//! taken may make it ask for a rebuild. Nothing here judges who was allowed to write, and a change that a view does not
//! understand is passed over.

mod binary;
mod list;
mod map;
mod position;
mod stream;
mod text;

use std::fmt;

use crate::collections::SortedMap;
use crate::ids::{SessionId, Timestamp};
use crate::json::Json;

pub use binary::{BinaryInfo, BinaryItem, BinaryView};
pub use list::{ListChange, ListView, OpId};
pub use map::{MapChange, MapEntry, MapView};
pub use position::{Behind, Claim, CopyId, Order, Position};
use position::{Placed, by_place, insert_in_order};
pub use stream::{StreamItem, StreamView};
pub use text::{Splice, splices};

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

/// A transaction that was found valid and could be read: what views are made of.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidTransaction {
    /// Where it stands in its own value.
    pub id: TransactionId,
    /// When it was made, by its author's claim.
    pub made_at: Timestamp,
    /// Its changes, in order.
    pub changes: Vec<Json>,
    /// Where it was made in a branch, if it was merged from one: it is ordered and named as it was there. Also of what
    /// stands behind such a one.
    pub source: Option<Box<Position>>,
}

impl ValidTransaction {
    /// Where it stands in the total order.
    pub fn position(&self) -> Position {
        match &self.source {
            Some(source) => Position::clone(source),
            None => Position {
                made_at: self.made_at,
                id: self.id.clone(),
                branch: None,
                behind: None,
                copy: None,
            },
        }
    }

    /// Whether it is no copy of what was not made yet, which does not count: a merge that claims to come from the future
    /// would win over all that is written until then.
    pub fn is_dated_honestly(&self) -> bool {
        let source = self.source.as_ref();
        source.is_none_or(|source| source.made_at <= self.made_at)
    }

    /// What transactions are ordered by: the order of their positions.
    pub fn order(&self) -> Order<'_> {
        let name = (&self.id, None);
        let own = ((self.made_at, name, 0, name), None);
        let source = self.source.as_deref();
        source.map_or(own, Position::order)
    }
}

/// A point in a value's past.
#[derive(Clone, Debug, PartialEq)]
pub enum Moment {
    /// What was made until a time and at it, by the authors' clocks.
    Time(Timestamp),
    /// What somebody had who had so many transactions of each session; of a session that is not named, none.
    Frontier(SortedMap<SessionId, u32>),
}

impl Moment {
    /// Whether a transaction had been made by then.
    pub fn has_seen(&self, transaction: &ValidTransaction) -> bool {
        match self {
            Self::Time(time) => transaction.order().0.0 <= *time,
            Self::Frontier(counts) => {
                let seen = counts.get(&transaction.id.session);
                seen.is_some_and(|count| transaction.id.index < *count)
            }
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
