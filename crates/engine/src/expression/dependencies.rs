//! What an expression reads, found when it is compiled, so that a change elsewhere need not evaluate it.

use std::sync::Arc;

use super::node::{Each, Member, Name, Node, Switch, Test};
use super::path::{Path, Root};
use cojson::collections::SortedSet;

/// The parts of a scope that an expression reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each part of a scope, set independently"
)]
pub struct Dependencies {
    context_keys: SortedSet<Arc<str>>,
    whole_context: bool,
    item: bool,
    result: bool,
    existing: bool,
    markers: bool,
}

impl Dependencies {
    pub(super) fn of(node: &Node) -> Self {
        let mut dependencies = Self::default();
        dependencies.visit(node);
        dependencies
    }

    /// The keys of the context that it reads; `None` when it reads the context as a whole.
    pub fn context_keys(&self) -> Option<&SortedSet<Arc<str>>> {
        (!self.whole_context).then_some(&self.context_keys)
    }

    /// Whether it reads anything of the context.
    pub fn reads_context(&self) -> bool {
        self.whole_context || !self.context_keys.is_empty()
    }

    /// Whether it reads the item or a local (`$$…`).
    pub fn reads_item(&self) -> bool {
        self.item
    }

    /// Whether it reads the last tool's result (`$$result…`), which may be the item's.
    pub fn reads_result(&self) -> bool {
        self.result
    }

    /// Whether it reads the value that an update changes (`$existing…`), which may be the context's.
    pub fn reads_existing(&self) -> bool {
        self.existing
    }

    /// Whether it reads a marker (`@inputValue`, …).
    pub fn reads_markers(&self) -> bool {
        self.markers
    }

    /// Adds what another expression reads: the dependencies of a whole that has both.
    pub fn merge(&mut self, other: &Self) {
        self.context_keys.extend(other.context_keys.iter().cloned());
        self.whole_context |= other.whole_context;
        self.item |= other.item;
        self.result |= other.result;
        self.existing |= other.existing;
        self.markers |= other.markers;
    }

    fn visit(&mut self, node: &Node) {
        match node {
            Node::Undefined | Node::Literal(_) | Node::Now | Node::EventType => {}
            Node::Marker(_) => self.markers = true,
            Node::Path(path) => self.visit_path(path),
            Node::Object(members) | Node::Record(members) => {
                members.iter().for_each(|m| self.visit_member(m));
            }
            Node::Test(test) => self.visit_test(test),
            Node::Trim(part) | Node::Length(part) => self.visit(part),
            Node::Array(parts) | Node::Concat(parts) => self.visit_all(parts),
            Node::Join(parts) | Node::Member(parts) => self.visit_all(&**parts),
            Node::If(parts) => self.visit_all(&**parts),
            Node::Typed(it) => self.visit_all(&*it.sides),
            Node::Map(each) | Node::Find(each) | Node::Filter(each) => self.visit_each(each),
            Node::Switch(switch) => self.visit_switch(switch),
        }
    }

    fn visit_test(&mut self, test: &Test) {
        match test {
            Test::Not(part) => self.visit(part),
            Test::And(parts) | Test::Or(parts) => self.visit_all(parts),
            Test::Eq(parts) | Test::Ne(parts) | Test::Gt(parts) | Test::Gte(parts) => {
                self.visit_all(&**parts);
            }
        }
    }

    fn visit_all(&mut self, nodes: &[Node]) {
        for node in nodes {
            self.visit(node);
        }
    }

    fn visit_member(&mut self, member: &Member) {
        if let Name::Evaluated { name, .. } = &member.name {
            self.visit(name);
        }
        self.visit(&member.value);
    }

    fn visit_switch(&mut self, switch: &Switch) {
        self.visit(&switch.on);
        switch.cases.iter().for_each(|(_, node)| self.visit(node));
        self.visit(&switch.otherwise);
    }

    fn visit_each(&mut self, each: &Each) {
        let parts = [
            Some(&each.array),
            each.condition.as_ref(),
            each.template.as_ref(),
        ];
        parts
            .into_iter()
            .flatten()
            .for_each(|part| self.visit(part));
    }

    fn visit_path(&mut self, path: &Path) {
        match path.root() {
            Root::Item => self.item = true,
            Root::Result => {
                self.result = true;
                self.item = true;
            }
            Root::Existing => {
                self.existing = true;
                self.visit_context_key(path);
            }
            Root::Context => self.visit_context_key(path),
        }
    }

    fn visit_context_key(&mut self, path: &Path) {
        match path.first_name() {
            Some(name) => drop(self.context_keys.insert(name.clone())),
            None => self.whole_context = true,
        }
    }
}
