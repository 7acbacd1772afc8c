//! The total order of a value's transactions: the same on every replica, whatever came when (R10).
//!
//! It is that of (`madeAt`, session, index), where the reference leaves ties to arrival. But what stands in one session
//! arrives in one order, and so the reference tells there which comes first, even if it was named otherwise in a branch.

use std::cmp::Ordering;
use std::sync::Arc;

use super::TransactionId;
use crate::ids::Timestamp;

/// Where a transaction stands in the total order, which is that of [`Position::order`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// When it was made, by its author's claim.
    pub made_at: Timestamp,
    /// What decides between transactions of the same time.
    pub id: TransactionId,
    /// The branch that it was made in, if it was in one: a session may write to a value and to its branches.
    pub branch: Option<Arc<str>>,
    /// What it stands behind, though its id sorts before that.
    pub behind: Option<Arc<Behind>>,
}

/// What a transaction stands behind that has the same time: one that comes before it in the session that both are in.
///
/// Copies that a merge makes are ordered by the names that they had in the branch, which need not be the order in which
/// they were written there: the reference dates a copy that was made in the same millisecond as its original back to the
/// copy before it. Those who see both in one session know which came first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Behind {
    /// The id of the first in the row.
    leader: TransactionId,
    /// The branch that the first in the row was made in.
    branch: Option<Arc<str>>,
    /// How many places behind the first in the row.
    places: u32,
}

/// What names a transaction: its id and the branch that it was made in.
type Name<'a> = (&'a TransactionId, Option<&'a str>);

/// What transactions are ordered by: their time, the first in the row that they stand in and their place there, and last
/// their name.
pub type Order<'a> = (Timestamp, Name<'a>, u32, Name<'a>);

impl Position {
    /// What it is ordered by.
    pub fn order(&self) -> Order<'_> {
        let name = (&self.id, self.branch.as_deref());
        match &self.behind {
            Some(behind) => {
                let leader = (&behind.leader, behind.branch.as_deref());
                (self.made_at, leader, behind.places, name)
            }
            None => (self.made_at, name, 0, name),
        }
    }

    /// The same, but behind another of the same time that another session made.
    #[must_use]
    pub fn not_before(self, other: &Self) -> Self {
        let is_told_by_index = other.behind.is_none() && other.id.session == self.id.session;
        if self.made_at != other.made_at || is_told_by_index || self >= *other {
            return self;
        }
        let (_, (leader, branch), places, _) = other.order();
        let behind = Behind {
            leader: leader.clone(),
            branch: branch.map(Arc::from),
            places: places.saturating_add(1),
        };
        Self {
            behind: Some(Arc::new(behind)),
            ..self
        }
    }
}

impl Ord for Position {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Position {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
