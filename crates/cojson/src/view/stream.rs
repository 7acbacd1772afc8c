//! A CoStream's view: items that are only ever added, per session.
//!
//! Takes transactions in any order of arrival. Within a session items stand in their order; across sessions
//! [`StreamView::by_time`] gives the total one.

use super::{Applied, Placed, Position, ValidTransaction, by_place, insert_in_order};
use crate::collections::SortedMap;
use crate::ids::SessionId;
use crate::json::{Json, JsonObject};

/// One item of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamItem {
    /// When and where it was written. Its session and index never change, so a reader can keep them as its cursor.
    pub position: Position,
    /// Its place among the transaction's changes.
    pub change: u32,
    /// The item.
    pub value: Json,
}

impl Placed for StreamItem {
    fn place(&self) -> (&Position, u32) {
        (&self.position, self.change)
    }
}

/// A stream as its transactions make it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamView {
    sessions: SortedMap<SessionId, Vec<StreamItem>>,
    /// How many of a session's first items are not here, as nobody needs them.
    skipped: SortedMap<SessionId, u32>,
}

impl StreamView {
    /// Takes a transaction; one that was taken before changes nothing. Always [`Applied::Shown`].
    pub fn apply(&mut self, transaction: &ValidTransaction) -> Applied {
        let position = transaction.position();
        let session = position.id.session.clone();
        let items = self.sessions.get_or_default(session);
        for (change, value) in (0..).zip(&transaction.changes) {
            let item = StreamItem {
                position: position.clone(),
                change,
                value: value.clone(),
            };
            insert_in_order(items, item);
        }
        Applied::Shown
    }

    /// How many of a session's first items are not among [`items`](Self::items): see [`Node::skip`](crate::node::Node::skip).
    pub fn skipped(&self, session: &SessionId) -> u32 {
        self.skipped.get(session).copied().unwrap_or_default()
    }

    pub(crate) fn all_skipped(&self) -> &SortedMap<SessionId, u32> {
        &self.skipped
    }

    /// Lets go of what a session wrote in its first transactions, which had one item each.
    pub(crate) fn skip(&mut self, session: SessionId, count: u32) {
        if let Some(items) = self.sessions.get_mut(&session) {
            items.retain(|item| item.position.id.index >= count);
            items.shrink_to_fit();
        }
        self.skipped.insert(session, count);
    }

    /// The items of a session, in order.
    pub fn items(&self, session: &SessionId) -> &[StreamItem] {
        self.sessions.get(session).map_or(&[], Vec::as_slice)
    }

    /// The sessions that added items, with their items.
    pub fn sessions(&self) -> impl Iterator<Item = (&SessionId, &[StreamItem])> {
        let sessions = self.sessions.iter();
        sessions.map(|(session, items)| (session, items.as_slice()))
    }

    /// All items in the total order. Sorts at each call.
    pub fn by_time(&self) -> Vec<&StreamItem> {
        let mut items: Vec<_> = self.sessions.values().flatten().collect();
        items.sort_by(|left, right| by_place(*left, *right));
        items
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.sessions.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An object with an array of items per session.
    pub fn to_json(&self) -> Json {
        let members = self.sessions().map(|(session, items)| {
            let values: Vec<_> = items.iter().map(|item| item.value.clone()).collect();
            (session.into(), values.into())
        });
        members.collect::<JsonObject>().into()
    }
}
