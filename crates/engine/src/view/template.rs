//! Templates: a piece of the tree that never changes, and the holes in it that do.
//!
//! The static part goes to JavaScript once, as a description; an instance clones it and fills the holes.

use std::sync::Arc;

use super::safety::UrlRule;
use crate::expression::{Dependencies, Expression};

/// What part of the context, and whether the row, can change something. Which bit stands for which key is known to
/// [`ContextKeys`]; keys may share one, which only means that one is evaluated in vain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reads {
    pub(super) context: u64,
    pub(super) row: bool,
}

impl Reads {
    pub(super) fn merge(&mut self, other: Self) {
        self.context |= other.context;
        self.row |= other.row;
    }

    /// Whether something changed that it reads.
    pub(super) fn is_affected(self, changed: Self) -> bool {
        self.context & changed.context != 0 || (self.row && changed.row)
    }
}

/// The bit of the context as a whole.
const WHOLE_CONTEXT: u64 = 1 << 63;

/// The context's keys that a view reads.
#[derive(Debug, Default)]
pub(super) struct ContextKeys {
    names: Vec<Arc<str>>,
}

impl ContextKeys {
    /// What an expression reads.
    pub(super) fn reads(&mut self, dependencies: &Dependencies) -> Reads {
        let context = match dependencies.context_keys() {
            None => WHOLE_CONTEXT,
            Some(keys) => keys.iter().fold(0, |bits, key| bits | self.bit(key)),
        };
        Reads {
            context,
            row: dependencies.reads_item(),
        }
    }

    /// The keys with their bits.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.names
            .iter()
            .enumerate()
            .map(|(index, name)| (&**name, bit_at(index)))
    }

    fn bit(&mut self, key: &Arc<str>) -> u64 {
        let known = self.names.iter().position(|name| name == key);
        let index = known.unwrap_or_else(|| {
            self.names.push(key.clone());
            self.names.len() - 1
        });
        bit_at(index)
    }
}

fn bit_at(index: usize) -> u64 {
    1 << (index % 63)
}

/// What changed between two contexts, for a view with these keys.
pub(super) fn changed_keys(
    keys: &ContextKeys,
    old: &cojson::json::Json,
    new: &cojson::json::Json,
) -> u64 {
    if old.is_same(new) {
        return 0;
    }
    let is_changed = |key: &str| match (old.get(key), new.get(key)) {
        (None, None) => false,
        (Some(old), Some(new)) => !old.is_same(new),
        _ => true,
    };
    keys.iter()
        .filter(|(key, _)| is_changed(key))
        .fold(WHOLE_CONTEXT, |bits, (_, bit)| bits | bit)
}

/// An expression and what it reads.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) expression: Expression,
    pub(super) reads: Reads,
}

/// A static tree with holes.
#[derive(Debug, Default)]
pub(super) struct Template {
    /// How many of its nodes have numbers; the first is its root.
    pub(super) node_count: u32,
    pub(super) holes: Vec<Hole>,
    /// Everything that its holes read, and those of the rows inside.
    pub(super) reads: Reads,
}

/// A place in a template whose content is evaluated.
#[derive(Debug)]
pub(super) struct Hole {
    /// Which of the template's numbered nodes.
    pub(super) node: u32,
    pub(super) kind: HoleKind,
    pub(super) reads: Reads,
}

/// What a hole is filled with.
#[derive(Debug)]
pub(super) enum HoleKind {
    /// The data of a text node.
    Text(Bound),
    /// An attribute; null takes it away.
    Attribute {
        name: u32,
        bound: Bound,
        url: Option<UrlRule>,
    },
    /// A boolean attribute and its property, by truthiness.
    Flag {
        name: u32,
        is_checked: bool,
        bound: Bound,
    },
    /// A boolean attribute that may also have a text: a boolean puts or takes it, a text is its value.
    Switch { name: u32, bound: Bound },
    /// What a field shows. With rows it is set again when they change, for a `select` shows only what it has.
    Value { bound: Bound, follows_rows: bool },
    /// The name of the child shown here.
    Slot(Bound),
    /// A template per item.
    Rows(Box<Rows>),
}

/// A `$each`.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) items: Bound,
    pub(super) key: Option<Bound>,
    /// The item's name for the rows inside.
    pub(super) name: Option<Arc<str>>,
    pub(super) template: usize,
    /// What the rows' template reads.
    pub(super) row_reads: Reads,
}

/// What an event of a node sends.
#[derive(Debug)]
pub(super) struct Handler {
    /// Which template its node is in.
    pub(super) template: usize,
    pub(super) event_type: Arc<str>,
    pub(super) payload: Option<Expression>,
}
