//! Expressions: the `$` strings and `$` objects of a definition, compiled once and evaluated synchronously.
//!
//! | written | means |
//! |---|---|
//! | `"$a.b"`, `{"$context": "a.b"}` | a path into the actor's context; `"$"` is the whole context |
//! | `"$$a.b"`, `{"$item": "a.b"}` | a path into the event's payload or the row's item; `"$$"` is all of it |
//! | `"$$result.a"` | the last tool's result; where no tool has run, the item's own `result` |
//! | `"$existing.a"` | inside `@db` update data: the value as it is |
//! | `"$map.$$id"` | the member of `context.map` that the item's `id` names |
//! | `$eq` `$ne` `$neq` | `===`, `!==` and `!==` of JavaScript; arrays and objects are equal by content |
//! | `$gt` `$gte` `$lt` `$lte` | `>`, `>=`, `<` and `<=` of JavaScript |
//! | `$not` `$and` `$or` `$if` | by JavaScript's truthiness; only the branch needed is evaluated |
//! | `$switch` | `{on, cases, default}`: the case that is the text of the value |
//! | `$add` `$subtract` `$multiply` `$divide` | of two numbers; anything else, and a division by zero, is an error |
//! | `$trim` `$length` `$concat` `$join` | as in JavaScript, over strings and arrays |
//! | `$includes` | whether an array has an item, by content, or a text a part |
//! | `$toLowerCase` `$toUpperCase` | of a text |
//! | `$now` `$formatDate` | the step's time in milliseconds since 1970; a time in UTC by a pattern |
//! | `$eventType` | the type of the event at hand |
//! | `$map` `$find` `$filter` | over an array; each item is `$$name` of `as`, or `$$` when `as` is absent |
//! | `$literal` | the value as written, so that a text can start with `$` |
//!
//! Everything else is data: arrays and objects are templates whose parts are expressions, and an object's key that
//! starts with `$$` (or with `$`, when it is not alone) is evaluated to the member's name.
//!
//! In an array, what is undefined becomes null; in an object, it is left out.
//!
//! Only a definition is ever compiled. What an evaluation gives is never looked at again (R9): a user's text that
//! looks like an expression stays a text. Nothing here panics, blocks or runs without bound.

mod compile;
mod date;
mod dependencies;
mod evaluate;
mod javascript;
mod node;
mod path;
mod scope;
#[cfg(test)]
mod tests;
mod typed;

use std::sync::Arc;

use cojson::json::Json;

use crate::definition_error::{DefinitionError, Place};
use compile::Compiler;
use node::{Member, Name, Node};

pub use dependencies::Dependencies;
pub use evaluate::{EVALUATION_STEPS_MAX, EvaluationError};
pub use javascript::to_text;
pub use scope::{Local, Scope};

/// How deep expressions may be nested inside each other.
pub const EXPRESSION_DEPTH_MAX: usize = 50;

const IN_STEP: Compiler<'static> = Compiler {
    markers: &[],
    is_in_step: true,
};

/// A compiled template: a literal, a path, an operator, or an array or object of templates.
#[derive(Clone, Debug)]
pub struct Expression {
    node: Node,
    dependencies: Dependencies,
}

impl Expression {
    /// Compiles a piece of a definition; `place` is where it stands.
    ///
    /// ```
    /// use cojson::json::Json;
    /// use engine::definition_error::Place;
    /// use engine::expression::{Expression, Scope};
    ///
    /// let definition = Json::parse(r#"{"done": {"$not": "$$done"}, "by": "$user.name"}"#)?;
    /// let expression = Expression::compile(&definition, &Place::root("state"))?;
    /// let context = Json::parse(r#"{"user": {"name": "Ada"}}"#)?;
    /// let item = Json::parse(r#"{"done": false}"#)?;
    /// let value = expression.evaluate(&Scope::new(&context).with_item(&item))?;
    /// assert_eq!(value, Some(Json::parse(r#"{"done":true,"by":"Ada"}"#)?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compile(json: &Json, place: &Place) -> Result<Self, DefinitionError> {
        Self::compile_with_markers(json, place, &[])
    }

    /// Compiles a template in which a string that is one of these markers (`"@inputValue"`, …) stands for the value
    /// that the scope gives for it. Any other string with an `@` is a plain text.
    pub fn compile_with_markers(
        json: &Json,
        place: &Place,
        markers: &[&str],
    ) -> Result<Self, DefinitionError> {
        let is_in_step = false;
        let compiler = Compiler {
            markers,
            is_in_step,
        };
        let node = compiler.node(json, place, 0)?;
        Ok(Self::from_node(node))
    }

    /// Compiles what a machine evaluates in a step, which has a time and an event: it may read `$now` and `$eventType`.
    pub fn compile_in_step(json: &Json, place: &Place) -> Result<Self, DefinitionError> {
        Ok(Self::from_node(IN_STEP.node(json, place, 0)?))
    }

    /// Compiles what a machine merges into a context: in an object, a member that is undefined becomes null, so that an old
    /// value does not stay.
    pub fn compile_update(json: &Json, place: &Place) -> Result<Self, DefinitionError> {
        Ok(Self::from_node(IN_STEP.record(json, place)?))
    }

    /// The expression that always gives this value.
    pub fn literal(value: Json) -> Self {
        Self::from_node(Node::Literal(value))
    }

    fn from_node(node: Node) -> Self {
        let dependencies = Dependencies::of(&node);
        Self { node, dependencies }
    }

    /// The value it always gives, if it is a literal.
    pub fn as_literal(&self) -> Option<&Json> {
        match &self.node {
            Node::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// Whether it always gives the same value.
    pub fn is_literal(&self) -> bool {
        self.as_literal().is_some()
    }

    /// What it reads of its scope: a change elsewhere cannot change its value.
    pub fn dependencies(&self) -> &Dependencies {
        &self.dependencies
    }

    /// Evaluates it; `None` is JavaScript's `undefined`: a path that leads nowhere.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Option<Json>, EvaluationError> {
        evaluate::evaluate(&self.node, scope)
    }

    /// The members of what [`compile_update`](Self::compile_update) compiled, if all names are written in the definition.
    pub(crate) fn as_record(&self) -> Option<Record<'_>> {
        let is_written = |member: &Member| matches!(member.name, Name::Written(_));
        match &self.node {
            Node::Record(members) if members.iter().all(is_written) => Some(Record(members)),
            _ => None,
        }
    }

    /// Evaluates it to a truth value, as JavaScript's `if` would.
    pub fn is_truthy(&self, scope: &Scope<'_>) -> Result<bool, EvaluationError> {
        evaluate::is_truthy(&self.node, scope)
    }
}

/// What is merged into a context, member by member, without an object in between.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a>(&'a [Member]);

impl<'a> Record<'a> {
    pub(crate) fn names(self) -> impl Iterator<Item = &'a Arc<str>> {
        self.0.iter().filter_map(|member| match &member.name {
            Name::Written(name) => Some(name),
            Name::Evaluated { .. } => None,
        })
    }

    /// The name and the value of its only member, if it has but one.
    pub(crate) fn single(
        self,
        scope: &Scope<'_>,
    ) -> Result<Option<(&'a Arc<str>, Json)>, EvaluationError> {
        let [
            Member {
                name: Name::Written(name),
                value,
            },
        ] = self.0
        else {
            return Ok(None);
        };
        let value = evaluate::evaluate(value, scope)?;
        Ok(Some((name, value.unwrap_or_default())))
    }

    /// Adds the value of each.
    pub(crate) fn evaluate(
        self,
        scope: &Scope<'_>,
        values: &mut Vec<Json>,
    ) -> Result<(), EvaluationError> {
        evaluate::members(self.0, scope, values)
    }
}
