//! From a schema's JSON to its program. Malformed keywords and references to nothing are refused with their path.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use cojson::json::Json;

use super::keyword::{DynamicAnchor, Keyword, Node, NodeId, Program};
use super::registry::{Located, ROOT_URI, Registry};
use super::source::Source;
use super::{PatternCompiler, SchemaError};
use crate::definition_error::describe;

pub(super) type Compiled<T> = Result<T, SchemaError>;

/// How many schemas there may be inside one and the documents it refers to.
const NODES_MAX: usize = 10_000;

/// Compiles a schema and whatever it refers to.
pub(super) fn program(
    schema: &Json,
    documents: &[(&str, &Json)],
    patterns: &dyn PatternCompiler,
) -> Compiled<Program> {
    let mut registry = Registry::default();
    for (uri, document) in documents {
        registry.add(document, uri)?;
    }
    let root = registry.add(schema, ROOT_URI)?;
    let mut compiler = Compiler {
        registry,
        patterns,
        program: Program::default(),
        schemas: Vec::new(),
        resources: Vec::new(),
        queue: VecDeque::new(),
        dynamic_names: Vec::new(),
    };
    compiler.node(root, String::new());
    compiler.drain()?;
    while compiler.add_dynamic_anchors() {
        compiler.drain()?;
    }
    Ok(compiler.program)
}

/// A schema that has its node's index and is yet to be compiled.
struct Queued<'a> {
    id: NodeId,
    located: Located<'a>,
    path: String,
}

pub(super) struct Compiler<'a> {
    pub(super) registry: Registry<'a>,
    pub(super) patterns: &'a dyn PatternCompiler,
    pub(super) program: Program,
    /// The schema of each node. The same JSON under another base is another schema.
    schemas: Vec<Located<'a>>,
    /// The bases of the resources in use, by their index.
    resources: Vec<Rc<str>>,
    queue: VecDeque<Queued<'a>>,
    /// The names that dynamic references look for.
    pub(super) dynamic_names: Vec<Arc<str>>,
}

impl<'a> Compiler<'a> {
    /// The index of a schema's node, which is compiled in its turn.
    pub(super) fn node(&mut self, located: Located<'a>, path: String) -> NodeId {
        let is_known = |known: &Located<'_>| {
            std::ptr::eq(known.schema, located.schema) && known.base == located.base
        };
        if let Some(id) = self.schemas.iter().position(is_known) {
            return id;
        }
        let id = self.schemas.len();
        self.schemas.push(located.clone());
        self.program.nodes.push(Node::default());
        self.queue.push_back(Queued { id, located, path });
        id
    }

    fn resource(&mut self, base: &Rc<str>) -> usize {
        if let Some(index) = self.known_resource(base) {
            return index;
        }
        self.resources.push(base.clone());
        self.resources.len() - 1
    }

    fn known_resource(&self, base: &Rc<str>) -> Option<usize> {
        self.resources.iter().position(|known| known == base)
    }

    /// Compiles all that is queued, and what it leads to.
    fn drain(&mut self) -> Compiled<()> {
        while let Some(next) = self.queue.pop_front() {
            if self.schemas.len() > NODES_MAX {
                return Err(SchemaError {
                    path: next.path,
                    expected: format!("at most {NODES_MAX} schemas in one"),
                    found: "more".to_owned(),
                });
            }
            let node = self.compile(&next)?;
            if let Some(slot) = self.program.nodes.get_mut(next.id) {
                *slot = node;
            }
        }
        Ok(())
    }

    /// Queues what dynamic references may come to mean in the resources that are in use; whether there was any.
    fn add_dynamic_anchors(&mut self) -> bool {
        let known = self.program.dynamic_anchors.len();
        for name in self.dynamic_names.clone() {
            let anchors: Vec<_> = self.registry.dynamic_anchors(&name).cloned().collect();
            for located in anchors {
                if let Some(resource) = self.known_resource(&located.base) {
                    self.add_dynamic_anchor(resource, &name, located);
                }
            }
        }
        self.program.dynamic_anchors.len() > known
    }

    fn add_dynamic_anchor(&mut self, resource: usize, name: &Arc<str>, located: Located<'a>) {
        let mut known = self.program.dynamic_anchors.iter();
        if !known.any(|anchor| anchor.resource == resource && anchor.name == *name) {
            let path = format!("{}#{name}", located.base);
            let node = self.node(located, path);
            let name = name.clone();
            self.program.dynamic_anchors.push(DynamicAnchor {
                resource,
                name,
                node,
            });
        }
    }

    fn compile(&mut self, queued: &Queued<'a>) -> Compiled<Node> {
        let resource = self.resource(&queued.located.base);
        let mut keywords = Vec::new();
        match queued.located.schema {
            Json::Bool(true) => {}
            Json::Bool(false) => keywords.push(Keyword::Never),
            Json::Object(members) => {
                let mut source = Source {
                    members,
                    base: queued.located.base.clone(),
                    path: &queued.path,
                    compiler: self,
                };
                keywords = source.keywords()?;
            }
            other => {
                return Err(SchemaError {
                    path: queued.path.clone(),
                    expected: "a schema: an object or a boolean".to_owned(),
                    found: describe(other),
                });
            }
        }
        Ok(Node { resource, keywords })
    }
}
