//! A value's past: its edits, and what it showed at a moment.
//!
//! Looking back reads a value's log once more and keeps what it read until the value changes; who does not look back
//! pays nothing for it.

use super::content::Content;
use super::part::Counts;
use super::{Node, Shown};
use crate::ids::CoId;
use crate::view::{Moment, ValidTransaction};

impl Node {
    /// What counts of a value's transactions, in the total order: all that its author was allowed to write and that this node
    /// can read, without those that lost to a first writer. `None` while the value or its group is not loaded, or when it was
    /// deleted.
    pub fn edits(&mut self, id: &CoId) -> Option<Vec<ValidTransaction>> {
        self.edits_of(id, true)
    }

    /// The same, of a branch without those of its source.
    pub(super) fn own_edits(&mut self, id: &CoId) -> Option<Vec<ValidTransaction>> {
        self.edits_of(id, false)
    }

    fn edits_of(&mut self, id: &CoId, with_source: bool) -> Option<Vec<ValidTransaction>> {
        self.alive(id)?;
        let (mut sources, contents) = self.sources(id)?;
        Some(contents.get_mut(id)?.edits(&mut sources, with_source))
    }

    /// What a value showed at a moment; `None` while it or its group is not loaded, or when it was deleted. Who was allowed
    /// to write, and who was the first writer, is judged by all that is known now.
    pub fn shown_at(&mut self, id: &CoId, moment: &Moment) -> Option<Shown> {
        self.alive(id)?;
        let (mut sources, contents) = self.sources(id)?;
        Some(contents.get_mut(id)?.at(moment, &mut sources))
    }

    /// Whether where a branch begins is known.
    pub(super) fn has_branch_point(&mut self, id: &CoId) -> bool {
        let part = self.content(id).and_then(Content::own_part);
        part.is_some_and(|part| part.branch_point.is_some())
    }

    /// How much of each session of a branch was merged into its source.
    pub(super) fn merged_of(&mut self, source: &CoId, branch: &CoId) -> Counts {
        let part = self.content(source).and_then(Content::own_part);
        let merged = part.and_then(|part| part.merges.get(branch.as_str()));
        merged.cloned().unwrap_or_default()
    }

    /// Its content, up to date, if it is loaded and was not deleted.
    fn alive(&mut self, id: &CoId) -> Option<&Content> {
        let content = self.content(id)?;
        (!matches!(content.shown(), Shown::Deleted)).then_some(content)
    }
}
