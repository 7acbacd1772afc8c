//! Filling holes: evaluates those that can have changed, and writes what differs from what is shown.

use std::sync::Arc;

use cojson::json::Json;

use super::CompiledView;
use super::blocks::{BlockId, Blocks, Field, NewRow, Shown};
use super::instance::{Problems, ViewProblem};
use super::patch::{NodeId, Patch};
use super::safety::{UrlRule, is_safe_url};
use super::show::{shown_text, visible};
use super::template::{Bound, Hole, HoleKind, Reads};
use crate::expression::{Local, Scope};

/// How much of an address a problem quotes, in characters.
const URL_CHARACTERS_MAX: usize = 80;

/// One pass over an instance.
pub(super) struct Renderer<'a> {
    pub(super) view: &'a CompiledView,
    pub(super) blocks: &'a mut Blocks,
    /// Which keys of the context changed, see [`Reads`].
    pub(super) changed: u64,
    pub(super) patch: &'a mut Patch,
    pub(super) problems: &'a mut Problems,
}

/// Where a hole is evaluated.
#[derive(Clone, Copy)]
pub(super) struct Inside<'a> {
    pub(super) block: BlockId,
    pub(super) scope: Scope<'a>,
    /// Whether the row, or one around it, has another item than before.
    pub(super) row_changed: bool,
    pub(super) is_new: bool,
}

impl Renderer<'_> {
    /// Clones a template and fills it; it is not in the tree yet.
    pub(super) fn create(&mut self, row: NewRow, scope: Scope<'_>) -> Option<BlockId> {
        let number = row.template;
        let template = self.view.templates.get(number)?;
        let id = self.blocks.add(row, template);
        let first = self.blocks.get(id)?.first;
        self.patch
            .clone_template(u32::try_from(number).unwrap_or(u32::MAX), first);
        self.fill(id, scope, true, true);
        Some(id)
    }

    /// Puts the root of everything on the surface.
    pub(super) fn place_root(&mut self, root: Option<BlockId>) {
        if let Some(block) = root.and_then(|root| self.blocks.get(root)) {
            self.patch.insert(0, block.first, 0);
        }
    }

    /// Fills the holes of a block that can have changed. The scope is that around the block.
    pub(super) fn fill(&mut self, id: BlockId, around: Scope<'_>, row_changed: bool, is_new: bool) {
        let Some(mut block) = self.blocks.take(id) else {
            return;
        };
        let (name, item) = (block.name.clone(), block.item.clone());
        let mut scope = around;
        let local;
        if let Some(item) = &item {
            scope = scope.with_item(item);
            if let Some(name) = &name {
                local = Local::inside(around.locals, name, item);
                scope = scope.with_local(&local);
            }
        }
        let inside = Inside {
            block: id,
            scope,
            row_changed,
            is_new,
        };
        let view = self.view;
        if let Some(template) = view.templates.get(block.template) {
            self.holes(&template.holes, block.first, &mut block.shown, inside);
        }
        self.blocks.put(id, block);
    }

    fn holes(&mut self, holes: &[Hole], first: NodeId, shown: &mut [Shown], inside: Inside<'_>) {
        let changed = self.changes(inside);
        let mut rows_changed = false;
        for (hole, shown) in holes.iter().zip(shown) {
            let is_affected = inside.is_new || hole.reads.is_affected(changed);
            let count = self.patch.count();
            match (&hole.kind, shown) {
                (
                    HoleKind::Value {
                        bound,
                        follows_rows,
                    },
                    Shown::Field(field),
                ) => {
                    let is_forced = *follows_rows && (inside.is_new || rows_changed);
                    if is_affected || is_forced {
                        self.field(first + hole.node, bound, field, inside, is_forced);
                    }
                }
                (HoleKind::Rows(rows), Shown::Rows(shown)) if is_affected => {
                    self.rows(rows, shown, first + hole.node, inside);
                    rows_changed |= self.patch.count() != count;
                }
                (kind, shown) if is_affected => self.hole(kind, shown, first + hole.node, inside),
                _ => {}
            }
        }
    }

    pub(super) fn changes(&self, inside: Inside<'_>) -> Reads {
        Reads {
            context: self.changed,
            row: inside.row_changed,
        }
    }

    fn hole(&mut self, kind: &HoleKind, shown: &mut Shown, node: NodeId, inside: Inside<'_>) {
        match (kind, shown) {
            (HoleKind::Slot(bound), Shown::Slot(shown)) => self.slot(node, bound, shown, inside),
            (HoleKind::Text(bound), Shown::Value(shown)) => {
                let value = self.visible(bound, inside);
                if replace(shown, value) {
                    self.patch.set_text(node, &shown_text(shown));
                }
            }
            (HoleKind::Attribute { name, bound, url }, Shown::Value(shown)) => {
                let value = self.visible(bound, inside);
                if replace(shown, value) {
                    self.attribute(node, *name, shown, *url);
                }
            }
            (HoleKind::Flag { name, bound, .. }, Shown::Value(shown)) => {
                let is_set = self.visible(bound, inside).is_truthy();
                let was_set = shown.is_truthy();
                *shown = Json::Bool(is_set);
                if is_set != was_set {
                    self.patch.set_flag(node, *name, is_set);
                }
            }
            (HoleKind::Switch { name, bound }, Shown::Value(shown)) => {
                let value = match self.visible(bound, inside) {
                    Json::Bool(false) => Json::Null,
                    other => other,
                };
                if replace(shown, value) {
                    match shown {
                        Json::Bool(true) => self.patch.set_flag(node, *name, true),
                        other => self.attribute(node, *name, other, None),
                    }
                }
            }
            _ => {}
        }
    }

    fn attribute(&mut self, node: NodeId, name: u32, value: &Json, url: Option<UrlRule>) {
        if value.is_null() {
            self.patch.remove_attribute(node, name);
            return;
        }
        let text = shown_text(value);
        match url {
            Some(rule) if !is_safe_url(&text, rule) => {
                let url = text.chars().take(URL_CHARACTERS_MAX).collect();
                self.problems.add(ViewProblem::UnsafeUrl { url });
                self.patch.set_attribute(node, name, "");
            }
            _ => self.patch.set_attribute(node, name, &text),
        }
    }

    /// A field is set when the context's value for it changes, see the head of [`crate::view`].
    fn field(
        &mut self,
        node: NodeId,
        bound: &Bound,
        field: &mut Field,
        inside: Inside<'_>,
        is_forced: bool,
    ) {
        let value = self.visible(bound, inside);
        let text = shown_text(&value);
        // A new field is empty, except a `select`, which is forced.
        let is_shown = match &field.value {
            None => text.is_empty(),
            Some(shown) => *shown == value,
        };
        field.value = Some(value);
        if is_shown && !is_forced {
            return;
        }
        if is_shown {
            self.patch.set_value(node, false, &text);
            return;
        }
        let echo = field.sent.iter().rposition(|sent| *sent == text);
        match echo {
            Some(index) => drop(field.sent.drain(..=index)),
            None => field.sent.clear(),
        }
        self.patch.set_value(node, echo.is_some(), &text);
    }

    fn slot(
        &mut self,
        node: NodeId,
        bound: &Bound,
        shown: &mut Option<Arc<str>>,
        inside: Inside<'_>,
    ) {
        let value = self.visible(bound, inside);
        let child = value.as_str().and_then(|text| text.strip_prefix('@'));
        if child != shown.as_deref() {
            *shown = child.map(Arc::from);
            self.patch.show_slot(node, shown.clone());
        }
    }

    fn visible(&mut self, bound: &Bound, inside: Inside<'_>) -> Json {
        visible(self.evaluate(bound, &inside.scope))
    }

    /// The value; an expression that fails has none, which is told.
    pub(super) fn evaluate(&mut self, bound: &Bound, scope: &Scope<'_>) -> Option<Json> {
        match bound.expression.evaluate(scope) {
            Ok(value) => value,
            Err(error) => {
                self.problems.add(error.into());
                None
            }
        }
    }
}

/// Puts a value in the place of another; says whether it is another one.
fn replace(shown: &mut Json, value: Json) -> bool {
    if *shown == value {
        return false;
    }
    *shown = value;
    true
}
