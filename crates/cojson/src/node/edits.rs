//! Writing in the words of each kind of value: keys of a map, places of a list, items of a stream.
//!
//! Each call is one transaction.

use std::sync::Arc;

use super::error::WriteError;
use super::writing::{Stamp, wrong_kind};
use super::{Change, Node};
use crate::ids::CoId;
use crate::json::Json;
use crate::view::{ListChange, ListView, MapChange, TransactionId};

impl Node {
    /// Writes keys of a map.
    pub fn map_set(
        &mut self,
        id: &CoId,
        entries: &[(Arc<str>, Json)],
        stamp: Stamp,
    ) -> Result<TransactionId, WriteError> {
        let changes = entries.iter().map(|(key, value)| set(key, value));
        self.transact(id, &changes.collect::<Vec<_>>(), stamp)
    }

    /// Writes keys of a map in a transaction of which only the first of its name counts ([`Node::transact_first`]).
    pub fn map_set_first(
        &mut self,
        id: &CoId,
        first_writer_key: &str,
        entries: &[(Arc<str>, Json)],
        stamp: Stamp,
    ) -> Result<TransactionId, WriteError> {
        let changes = entries.iter().map(|(key, value)| set(key, value));
        self.transact_first(id, first_writer_key, &changes.collect::<Vec<_>>(), stamp)
    }

    /// Writes keys of a map, or removes them where there is no value.
    pub fn map_write(
        &mut self,
        id: &CoId,
        entries: &[(Arc<str>, Option<Json>)],
        stamp: Stamp,
    ) -> Result<TransactionId, WriteError> {
        let changes = entries.iter().map(|(key, value)| match value {
            Some(value) => set(key, value),
            None => MapChange::Delete {
                key: Arc::clone(key),
            }
            .into(),
        });
        self.transact(id, &changes.collect::<Vec<_>>(), stamp)
    }

    /// Removes a key of a map.
    pub fn map_delete(
        &mut self,
        id: &CoId,
        key: &str,
        stamp: Stamp,
    ) -> Result<TransactionId, WriteError> {
        self.transact(id, &[MapChange::delete(key).into()], stamp)
    }

    /// Puts values at the end of a list.
    pub fn list_append(
        &mut self,
        id: &CoId,
        values: &[Json],
        stamp: Stamp,
    ) -> Result<TransactionId, WriteError> {
        self.edit_list(id, stamp, |list| list.append(values.iter().cloned()))
    }

    /// Puts values at the beginning of a list.
    pub fn list_prepend(
        &mut self,
        id: &CoId,
        values: &[Json],
        stamp: Stamp,
    ) -> Result<TransactionId, WriteError> {
        self.edit_list(id, stamp, |list| list.insert(0, values.iter().cloned()))
    }

    /// Puts values before the item at a place; at the list's length they come last.
    pub fn list_insert(
        &mut self,
        id: &CoId,
        index: usize,
        values: &[Json],
        stamp: Stamp,
    ) -> Result<TransactionId, WriteError> {
        self.check_place(id, index.checked_sub(1))?;
        self.edit_list(id, stamp, |list| list.insert(index, values.iter().cloned()))
    }

    /// Puts another value in the place of an item.
    pub fn list_replace(
        &mut self,
        id: &CoId,
        index: usize,
        value: Json,
        stamp: Stamp,
    ) -> Result<TransactionId, WriteError> {
        self.check_place(id, Some(index))?;
        self.edit_list(id, stamp, |list| list.replace_at(index, value))
    }

    /// Removes an item of a list.
    pub fn list_delete(
        &mut self,
        id: &CoId,
        index: usize,
        stamp: Stamp,
    ) -> Result<TransactionId, WriteError> {
        self.check_place(id, Some(index))?;
        self.edit_list(id, stamp, |list| list.delete_at(index, 1))
    }

    /// Adds an item to a stream.
    pub fn stream_push(
        &mut self,
        id: &CoId,
        item: Json,
        stamp: Stamp,
    ) -> Result<TransactionId, WriteError> {
        self.transact(id, &[Change::Item(item)], stamp)
    }

    fn edit_list(
        &mut self,
        id: &CoId,
        stamp: Stamp,
        edit: impl FnOnce(&ListView) -> Vec<ListChange>,
    ) -> Result<TransactionId, WriteError> {
        let changes = edit(self.list_to_edit(id)?);
        let changes: Vec<_> = changes.into_iter().map(Change::List).collect();
        self.transact(id, &changes, stamp)
    }

    fn check_place(&mut self, id: &CoId, index: Option<usize>) -> Result<(), WriteError> {
        let len = self.list_to_edit(id)?.len();
        match index.filter(|index| *index >= len) {
            None => Ok(()),
            Some(index) => Err(WriteError::NoSuchItem {
                id: id.clone(),
                index,
                len,
            }),
        }
    }

    fn list_to_edit(&mut self, id: &CoId) -> Result<&ListView, WriteError> {
        self.writable(id, &[])?;
        let value_type = self.log(id).map(|log| log.header().value_type.clone());
        self.list(id).ok_or_else(|| match value_type {
            Some(value_type) => wrong_kind(id, &value_type, "colist"),
            None => WriteError::NotLoaded { id: id.clone() },
        })
    }
}

/// The change that writes a key; key and value are shared with whoever has them.
fn set(key: &Arc<str>, value: &Json) -> Change {
    let (key, value) = (Arc::clone(key), Some(value.clone()));
    MapChange::Set { key, value }.into()
}
