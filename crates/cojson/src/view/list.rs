//! A CoList's view: items that keep their places under concurrent edits. A `CoPlainText` is a list of grapheme clusters.
//!
//! Each item hangs on the item it was put after or before, and newer ones stand nearer to it. That is a tree; what is kept
//! here is its read-out as a sequence, in which each insertion has its place at once. This holds as long as
//! transactions come in their total order: one that comes late makes the view [`Applied::Outdated`].
//! An item whose anchor is not there before it, in the total order, is not shown: the reference does the same.

mod change;
mod sequence;

use super::{Applied, Position, ValidTransaction};
use crate::collections::{SortedMap, SortedSet};
use crate::json::Json;
use sequence::{ItemIndex, Sequence};

pub use change::{ListChange, OpId};

/// One item, shown or removed.
#[derive(Clone, Debug)]
struct Item {
    id: OpId,
    value: Json,
    /// The newest item that was put before this one.
    newest_predecessor: Option<ItemIndex>,
}

/// A list as its transactions make it.
#[derive(Clone, Debug)]
pub struct ListView {
    /// By index. The first is no item: it stands between those put after the start and those put before the end.
    items: Vec<Option<Item>>,
    by_id: SortedMap<OpId, ItemIndex>,
    sequence: Sequence,
    /// Deletions of items that are not there (yet).
    deleted_early: SortedSet<OpId>,
    /// Items of transactions that do not count, which hides them until a copy comes that counts.
    lost: SortedSet<OpId>,
    /// The last transaction taken.
    newest: Option<Position>,
}

/// The index of what is no item (see [`ListView::items`]).
const MIDDLE: ItemIndex = 0;

impl Default for ListView {
    fn default() -> Self {
        let mut sequence = Sequence::default();
        sequence.push_back();
        sequence.set_visible(MIDDLE, false);
        Self {
            items: vec![None],
            by_id: SortedMap::new(),
            sequence,
            deleted_early: SortedSet::new(),
            lost: SortedSet::new(),
            newest: None,
        }
    }
}

impl ListView {
    /// Makes the view of transactions in their total order.
    pub fn rebuild<'a>(transactions: impl IntoIterator<Item = &'a ValidTransaction>) -> Self {
        let mut view = Self::default();
        for transaction in transactions {
            let _ = view.apply(transaction);
        }
        view
    }

    /// Takes a transaction that comes after all those taken before; else it changes nothing and says
    /// [`Applied::Outdated`].
    pub fn apply(&mut self, transaction: &ValidTransaction) -> Applied {
        self.take(transaction, true)
    }

    /// The same for a transaction that does not count, as it lost to the first writer or is misdated: its items are not shown, but what others put beside them
    /// keeps its place.
    pub fn apply_lost(&mut self, transaction: &ValidTransaction) -> Applied {
        self.take(transaction, false)
    }

    fn take(&mut self, transaction: &ValidTransaction, is_shown: bool) -> Applied {
        let position = transaction.position();
        if self
            .newest
            .as_ref()
            .is_some_and(|newest| *newest > position)
        {
            return Applied::Outdated;
        }
        for (change, json) in (0..).zip(&transaction.changes) {
            let id = OpId {
                transaction: position.id.clone(),
                change,
                branch: position.branch.clone(),
            };
            if self.by_id.contains_key(&id) {
                // A copy of what is here: merged twice, and perhaps only once so that it counts.
                if is_shown && self.lost.remove(&id) {
                    self.set_visible(&id, true);
                }
            } else if let Some(change) = ListChange::from_json(json) {
                self.apply_change(id.clone(), change);
                if !is_shown && self.by_id.contains_key(&id) && !self.deleted_early.contains(&id) {
                    self.set_visible(&id, false);
                    self.lost.insert(id);
                }
            }
        }
        self.newest = Some(position);
        Applied::Shown
    }

    /// How many items are shown.
    pub fn len(&self) -> usize {
        self.sequence.visible_len()
    }

    /// Whether no item is shown.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values shown, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Json> {
        self.shown().map(|item| &item.value)
    }

    /// The values shown with their ids, in order. An id is its item's for ever.
    pub fn entries(&self) -> impl Iterator<Item = (&OpId, &Json)> {
        self.shown().map(|item| (&item.id, &item.value))
    }

    /// The value at a place, counted from 0.
    pub fn get(&self, index: usize) -> Option<&Json> {
        self.item_at(index).map(|item| &item.value)
    }

    /// The id of the item at a place, counted from 0.
    pub fn id_of(&self, index: usize) -> Option<&OpId> {
        self.item_at(index).map(|item| &item.id)
    }

    /// The place of an item, if it is shown.
    pub fn index_of(&self, id: &OpId) -> Option<usize> {
        self.sequence.visible_index(*self.by_id.get(id)?)
    }

    /// The whole list as an array.
    pub fn to_json(&self) -> Json {
        self.iter().cloned().collect::<Vec<_>>().into()
    }

    /// The items joined to a text: what a `CoPlainText` shows. Items that are no strings are passed over.
    pub fn to_text(&self) -> String {
        self.iter().filter_map(Json::as_str).collect()
    }

    fn shown(&self) -> impl Iterator<Item = &Item> {
        let shown = self.sequence.visible();
        shown.filter_map(|index| self.items.get(index as usize)?.as_ref())
    }

    fn item_at(&self, index: usize) -> Option<&Item> {
        let item = self.sequence.nth_visible(index)?;
        self.items.get(item as usize)?.as_ref()
    }

    fn apply_change(&mut self, id: OpId, change: ListChange) {
        match change {
            ListChange::InsertAfter { value, after } => match after {
                None => self.show(id, value, |sequence| sequence.insert_before(MIDDLE)),
                Some(anchor) => self.show_after(id, value, &anchor),
            },
            ListChange::InsertBefore { value, before } => match before {
                None => self.show(id, value, Sequence::push_back),
                Some(anchor) => self.show_before(id, value, &anchor),
            },
            ListChange::Delete { insertion } => self.delete(insertion),
        }
    }

    fn show_after(&mut self, id: OpId, value: Json, anchor: &OpId) {
        if let Some(anchor) = self.by_id.get(anchor).copied() {
            self.show(id, value, |sequence| sequence.insert_after(anchor));
        }
    }

    /// A newer predecessor stands before the older ones and all that hangs on them.
    fn show_before(&mut self, id: OpId, value: Json, anchor: &OpId) {
        let Some(anchor) = self.by_id.get(anchor).copied() else {
            return;
        };
        let first = self.first_of_subtree(anchor);
        let index = ItemIndex::try_from(self.items.len()).ok();
        self.show(id, value, |sequence| sequence.insert_before(first));
        if let Some(Some(anchor)) = self.items.get_mut(anchor as usize) {
            anchor.newest_predecessor = index;
        }
    }

    fn first_of_subtree(&self, root: ItemIndex) -> ItemIndex {
        let newest_predecessor = |index: &ItemIndex| {
            let item = self.items.get(*index as usize)?.as_ref()?;
            item.newest_predecessor
        };
        std::iter::successors(Some(root), newest_predecessor)
            .last()
            .unwrap_or(root)
    }

    fn show(&mut self, id: OpId, value: Json, place: impl FnOnce(&mut Sequence) -> ItemIndex) {
        let index = place(&mut self.sequence);
        debug_assert_eq!(index as usize, self.items.len());
        self.by_id.insert(id.clone(), index);
        if self.deleted_early.contains(&id) {
            self.sequence.set_visible(index, false);
        }
        self.items.push(Some(Item {
            id,
            value,
            newest_predecessor: None,
        }));
    }

    fn delete(&mut self, insertion: OpId) {
        if self.by_id.contains_key(&insertion) {
            self.set_visible(&insertion, false);
            self.lost.remove(&insertion);
        } else {
            self.deleted_early.insert(insertion);
        }
    }

    fn set_visible(&mut self, id: &OpId, is_visible: bool) {
        if let Some(index) = self.by_id.get(id) {
            self.sequence.set_visible(*index, is_visible);
        }
    }
}
