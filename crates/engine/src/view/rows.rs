//! The rows of a `$each`: which stay, which are new, which go, which move.
//!
//! Rows whose item is the very same, and whose context keys did not change, are passed by without being evaluated:
//! a change of one of 1,000 rows compares 1,000 pointers and fills one row.

use std::sync::Arc;

use cojson::json::Json;

use super::blocks::{BlockId, NewRow, Shown, ShownRows};
use super::keyed::{RowKey, match_rows, staying};
use super::patch::NodeId;
use super::render::{Inside, Renderer};
use super::template::Rows;
use crate::expression::{Local, Scope};
use crate::sameness::common_ends;

impl Renderer<'_> {
    /// Brings the rows in step with the items.
    pub(super) fn rows(
        &mut self,
        rows: &Rows,
        shown: &mut ShownRows,
        parent: NodeId,
        inside: Inside<'_>,
    ) {
        let changed = self.changes(inside);
        let items = if inside.is_new || rows.items.reads.is_affected(changed) {
            self.items(rows, inside)
        } else {
            shown.items.clone()
        };
        let keys_changed =
            !inside.is_new && (rows.key.as_ref()).is_some_and(|key| key.reads.is_affected(changed));
        let new = items.as_array().unwrap_or_default();
        let (start, end) = if keys_changed {
            (0, 0)
        } else {
            common_ends(shown.items(), new)
        };
        let old_end = shown.blocks.len().saturating_sub(end);
        let suffix = shown.blocks.split_off(old_end.max(start));
        let middle = shown.blocks.split_off(start);
        if rows.row_reads.is_affected(changed) {
            for row in shown.blocks.iter().chain(&suffix) {
                self.fill(*row, inside.scope, inside.row_changed, false);
            }
        }
        let new_middle = new.get(start..new.len() - end).unwrap_or_default();
        if !(middle.is_empty() && new_middle.is_empty()) {
            let before = suffix.first().map_or(0, |row| self.first_node(*row));
            let middle = self.middle(rows, &middle, new_middle, (parent, before), inside);
            shown.blocks.extend(middle);
        }
        shown.blocks.extend(suffix);
        shown.items = items;
    }

    /// The items; what is not an array has none.
    fn items(&mut self, rows: &Rows, inside: Inside<'_>) -> Json {
        match self.evaluate(&rows.items, &inside.scope) {
            Some(items @ Json::Array(_)) => items,
            _ => Json::Array(Arc::default()),
        }
    }

    /// The rows between those at the start and the end that are the same as before.
    fn middle(
        &mut self,
        rows: &Rows,
        old: &[BlockId],
        items: &[Json],
        (parent, before): (NodeId, NodeId),
        inside: Inside<'_>,
    ) -> Vec<BlockId> {
        let old_keys: Vec<RowKey> = old.iter().map(|row| self.key_of_row(*row)).collect();
        let keys: Vec<RowKey> = items
            .iter()
            .map(|item| self.key_of_item(rows, item, inside.scope))
            .collect();
        let matches = match_rows(&old_keys, &keys);
        self.remove_unmatched(old, &matches);
        let mut placed = Vec::with_capacity(items.len());
        for ((item, key), matched) in items.iter().zip(keys).zip(&matches) {
            let row = match matched.and_then(|index| old.get(index)) {
                Some(row) => {
                    self.keep_row(rows, *row, item, key, inside);
                    Some(*row)
                }
                None => self.new_row(rows, item, key, inside),
            };
            placed.extend(row);
        }
        self.place(&placed, &matches, parent, before);
        placed
    }

    fn remove_unmatched(&mut self, old: &[BlockId], matches: &[Option<usize>]) {
        let mut is_kept = vec![false; old.len()];
        for index in matches.iter().flatten() {
            if let Some(kept) = is_kept.get_mut(*index) {
                *kept = true;
            }
        }
        for (row, _) in old.iter().zip(is_kept).filter(|(_, is_kept)| !is_kept) {
            self.remove_row(*row, true);
        }
    }

    fn keep_row(
        &mut self,
        rows: &Rows,
        row: BlockId,
        item: &Json,
        key: RowKey,
        inside: Inside<'_>,
    ) {
        let Some(block) = self.blocks.get_mut(row) else {
            return;
        };
        block.key = key;
        let is_same = block.item.as_ref().is_some_and(|old| old.is_same(item));
        if !is_same {
            block.item = Some(item.clone());
        }
        if !is_same || rows.row_reads.is_affected(self.changes(inside)) {
            self.fill(row, inside.scope, !is_same || inside.row_changed, false);
        }
    }

    fn new_row(
        &mut self,
        rows: &Rows,
        item: &Json,
        key: RowKey,
        inside: Inside<'_>,
    ) -> Option<BlockId> {
        let row = NewRow {
            template: rows.template,
            parent: Some(inside.block),
            key,
            item: Some(item.clone()),
            name: rows.name.clone(),
        };
        self.create(row, inside.scope)
    }

    /// Puts new rows into the tree and moves those that do not stay, from the last to the first.
    fn place(
        &mut self,
        rows: &[BlockId],
        matches: &[Option<usize>],
        parent: NodeId,
        before: NodeId,
    ) {
        let stays = staying(matches);
        if !stays.contains(&true) {
            // Nothing to go by: in order, which browsers like best.
            for row in rows {
                self.patch.insert(parent, self.first_node(*row), before);
            }
            return;
        }
        let mut before = before;
        for (row, stays) in rows.iter().zip(stays).rev() {
            let node = self.first_node(*row);
            if !stays {
                self.patch.insert(parent, node, before);
            }
            before = node;
        }
    }

    /// Removes a row with all rows inside; only the outermost is taken out of the tree.
    fn remove_row(&mut self, row: BlockId, is_outermost: bool) {
        let Some(block) = self.blocks.remove(row) else {
            return;
        };
        let template = self.view.templates.get(block.template);
        let holes = template.map_or(&[][..], |template| &template.holes);
        for (hole, shown) in holes.iter().zip(&block.shown) {
            match shown {
                Shown::Rows(rows) => {
                    for row in &rows.blocks {
                        self.remove_row(*row, false);
                    }
                }
                Shown::Slot(Some(_)) => self.patch.show_slot(block.first + hole.node, None),
                _ => {}
            }
        }
        if is_outermost {
            self.patch.remove(block.first, block.node_count);
        } else {
            self.patch.free(block.first, block.node_count);
        }
    }

    fn first_node(&self, row: BlockId) -> NodeId {
        self.blocks.get(row).map_or(0, |block| block.first)
    }

    fn key_of_row(&self, row: BlockId) -> RowKey {
        let block = self.blocks.get(row);
        block.map_or(RowKey::Position, |block| block.key.clone())
    }

    /// By `key`, else by `id`, else by position.
    fn key_of_item(&mut self, rows: &Rows, item: &Json, scope: Scope<'_>) -> RowKey {
        let Some(key) = &rows.key else {
            return RowKey::of(item.get("id").cloned());
        };
        let scope = scope.with_item(item);
        let value = match &rows.name {
            None => self.evaluate(key, &scope),
            Some(name) => {
                let local = Local::inside(scope.locals, name, item);
                self.evaluate(key, &scope.with_local(&local))
            }
        };
        RowKey::of(value)
    }
}
