//! The total order of a value's transactions: the same on every replica, whatever came when (R10).
//!
//! It is that of (`madeAt`, session, index), where the reference leaves ties to arrival. But what stands in one session
//! arrives in one order, and so the reference tells there which comes first, even if it was named otherwise in a branch.
//! Anybody may write copies that claim a name which others have: of these the first counts, by where they themselves stand.

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
    /// Where it is itself, if it is a copy: what decides between those that claim the same name.
    pub copy: Option<Arc<CopyId>>,
}

/// Where a copy is itself, while it is named as its original.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CopyId {
    id: TransactionId,
    /// The branch whose log it is in, if it is in one's.
    branch: Option<Arc<str>>,
}

impl CopyId {
    /// Of the transaction at that place in the log of a value, which is told if it is a branch.
    pub fn new(id: TransactionId, branch: Option<Arc<str>>) -> Arc<Self> {
        Arc::new(Self { id, branch })
    }
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

/// What a transaction claims to be: its time, the first in the row that it stands in and its place there, and its name.
pub type Claim<'a> = (Timestamp, Name<'a>, u32, Name<'a>);

/// What transactions are ordered by: what they claim to be, and last where they are if they are copies: an original comes
/// before its copies.
pub type Order<'a> = (Claim<'a>, Option<&'a CopyId>);

/// A change that has its place among others by the total order.
pub(super) trait Placed {
    /// Where its transaction stands, and its place among the transaction's changes.
    fn place(&self) -> (&Position, u32);
}

/// The order of what changes claim to be: those of one claim stand together.
fn by_claim(left: (&Position, u32), right: (&Position, u32)) -> Ordering {
    let by_position = if left.0.is_plain() && right.0.is_plain() {
        let (left, right) = (left.0, right.0);
        let by_time = left.made_at.cmp(&right.made_at);
        by_time.then_with(|| left.id.cmp(&right.id))
    } else {
        left.0.order().0.cmp(&right.0.order().0)
    };
    by_position.then_with(|| left.1.cmp(&right.1))
}

/// The order of changes.
pub(super) fn by_place(left: &impl Placed, right: &impl Placed) -> Ordering {
    let (left, right) = (left.place(), right.place());
    by_claim(left, right).then_with(|| left.0.copy.cmp(&right.0.copy))
}

/// Puts a change at its place, the end being the likely one, and returns that. Of those that claim one name the first
/// stays: `None` if that is there already.
pub(super) fn insert_in_order<T: Placed>(changes: &mut Vec<T>, change: T) -> Option<usize> {
    let is_before = |other: &T| by_place(other, &change).is_lt();
    let place = match changes.last() {
        Some(last) if !is_before(last) => changes.partition_point(is_before),
        _ => changes.len(),
    };
    let is_same = |other: &T| by_claim(other.place(), change.place()).is_eq();
    let (before, after) = changes.split_at_mut(place);
    if before.last().is_some_and(is_same) {
        return None;
    }
    match after.first_mut() {
        Some(second) if is_same(second) => *second = change,
        _ => changes.insert(place, change),
    }
    Some(place)
}

impl Position {
    /// Whether its time and its id tell all that it is ordered by, but where a copy is.
    fn is_plain(&self) -> bool {
        self.branch.is_none() && self.behind.is_none()
    }

    /// What it is ordered by.
    pub fn order(&self) -> Order<'_> {
        let name = (&self.id, self.branch.as_deref());
        let copy = self.copy.as_deref();
        match &self.behind {
            Some(behind) => {
                let leader = (&behind.leader, behind.branch.as_deref());
                ((self.made_at, leader, behind.places, name), copy)
            }
            None => ((self.made_at, name, 0, name), copy),
        }
    }

    /// The same, but behind another of the same time that another session made.
    #[must_use]
    pub fn not_before(self, other: &Self) -> Self {
        let is_told_by_index = other.behind.is_none() && other.id.session == self.id.session;
        if self.made_at != other.made_at || is_told_by_index || self >= *other {
            return self;
        }
        let ((_, (leader, branch), places, _), _) = other.order();
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
