//! JSON Schema, draft 2020-12: compiled once, with the same verdict on every host.
//!
//! All of the draft but `format`, which stays an annotation as the draft has it. References are resolved when a schema
//! is compiled, inside it and the documents given with it; nothing is ever fetched. Numbers are doubles, lengths
//! count code points, `multipleOf` is exact in decimal. Keywords that the draft does not know are ignored, as it says.
//!
//! It is small because it must be: regular expressions are the host's (`pattern`), and a violation says where and
//! what in a short sentence. Nothing here recurses or runs without bound, whatever the schema and the value.

mod checks;
mod compile;
mod keyword;
mod number;
mod path;
mod registry;
mod source;
mod subschemas;
#[cfg(test)]
mod tests;
mod uri;
mod validate;
mod vocabulary;

use std::fmt;

use cojson::json::Json;

use crate::definition_error::{DefinitionError, Misfit, Place};
use keyword::Program;

/// Makes matchers of the regular expressions in a schema: ECMAScript, with the flag `u`, unanchored.
///
/// The host brings it (JavaScript's `RegExp` in a browser), since no regular expression engine is small.
pub trait PatternCompiler {
    /// Compiles a pattern; the error is what is wrong with it.
    fn compile(&self, pattern: &str) -> Result<Box<dyn Pattern>, String>;
}

/// A compiled regular expression.
pub trait Pattern {
    /// Whether it matches anywhere in the text.
    fn is_match(&self, text: &str) -> bool;
}

/// A schema that is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the schema is wrong at {}: expected {expected}, found {found}",
    or_its_root(path)
)]
pub struct SchemaError {
    /// The JSON path in the schema (for another document: its URI, `#` and the path); empty for its root.
    pub path: String,
    /// What belongs there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl SchemaError {
    /// The error of the document that has the schema at this place.
    pub fn at(self, place: &Place) -> DefinitionError {
        let separator = if self.path.is_empty() || self.path.starts_with('[') {
            ""
        } else {
            "."
        };
        DefinitionError::new(Misfit {
            document: place.document().to_owned(),
            path: format!("{}{separator}{}", place.path(), self.path),
            expected: self.expected,
            found: self.found,
        })
    }
}

fn or_its_root(path: &str) -> &str {
    if path.is_empty() { "its root" } else { path }
}

/// One way in which a value is not what its schema asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The JSON path in the value; empty for the whole value.
    pub path: String,
    /// What is wrong there: "must be a string".
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() {
            "the value"
        } else {
            &self.path
        };
        write!(formatter, "{path} {}", self.message)
    }
}

/// A compiled schema.
pub struct Schema {
    program: Program,
}

impl Schema {
    /// Compiles a schema that refers only to itself.
    pub fn compile(schema: &Json, patterns: &dyn PatternCompiler) -> Result<Self, SchemaError> {
        Self::compile_with(schema, &[], patterns)
    }

    /// Compiles a schema that may refer to these documents by their URIs.
    pub fn compile_with(
        schema: &Json,
        documents: &[(&str, &Json)],
        patterns: &dyn PatternCompiler,
    ) -> Result<Self, SchemaError> {
        let program = compile::program(schema, documents, patterns)?;
        Ok(Self { program })
    }

    /// Checks a value; the error has at least one violation, and not more than a person will read.
    pub fn validate(&self, value: &Json) -> Result<(), Vec<Violation>> {
        validate::validate(&self.program, value)
    }

    /// Whether the value is what the schema asks for. Stops at the first violation.
    pub fn is_valid(&self, value: &Json) -> bool {
        validate::is_valid(&self.program, value)
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Schema({} nodes)", self.program.nodes.len())
    }
}

/// The length of a text as `minLength` counts it: in code points.
pub fn text_length(text: &str) -> usize {
    text.chars().count()
}
