//! What expressions are compiled to. How that is done, and how they are evaluated, is in the modules beside.

use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use super::path::Path;
use super::typed::Typed;

/// A compiled expression.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Undefined,
    Literal(Json),
    Path(Path),
    /// The member of the first that the second names: `$map.$$id`.
    Member(Box<[Node; 2]>),
    Marker(Arc<str>),
    Array(Box<[Node]>),
    Object(Box<[Member]>),
    /// An object in which a member that is undefined is null.
    Record(Box<[Member]>),
    Test(Test),
    Trim(Box<Node>),
    Length(Box<Node>),
    Concat(Box<[Node]>),
    Join(Box<[Node; 2]>),
    Map(Box<Each>),
    Find(Box<Each>),
    Filter(Box<Each>),
    If(Box<[Node; 3]>),
    Switch(Box<Switch>),
    Typed(Box<Typed>),
    /// The time of the step.
    Now,
    /// The type of the event at hand.
    EventType,
}

/// What comes to true or false.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Eq(Box<[Node; 2]>),
    Ne(Box<[Node; 2]>),
    Gt(Box<[Node; 2]>),
    Gte(Box<[Node; 2]>),
    Not(Box<Node>),
    And(Box<[Node]>),
    Or(Box<[Node]>),
}

/// What is given for a value, by its text.
#[derive(Clone, Debug)]
pub(super) struct Switch {
    pub(super) on: Node,
    pub(super) cases: Box<[(Arc<str>, Node)]>,
    pub(super) otherwise: Node,
}

/// One member of an object template.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: Name,
    pub(super) value: Node,
}

/// A member's name: written, or evaluated (then with the place it is written at).
#[derive(Clone, Debug)]
pub(super) enum Name {
    Written(Arc<str>),
    Evaluated { name: Node, place: Arc<str> },
}

/// What `$map`, `$find` and `$filter` do with each item of an array.
#[derive(Clone, Debug)]
pub(super) struct Each {
    pub(super) array: Node,
    /// The item's name; without one the item is `$$` (and `$$item`).
    pub(super) name: Option<Arc<str>>,
    /// `$find` and `$filter` only.
    pub(super) condition: Option<Node>,
    pub(super) template: Option<Node>,
    pub(super) place: Arc<str>,
}

/// An array whose parts are all literals is one.
pub(super) fn fold_array(nodes: Box<[Node]>) -> Node {
    let values: Option<Vec<Json>> = nodes.iter().map(Node::as_literal).collect();
    match values {
        Some(values) => Node::Literal(values.into()),
        None => Node::Array(nodes),
    }
}

/// An object whose parts are all literals is one.
pub(super) fn fold_object(members: Box<[Member]>) -> Node {
    let values: Option<JsonObject> = members.iter().map(Member::as_literal).collect();
    match values {
        Some(values) => Node::Literal(values.into()),
        None => Node::Object(members),
    }
}

impl Node {
    fn as_literal(&self) -> Option<Json> {
        match self {
            Self::Literal(value) => Some(value.clone()),
            _ => None,
        }
    }
}

impl From<Test> for Node {
    fn from(test: Test) -> Self {
        Self::Test(test)
    }
}

impl Member {
    fn as_literal(&self) -> Option<(Arc<str>, Json)> {
        match &self.name {
            Name::Written(name) => Some((name.clone(), self.value.as_literal()?)),
            Name::Evaluated { .. } => None,
        }
    }
}
