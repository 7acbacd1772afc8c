//! A batch of changes to the screen, packed for one call into JavaScript.
//!
//! Operations are one sequence of 32-bit numbers (an opcode and its arguments), texts one string, consumed in order,
//! each with its length in UTF-16 code units. [`Operation`] lists the opcodes; the interpreters (`patch.js` in the
//! browser, a small tree in the tests) know nothing else. Nodes and names are numbers; node 0 is the root of the surface.

use std::sync::Arc;

/// The number of a node of an instance. 0 is the surface itself.
pub type NodeId = u32;

/// The opcodes. The arguments follow in this order; a text's length is always the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Operation {
    /// template, first node: clone the template and number its referenced nodes from there.
    Clone = 1,
    /// node, length: the data of a text node.
    SetText = 2,
    /// node, name, length
    SetAttribute = 3,
    /// node, name
    RemoveAttribute = 4,
    /// node, name, 0 or 1: an attribute that is there or not, and the property of that name.
    SetFlag = 5,
    /// node, 0 or 1, length: what a field shows, set only if it shows something else; with 1 not while it has focus.
    SetValue = 6,
    /// parent, node, the sibling before which (0: at the end)
    Insert = 7,
    /// first node, count: take the first one out of the tree and forget them all.
    Remove = 8,
    /// first node, count: forget them; they are inside something removed.
    Free = 9,
}

/// Which child is to be shown in an element; the host mounts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotChange {
    /// The element that holds the child.
    pub node: NodeId,
    /// The child's name, without `@`; `None`: nothing is to be shown there any more.
    pub child: Option<Arc<str>>,
}

/// The changes of one batch.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    operations: Vec<u32>,
    text: String,
    slots: Vec<SlotChange>,
    count: usize,
}

impl Patch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// The packed operations.
    pub fn operations(&self) -> &[u32] {
        &self.operations
    }

    /// The texts of the operations, one after the other.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The changes of slots, to be carried out after the operations. One of a freed node names no child.
    pub fn slots(&self) -> &[SlotChange] {
        &self.slots
    }

    /// How many operations there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty() && self.slots.is_empty()
    }

    /// Empties it, keeping its memory for the next batch.
    pub fn clear(&mut self) {
        self.operations.clear();
        self.text.clear();
        self.slots.clear();
        self.count = 0;
    }

    pub(super) fn clone_template(&mut self, template: u32, first: NodeId) {
        self.push(Operation::Clone, &[template, first]);
    }

    pub(super) fn set_text(&mut self, node: NodeId, text: &str) {
        self.push_text(Operation::SetText, &[node], text);
    }

    pub(super) fn set_attribute(&mut self, node: NodeId, name: u32, value: &str) {
        self.push_text(Operation::SetAttribute, &[node, name], value);
    }

    pub(super) fn remove_attribute(&mut self, node: NodeId, name: u32) {
        self.push(Operation::RemoveAttribute, &[node, name]);
    }

    pub(super) fn set_flag(&mut self, node: NodeId, name: u32, is_set: bool) {
        self.push(Operation::SetFlag, &[node, name, is_set.into()]);
    }

    pub(super) fn set_value(&mut self, node: NodeId, unless_focused: bool, value: &str) {
        self.push_text(Operation::SetValue, &[node, unless_focused.into()], value);
    }

    pub(super) fn insert(&mut self, parent: NodeId, node: NodeId, before: NodeId) {
        self.push(Operation::Insert, &[parent, node, before]);
    }

    pub(super) fn remove(&mut self, first: NodeId, count: u32) {
        self.push(Operation::Remove, &[first, count]);
    }

    pub(super) fn free(&mut self, first: NodeId, count: u32) {
        self.push(Operation::Free, &[first, count]);
    }

    pub(super) fn show_slot(&mut self, node: NodeId, child: Option<Arc<str>>) {
        self.slots.push(SlotChange { node, child });
    }

    fn push(&mut self, operation: Operation, arguments: &[u32]) {
        self.operations.push(operation as u32);
        self.operations.extend_from_slice(arguments);
        self.count += 1;
    }

    fn push_text(&mut self, operation: Operation, arguments: &[u32], text: &str) {
        self.push(operation, arguments);
        let units = if text.is_ascii() {
            text.len()
        } else {
            text.encode_utf16().count()
        };
        // A text of 4 GiB does not fit into the memory of a browser's module.
        self.operations
            .push(u32::try_from(units).unwrap_or(u32::MAX));
        self.text.push_str(text);
    }
}
