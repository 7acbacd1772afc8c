//! Writing texts: at places counted in graphemes, which the host splits text into.
//!
//! Where a grapheme ends is told by a table that a browser has already, so it is asked ([`crate::graphemes`] has one for
//! other hosts). Only a writer asks: what was written as one grapheme is one item for every reader.

use super::error::WriteError;
use super::writing::{Stamp, wrong_kind};
use super::{Change, Node, Shown};
use crate::ids::CoId;
use crate::json::Json;
use crate::view::{ListChange, ListView, Splice, splices};

/// The most items that one transaction inserts or removes: about 100 kB of changes, as the reference cuts them.
const ITEMS_PER_TRANSACTION_MAX: usize = 512;

impl Node {
    /// Inserts graphemes before the one at a place; at the text's length they come last. One transaction, or several if
    /// there are many.
    pub fn text_insert(
        &mut self,
        id: &CoId,
        index: usize,
        graphemes: &[&str],
        stamp: Stamp,
    ) -> Result<(), WriteError> {
        check_place(id, index, self.text_to_edit(id)?.len())?;
        let chunks = graphemes.chunks(ITEMS_PER_TRANSACTION_MAX);
        for (at, chunk) in (index..).step_by(ITEMS_PER_TRANSACTION_MAX).zip(chunks) {
            let changes = insertion(self.text_to_edit(id)?, at, chunk);
            self.transact_list(id, changes, stamp)?;
        }
        Ok(())
    }

    /// Removes so many graphemes from a place on.
    pub fn text_delete(
        &mut self,
        id: &CoId,
        index: usize,
        count: usize,
        stamp: Stamp,
    ) -> Result<(), WriteError> {
        let end = index.saturating_add(count);
        check_place(id, end, self.text_to_edit(id)?.len())?;
        let changes = self.text_to_edit(id)?.delete_at(index, count);
        for chunk in changes.chunks(ITEMS_PER_TRANSACTION_MAX) {
            self.transact_list(id, chunk.to_vec(), stamp)?;
        }
        Ok(())
    }

    /// Makes a text another one, of which all graphemes are given. What both have keeps its identity. One transaction, or
    /// several if much differs; none if nothing does.
    pub fn text_replace(
        &mut self,
        id: &CoId,
        graphemes: &[&str],
        stamp: Stamp,
    ) -> Result<(), WriteError> {
        let text = self.text_to_edit(id)?;
        let old: Vec<&str> = text
            .iter()
            .map(|item| item.as_str().unwrap_or_default())
            .collect();
        let found = splices(&old, graphemes);
        let items: usize = found
            .iter()
            .map(|one| one.removed.len() + one.inserted.len())
            .sum();
        if items == 0 {
            return Ok(());
        }
        if items <= ITEMS_PER_TRANSACTION_MAX {
            let changes = found
                .iter()
                .flat_map(|one| replacement(text, one, graphemes));
            let changes = changes.collect();
            return self.transact_list(id, changes, stamp);
        }
        // From the end, so that the places before are still the same.
        for Splice { removed, inserted } in found.into_iter().rev() {
            let new = graphemes.get(inserted).unwrap_or_default();
            self.text_insert(id, removed.end, new, stamp)?;
            self.text_delete(id, removed.start, removed.len(), stamp)?;
        }
        Ok(())
    }

    fn transact_list(
        &mut self,
        id: &CoId,
        changes: Vec<ListChange>,
        stamp: Stamp,
    ) -> Result<(), WriteError> {
        let changes: Vec<_> = changes.into_iter().map(Change::List).collect();
        self.transact(id, &changes, stamp).map(drop)
    }

    fn text_to_edit(&mut self, id: &CoId) -> Result<&ListView, WriteError> {
        self.writable(id, &[])?;
        let value_type = self.log(id).map(|log| log.header().value_type.clone());
        match (self.shown(id), value_type) {
            (Some(Shown::Text(text)), _) => Ok(text),
            (_, Some(value_type)) => Err(wrong_kind(id, &value_type, "coplaintext")),
            (_, None) => Err(WriteError::NotLoaded { id: id.clone() }),
        }
    }
}

fn check_place(id: &CoId, index: usize, len: usize) -> Result<(), WriteError> {
    if index <= len {
        return Ok(());
    }
    Err(WriteError::NoSuchItem {
        id: id.clone(),
        index,
        len,
    })
}

fn insertion(text: &ListView, index: usize, graphemes: &[&str]) -> Vec<ListChange> {
    text.insert(
        index,
        graphemes.iter().map(|grapheme| Json::from(*grapheme)),
    )
}

fn replacement(text: &ListView, splice: &Splice, graphemes: &[&str]) -> Vec<ListChange> {
    let new = graphemes.get(splice.inserted.clone()).unwrap_or_default();
    let mut changes = insertion(text, splice.removed.end, new);
    changes.extend(text.delete_at(splice.removed.start, splice.removed.len()));
    changes
}
