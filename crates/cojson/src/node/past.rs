//! A value's past: its edits, and what it showed at a moment.
//!
//! Looking back reads a value's log once more and keeps what it read until the value changes; who does not look back
//! pays nothing for it.

use super::{Node, Shown};
use crate::ids::CoId;
use crate::view::{Moment, ValidTransaction};

impl Node {
    /// What counts of a value's transactions, in the total order: all that its author was allowed to write and that this node
    /// can read, without those that lost to a first writer. `None` while the value or its group is not loaded.
    pub fn edits(&mut self, id: &CoId) -> Option<Vec<ValidTransaction>> {
        self.content(id)?;
        let (mut sources, contents) = self.sources(id)?;
        let content = contents.get_mut(id)?;
        Some(content.edits(&mut sources))
    }

    /// What a value showed at a moment; `None` while it or its group is not loaded. Who was allowed to write, and who was
    /// the first writer, is judged by all that is known now.
    pub fn shown_at(&mut self, id: &CoId, moment: &Moment) -> Option<Shown> {
        self.content(id)?;
        let (mut sources, contents) = self.sources(id)?;
        let content = contents.get_mut(id)?;
        Some(content.at(moment, &mut sources))
    }
}
