//! A little tree that carries out patches, strictly: whatever a browser would forgive is a failure here.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cojson::json::Json;
use engine::view::{CompiledView, NodeId, Operation, Patch, ViewInstance};

/// A node's identity, never used twice.
pub type Handle = usize;

#[derive(Debug, Default)]
pub struct Node {
    pub tag: String,
    /// A text node's data.
    pub data: Option<String>,
    pub attributes: BTreeMap<String, String>,
    pub value: Option<String>,
    pub children: Vec<Handle>,
    pub parent: Option<Handle>,
}

pub struct Screen {
    names: Vec<String>,
    templates: Vec<Json>,
    pub nodes: Vec<Node>,
    /// What number stands for which node.
    numbers: HashMap<NodeId, Handle>,
    pub focus: Option<Handle>,
    pub slots: BTreeMap<NodeId, String>,
}

impl Screen {
    pub fn new(view: &CompiledView) -> Self {
        let description = Json::parse(view.description()).unwrap();
        let list = |name: &str| description.get(name).unwrap().as_array().unwrap().to_vec();
        let names = list("names");
        Self {
            names: names
                .iter()
                .map(|name| name.as_str().unwrap().to_owned())
                .collect(),
            templates: list("templates"),
            nodes: vec![Node::default()],
            numbers: HashMap::from([(0, 0)]),
            focus: None,
            slots: BTreeMap::new(),
        }
    }

    pub fn apply(&mut self, patch: &Patch) {
        let mut reader = Reader {
            operations: patch.operations().iter(),
            units: patch.text().encode_utf16().collect(),
            at: 0,
        };
        while let Some(operation) = reader.operations.next() {
            self.operation(*operation, &mut reader);
        }
        assert_eq!(reader.at, reader.units.len(), "a text that nobody reads");
        for change in patch.slots() {
            match &change.child {
                Some(child) => {
                    assert!(self.numbers.contains_key(&change.node));
                    self.slots.insert(change.node, child.to_string());
                }
                None => drop(self.slots.remove(&change.node)),
            }
        }
    }

    fn operation(&mut self, operation: u32, reader: &mut Reader<'_>) {
        const CLONE: u32 = Operation::Clone as u32;
        const SET_TEXT: u32 = Operation::SetText as u32;
        const SET_ATTRIBUTE: u32 = Operation::SetAttribute as u32;
        const REMOVE_ATTRIBUTE: u32 = Operation::RemoveAttribute as u32;
        const SET_FLAG: u32 = Operation::SetFlag as u32;
        const SET_VALUE: u32 = Operation::SetValue as u32;
        const INSERT: u32 = Operation::Insert as u32;
        const REMOVE: u32 = Operation::Remove as u32;
        const FREE: u32 = Operation::Free as u32;
        match operation {
            CLONE => {
                let template = self.templates[reader.number() as usize].clone();
                let first = reader.number();
                self.build(&template, first);
            }
            SET_TEXT => {
                let node = self.handle(reader.number());
                assert!(self.nodes[node].data.is_some(), "not a text node");
                self.nodes[node].data = Some(reader.text());
            }
            SET_ATTRIBUTE => {
                let (node, name) = (self.handle(reader.number()), reader.number());
                let name = self.names[name as usize].clone();
                self.nodes[node].attributes.insert(name, reader.text());
            }
            REMOVE_ATTRIBUTE => {
                let (node, name) = (self.handle(reader.number()), reader.number());
                let name = &self.names[name as usize];
                assert!(
                    self.nodes[node].attributes.remove(name).is_some(),
                    "no {name}"
                );
            }
            SET_FLAG => {
                let (node, name) = (self.handle(reader.number()), reader.number());
                let name = self.names[name as usize].clone();
                let attributes = &mut self.nodes[node].attributes;
                match reader.number() {
                    0 => drop(attributes.remove(&name)),
                    _ => drop(attributes.insert(name, String::new())),
                }
            }
            SET_VALUE => {
                let (node, unless_focused) = (self.handle(reader.number()), reader.number());
                let value = reader.text();
                if unless_focused == 0 || self.focus != Some(node) {
                    self.nodes[node].value = Some(value);
                }
            }
            INSERT => {
                let (parent, node) = (self.handle(reader.number()), self.handle(reader.number()));
                let before = reader.number();
                self.insert(parent, node, before);
            }
            REMOVE | FREE => {
                let first = reader.number();
                if operation == REMOVE {
                    self.detach(self.handle(first));
                }
                for number in first..first + reader.number() {
                    assert!(self.numbers.remove(&number).is_some(), "no node {number}");
                }
            }
            unknown => panic!("operation {unknown}"),
        }
    }

    pub fn handle(&self, number: NodeId) -> Handle {
        *self
            .numbers
            .get(&number)
            .unwrap_or_else(|| panic!("no node {number}"))
    }

    pub fn number(&self, handle: Handle) -> NodeId {
        let found = self.numbers.iter().find(|(_, known)| **known == handle);
        *found.unwrap().0
    }

    fn insert(&mut self, parent: Handle, node: Handle, before: NodeId) {
        if self.nodes[node].parent.is_some() {
            self.detach(node);
        }
        let siblings = &self.nodes[parent].children;
        let at = match before {
            0 => siblings.len(),
            before => {
                let before = self.handle(before);
                siblings
                    .iter()
                    .position(|sibling| *sibling == before)
                    .unwrap()
            }
        };
        self.nodes[parent].children.insert(at, node);
        self.nodes[node].parent = Some(parent);
    }

    fn detach(&mut self, node: Handle) {
        let parent = self.nodes[node].parent.take().expect("it is in the tree");
        self.nodes[parent].children.retain(|child| *child != node);
    }

    fn build(&mut self, description: &Json, first: NodeId) -> Handle {
        let handle = self.nodes.len();
        self.nodes.push(Node::default());
        if let Some(text) = description.as_str() {
            self.nodes[handle].data = Some(text.to_owned());
            return handle;
        }
        if let Some(number) = description.get("i").and_then(Json::as_number) {
            let number = first + number as u32;
            assert!(
                self.numbers.insert(number, handle).is_none(),
                "node {number} is taken"
            );
        }
        let Some(tag) = description.get("t") else {
            self.nodes[handle].data = Some(String::new());
            return handle;
        };
        self.nodes[handle].tag = tag.as_str().unwrap().into();
        let list = |name: &str| {
            description
                .get(name)
                .and_then(Json::as_array)
                .unwrap_or_default()
        };
        for attribute in list("a") {
            let part = |index: usize| attribute.as_array().unwrap()[index].as_str().unwrap();
            let (name, value) = (part(0).to_owned(), part(1).to_owned());
            self.nodes[handle].attributes.insert(name, value);
        }
        for flag in list("f") {
            let flag = flag.as_str().unwrap().to_owned();
            self.nodes[handle].attributes.insert(flag, String::new());
        }
        for child in list("c") {
            let child = self.build(child, first);
            self.nodes[handle].children.push(child);
            self.nodes[child].parent = Some(handle);
        }
        handle
    }

    /// The tree as text, much like HTML.
    pub fn html(&self) -> String {
        let root = &self.nodes[0];
        root.children
            .iter()
            .map(|child| self.node_html(*child))
            .collect()
    }

    fn node_html(&self, handle: Handle) -> String {
        let node = &self.nodes[handle];
        if let Some(data) = &node.data {
            return data.clone();
        }
        let mut html = format!("<{}", node.tag);
        for (name, value) in &node.attributes {
            html.push_str(&format!(" {name}"));
            if !value.is_empty() {
                html.push_str(&format!("={value:?}"));
            }
        }
        if let Some(value) = node.value.as_ref().filter(|value| !value.is_empty()) {
            html.push_str(&format!(" .value={value:?}"));
        }
        let slot = self
            .slots
            .iter()
            .find(|(number, _)| self.handle(**number) == handle);
        if let Some((_, slot)) = slot {
            html.push_str(&format!(" @{slot}"));
        }
        html.push('>');
        for child in &node.children {
            html.push_str(&self.node_html(*child));
        }
        html + &format!("</{}>", node.tag)
    }

    /// The elements with that tag, in the tree's order.
    pub fn all(&self, tag: &str) -> Vec<Handle> {
        let mut found = Vec::new();
        self.collect(0, tag, &mut found);
        found
    }

    fn collect(&self, handle: Handle, tag: &str, found: &mut Vec<Handle>) {
        if self.nodes[handle].tag == tag {
            found.push(handle);
        }
        for child in &self.nodes[handle].children {
            self.collect(*child, tag, found);
        }
    }

    /// How many numbers stand for nodes.
    pub fn number_count(&self) -> usize {
        self.numbers.len() - 1
    }

    pub fn highest_number(&self) -> NodeId {
        *self.numbers.keys().max().unwrap()
    }
}

struct Reader<'a> {
    operations: std::slice::Iter<'a, u32>,
    units: Vec<u16>,
    at: usize,
}

impl Reader<'_> {
    fn number(&mut self) -> u32 {
        *self.operations.next().expect("an operation's argument")
    }

    fn text(&mut self) -> String {
        let end = self.at + self.number() as usize;
        let text = String::from_utf16(&self.units[self.at..end]).expect("whole characters");
        self.at = end;
        text
    }
}

/// A view with its instance and its screen.
pub struct Shown {
    pub instance: ViewInstance,
    pub screen: Screen,
    pub context: Json,
    /// How many operations the last patch had.
    pub count: usize,
}

impl Shown {
    pub fn new(view: &str, context: &str) -> Self {
        let document = Json::parse(view).unwrap();
        let view = Arc::new(CompiledView::compile(&document).unwrap());
        let mut shown = Self {
            screen: Screen::new(&view),
            instance: ViewInstance::new(view),
            context: Json::Null,
            count: 0,
        };
        shown.show(Json::parse(context).unwrap());
        shown
    }

    pub fn show(&mut self, context: Json) {
        let mut patch = Patch::new();
        self.instance.patch(&context, &mut patch);
        self.screen.apply(&patch);
        self.count = patch.count();
        self.context = context;
    }

    /// Shows a context parsed anew, so that nothing in it is shared with the one before.
    pub fn show_text(&mut self, context: &str) {
        self.show(Json::parse(context).unwrap());
    }

    /// Shows the same context with one member replaced.
    pub fn set(&mut self, key: &str, value: Json) {
        let mut members = self.context.as_object().cloned().unwrap();
        members.insert(key.into(), value);
        self.show(members.into());
    }
}
