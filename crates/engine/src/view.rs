//! Views: a JSON tree compiled once into static templates with holes, and the instances that keep the screen in step
//! with a context by patching only what changed (R5, R6).
//!
//! | key of a node | means |
//! |---|---|
//! | `tag` | the element, `div` if absent; those that run code are refused |
//! | `class`, `attrs` | attributes: null takes one away, booleans by truthiness; `attrs.data` are data attributes |
//! | `text` | the text inside; 0 and false are shown, null is empty, an object is JSON |
//! | `value` | what a field shows, see below |
//! | `children` | nodes |
//! | `$each` | `{items, template, key?, as?}`: the template for each item, as the only content |
//! | `$slot` | the name (`"@list"`) of the child shown inside |
//! | `$on` | `{event: {send, payload?, key?}}`, or an array of such |
//!
//! **Rows** keep their elements by `key`, else by the item's `id`, else by position; of items with the same key the
//! first is the first. Inside rows `$$` is the innermost item, and `$$name` any around it that has an `as`.
//!
//! **Fields.** A field shows what its `value` evaluates to, and is set only when that changes and differs from what
//! it shows, so caret and selection stay. The values that events of the field have sent are remembered: when the
//! context comes to hold one of them it is an echo, perhaps late, and is not put back into a field that has the
//! focus, in which the person may have typed on. Any other change of the context is shown, focus or not. A context
//! value that does not change never overwrites what was typed.
//!
//! **Data is never code** (R9): user data reaches only text nodes, attribute values and field values; addresses with
//! a scheme that runs code become empty, which is told as a [`ViewProblem`].
//!
//! Nothing here touches a document. The host clones the templates, carries out a [`Patch`] and reports events.

mod attributes;
mod blocks;
mod compile;
mod content;
mod element;
mod events;
mod instance;
mod keyed;
mod patch;
mod render;
mod rows;
mod safety;
mod show;
mod template;

use std::sync::Arc;

use cojson::json::Json;

use crate::definition_error::DefinitionError;
use template::{ContextKeys, Handler, Template};

pub use events::{DomMarkers, OutgoingEvent};
pub use instance::{ViewInstance, ViewProblem};
pub use patch::{NodeId, Operation, Patch, SlotChange};

/// A compiled view document. Share it with an `Arc`: an instance holds one.
#[derive(Debug)]
pub struct CompiledView {
    templates: Vec<Template>,
    root: usize,
    keys: ContextKeys,
    handlers: Vec<Handler>,
    description: String,
    warnings: Vec<DefinitionError>,
}

impl CompiledView {
    /// Compiles a view document, `{content: node}`. What is not understood, or would run code, is refused.
    pub fn compile(document: &Json) -> Result<Self, DefinitionError> {
        compile::compile(document)
    }

    /// The static trees, as JSON for the interpreter of patches:
    /// `{names, events, templates: [{t: tag, s?: svg, i?: number, a?: [[name, value]], f?: [flag], c?: [child or
    /// text], o?: {event: [[handler, key, markers, stops]]}, v?: has a bound value}]}`.
    /// A child that is `{i: number}` alone is a text node.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The types of the messages that its events send.
    pub fn sent_types(&self) -> impl Iterator<Item = &Arc<str>> {
        self.handlers.iter().map(|handler| &handler.event_type)
    }

    /// What was left out of the view, and why.
    pub fn warnings(&self) -> &[DefinitionError] {
        &self.warnings
    }
}
