//! A compiled schema: nodes, and the keywords of each. Schemas refer to each other by index.

use std::sync::Arc;

use cojson::json::Json;

use super::Pattern;

/// The position of a node in its program.
pub(super) type NodeId = usize;

/// Everything needed to check a value. The first node is the schema itself.
#[derive(Default)]
pub(super) struct Program {
    pub(super) nodes: Vec<Node>,
    /// The schemas with a `$dynamicAnchor` that some `$dynamicRef` may mean.
    pub(super) dynamic_anchors: Vec<DynamicAnchor>,
    /// Whether any node asks which members or items are unevaluated.
    pub(super) has_unevaluated: bool,
}

/// A schema that a `$dynamicRef` may mean where its resource was entered.
pub(super) struct DynamicAnchor {
    pub(super) resource: usize,
    pub(super) name: Arc<str>,
    pub(super) node: NodeId,
}

/// One schema.
#[derive(Default)]
pub(super) struct Node {
    /// Which resource it is part of.
    pub(super) resource: usize,
    /// In the order in which they are checked: what asks for the unevaluated comes last.
    pub(super) keywords: Vec<Keyword>,
}

/// What a count is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Characters,
    Items,
    Members,
}

/// How a number is compared with its limit.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    Minimum,
    Maximum,
    ExclusiveMinimum,
    ExclusiveMaximum,
}

/// One thing that a schema asks for.
pub(super) enum Keyword {
    /// The schema `false`.
    Never,
    /// Bits of [`TYPES`].
    Type(u8),
    Enum(Arc<Vec<Json>>),
    Const(Json),
    Limit(Limit, f64),
    MultipleOf(f64),
    AtLeast(Counted, f64),
    AtMost(Counted, f64),
    Pattern(Box<dyn Pattern>, Arc<str>),
    UniqueItems,
    Required(Vec<Arc<str>>),
    DependentRequired(Vec<(Arc<str>, Vec<Arc<str>>)>),
    Ref(NodeId),
    /// The name, and what it means where no resource entered has it.
    DynamicRef(Arc<str>, NodeId),
    AllOf(Vec<NodeId>),
    AnyOf(Vec<NodeId>),
    OneOf(Vec<NodeId>),
    Not(NodeId),
    If {
        condition: NodeId,
        then: Option<NodeId>,
        otherwise: Option<NodeId>,
    },
    DependentSchemas(Vec<(Arc<str>, NodeId)>),
    Properties(Properties),
    PropertyNames(NodeId),
    Items {
        first: Vec<NodeId>,
        rest: Option<NodeId>,
    },
    Contains {
        node: NodeId,
        min: f64,
        max: f64,
    },
    UnevaluatedItems(NodeId),
    UnevaluatedProperties(NodeId),
}

/// What is asked of an object's members by name.
#[derive(Default)]
pub(super) struct Properties {
    /// Sorted by name.
    pub(super) named: Vec<(Arc<str>, NodeId)>,
    pub(super) patterns: Vec<(Box<dyn Pattern>, NodeId)>,
    pub(super) additional: Option<NodeId>,
}

impl Properties {
    /// The schema of the member of that name.
    pub(super) fn named(&self, name: &str) -> Option<NodeId> {
        let found = self
            .named
            .binary_search_by(|(known, _)| (**known).cmp(name));
        self.named.get(found.ok()?).map(|(_, node)| *node)
    }
}

/// The names of types; a type's bit is its position. `integer` and `number` overlap.
pub(super) const TYPES: [&str; 7] = [
    "null", "boolean", "number", "string", "array", "object", "integer",
];

/// The bits of every type that a value is of.
pub(super) fn types_of(value: &Json) -> u8 {
    match value {
        Json::Null => 1,
        Json::Bool(_) => 1 << 1,
        Json::Number(number) if number.fract() == 0.0 => 1 << 2 | 1 << 6,
        Json::Number(_) => 1 << 2,
        Json::String(_) => 1 << 3,
        Json::Array(_) => 1 << 4,
        Json::Object(_) => 1 << 5,
    }
}
