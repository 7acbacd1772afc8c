//! An actor's documents: each inline in the definition, or a value's id, and then live.

use std::sync::Arc;

use cojson::ids::CoId;
use cojson::json::Json;
use cojson::node::Node;

use crate::definition_error::{DefinitionError, Place};

/// The parts of a definition that may be values of their own.
const DOCUMENTS: [&str; 5] = ["context", "state", "view", "style", "brand"];

/// A definition whose documents may still be ids.
pub(crate) struct Documents {
    source: Json,
    references: Vec<(&'static str, CoId)>,
}

impl Documents {
    /// Reads which documents are ids. Text that is no id stands where a document is expected: refused.
    pub(crate) fn of(source: &Json, place: &Place) -> Result<Self, DefinitionError> {
        let mut references = Vec::new();
        for name in DOCUMENTS {
            if let Some(text) = source.get(name).and_then(Json::as_str) {
                let id = CoId::parse(text).map_err(|_| {
                    place
                        .key(name)
                        .error("a document, or the id of one (co_z…)", &text.into())
                })?;
                references.push((name, id));
            }
        }
        Ok(Self {
            source: source.clone(),
            references,
        })
    }

    /// The values that hold documents.
    pub(crate) fn references(&self) -> impl Iterator<Item = &CoId> {
        self.references.iter().map(|(_, id)| id)
    }

    /// Whether a change of that value changes the definition.
    pub(crate) fn refers_to(&self, id: &CoId) -> bool {
        self.references().any(|reference| reference == id)
    }

    /// Whether both were made from the very same text.
    pub(crate) fn is_same_source(&self, source: &Json) -> bool {
        self.source == *source
    }

    /// The definition with every document in its place, once all of them are loaded.
    pub(crate) fn resolve(&self, node: &mut Node) -> Option<Json> {
        let mut members = self.source.as_object().cloned().unwrap_or_default();
        for (name, id) in &self.references {
            members.insert(Arc::from(*name), node.map(id)?.to_json());
        }
        Some(members.into())
    }
}
