//! The instances of templates that are on the screen: the root's and one for each row, and whose node is whose.

use std::collections::VecDeque;
use std::sync::Arc;

use cojson::collections::SortedMap;
use cojson::json::Json;

use super::keyed::RowKey;
use super::patch::NodeId;
use super::template::{HoleKind, Template};

/// The number of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockId(usize);

/// The owner of a node that nobody has.
const NOBODY: BlockId = BlockId(usize::MAX);

/// A template on the screen.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) template: usize,
    /// The number of its root; its other nodes follow.
    pub(super) first: NodeId,
    pub(super) node_count: u32,
    /// The block that it is a row in.
    pub(super) parent: Option<BlockId>,
    pub(super) key: RowKey,
    /// The row's item, and its name for the rows inside.
    pub(super) item: Option<Json>,
    pub(super) name: Option<Arc<str>>,
    /// What each hole of the template shows.
    pub(super) shown: Vec<Shown>,
}

/// What a hole shows.
#[derive(Debug)]
pub(super) enum Shown {
    /// A text, an attribute or a flag; at first null, which is what the template has.
    Value(Json),
    /// A field.
    Field(Field),
    /// A child by its name.
    Slot(Option<Arc<str>>),
    /// Rows, one per item.
    Rows(ShownRows),
}

/// A field: the value that the context gave last, and the values that its events have sent since.
#[derive(Debug, Default)]
pub(super) struct Field {
    pub(super) value: Option<Json>,
    pub(super) sent: VecDeque<Arc<str>>,
}

/// The rows of a `$each`.
#[derive(Debug, Default)]
pub(super) struct ShownRows {
    pub(super) items: Json,
    pub(super) blocks: Vec<BlockId>,
}

impl ShownRows {
    pub(super) fn items(&self) -> &[Json] {
        self.items.as_array().unwrap_or_default()
    }
}

impl Shown {
    /// What a hole shows in a new clone.
    pub(super) fn nothing(kind: &HoleKind) -> Self {
        match kind {
            HoleKind::Value { .. } => Self::Field(Field::default()),
            HoleKind::Slot(_) => Self::Slot(None),
            HoleKind::Rows(_) => Self::Rows(ShownRows::default()),
            _ => Self::Value(Json::Null),
        }
    }
}

/// What a new block is for.
pub(super) struct NewRow {
    pub(super) template: usize,
    pub(super) parent: Option<BlockId>,
    pub(super) key: RowKey,
    pub(super) item: Option<Json>,
    pub(super) name: Option<Arc<str>>,
}

/// All blocks of an instance.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    list: Vec<Option<Block>>,
    free: Vec<BlockId>,
    /// By node.
    owners: Vec<BlockId>,
    /// First nodes of runs that are free, by length.
    free_nodes: SortedMap<u32, Vec<NodeId>>,
}

impl Blocks {
    /// A new block of that template.
    pub(super) fn add(&mut self, row: NewRow, template: &Template) -> BlockId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.list.push(None);
            BlockId(self.list.len() - 1)
        });
        let first = self.take_nodes(template.node_count, id);
        let shown = template.holes.iter().map(|hole| Shown::nothing(&hole.kind));
        let block = Block {
            template: row.template,
            first,
            node_count: template.node_count,
            parent: row.parent,
            key: row.key,
            item: row.item,
            name: row.name,
            shown: shown.collect(),
        };
        self.put(id, block);
        id
    }

    /// Takes a block out for a while, to change it; [`put`](Self::put) it back.
    pub(super) fn take(&mut self, id: BlockId) -> Option<Block> {
        self.list.get_mut(id.0)?.take()
    }

    /// Puts a block back.
    pub(super) fn put(&mut self, id: BlockId, block: Block) {
        if let Some(slot) = self.list.get_mut(id.0) {
            *slot = Some(block);
        }
    }

    pub(super) fn get(&self, id: BlockId) -> Option<&Block> {
        self.list.get(id.0)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: BlockId) -> Option<&mut Block> {
        self.list.get_mut(id.0)?.as_mut()
    }

    /// Removes a block; its nodes' numbers will be given away again.
    pub(super) fn remove(&mut self, id: BlockId) -> Option<Block> {
        let block = self.take(id)?;
        self.free.push(id);
        self.set_owner(block.first, block.node_count, NOBODY);
        let free = self.free_nodes.get_or_default(block.node_count);
        free.push(block.first);
        Some(block)
    }

    /// The block that has this node.
    pub(super) fn owner(&self, node: NodeId) -> Option<BlockId> {
        let owner = *self.owners.get(node as usize)?;
        (owner != NOBODY).then_some(owner)
    }

    /// How many blocks there are.
    pub(super) fn count(&self) -> usize {
        self.list.len() - self.free.len()
    }

    fn take_nodes(&mut self, count: u32, owner: BlockId) -> NodeId {
        let free = self.free_nodes.get_mut(&count).and_then(Vec::pop);
        let first = free.unwrap_or_else(|| {
            // Node 0 is the surface.
            let first = self.owners.len().max(1);
            self.owners.resize(first + count as usize, NOBODY);
            NodeId::try_from(first).unwrap_or(NodeId::MAX)
        });
        self.set_owner(first, count, owner);
        first
    }

    fn set_owner(&mut self, first: NodeId, count: u32, owner: BlockId) {
        let first = first as usize;
        if let Some(owners) = self.owners.get_mut(first..first + count as usize) {
            owners.fill(owner);
        }
    }
}
