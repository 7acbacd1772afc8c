//! One schema while it is compiled: the values of its keywords, in the forms that they come in.

use std::rc::Rc;
use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use super::compile::{Compiled, Compiler};
use super::keyword::NodeId;
use super::registry::{Located, base_of};
use super::{Pattern, SchemaError, path};
use crate::definition_error::describe;

/// One schema being compiled.
pub(super) struct Source<'s, 'a> {
    pub(super) members: &'a JsonObject,
    pub(super) base: Rc<str>,
    pub(super) path: &'s str,
    pub(super) compiler: &'s mut Compiler<'a>,
}

impl<'a> Source<'_, 'a> {
    fn subschema(&mut self, schema: &'a Json, path: String) -> NodeId {
        let base = base_of(schema, &self.base);
        self.compiler.node(Located { schema, base }, path)
    }

    pub(super) fn one(&mut self, keyword: &str) -> Option<NodeId> {
        let schema = self.members.get(keyword)?;
        Some(self.subschema(schema, path::with_key(self.path, keyword)))
    }

    pub(super) fn list(&mut self, keyword: &str) -> Compiled<Option<Vec<NodeId>>> {
        let outer = path::with_key(self.path, keyword);
        match self.members.get(keyword) {
            None => Ok(None),
            Some(Json::Array(schemas)) => {
                let schemas = schemas.iter().enumerate();
                let nodes = schemas
                    .map(|(index, schema)| self.subschema(schema, path::with_index(&outer, index)));
                Ok(Some(nodes.collect()))
            }
            Some(other) => Err(self.wrong(keyword, "an array of schemas", other)),
        }
    }

    pub(super) fn map(&mut self, keyword: &str) -> Compiled<Vec<(Arc<str>, NodeId)>> {
        let outer = path::with_key(self.path, keyword);
        let schemas = self.object(keyword)?.into_iter().flatten();
        Ok(schemas
            .map(|(name, schema)| {
                let path = path::with_key(&outer, name);
                (name.clone(), self.subschema(schema, path))
            })
            .collect())
    }

    pub(super) fn object(&self, keyword: &str) -> Compiled<Option<&'a JsonObject>> {
        match self.members.get(keyword) {
            None => Ok(None),
            Some(Json::Object(members)) => Ok(Some(members)),
            Some(other) => Err(self.wrong(keyword, "an object", other)),
        }
    }

    pub(super) fn text(&self, keyword: &str) -> Compiled<Option<&'a str>> {
        match self.members.get(keyword) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(keyword, "a text", other)),
        }
    }

    pub(super) fn number(
        &self,
        keyword: &str,
        expected: &str,
        is_right: fn(f64) -> bool,
    ) -> Compiled<Option<f64>> {
        match self.members.get(keyword) {
            None => Ok(None),
            Some(Json::Number(number)) if is_right(*number) => Ok(Some(*number)),
            Some(other) => Err(self.wrong(keyword, expected, other)),
        }
    }

    pub(super) fn count(&self, keyword: &str) -> Compiled<Option<f64>> {
        self.number(keyword, "an integer of at least 0", |number| {
            number >= 0.0 && number.fract() == 0.0
        })
    }

    pub(super) fn names(&self, keyword: &str, names: &Json) -> Compiled<Vec<Arc<str>>> {
        let texts = names.as_array().map(|names| {
            let text = |name: &Json| name.as_str().map(Arc::from);
            names.iter().map(text).collect::<Option<Vec<Arc<str>>>>()
        });
        texts
            .flatten()
            .ok_or_else(|| self.wrong(keyword, "an array of names", names))
    }

    pub(super) fn pattern(&self, pattern: &str, keyword: &str) -> Compiled<Box<dyn Pattern>> {
        self.compiler.patterns.compile(pattern).map_err(|reason| {
            let found = format!("\"{pattern}\" ({reason})");
            self.error(keyword, "a regular expression of ECMAScript", found)
        })
    }

    pub(super) fn wrong(&self, keyword: &str, expected: &str, found: &Json) -> SchemaError {
        self.error(keyword, expected, describe(found))
    }

    pub(super) fn error(&self, keyword: &str, expected: &str, found: String) -> SchemaError {
        SchemaError {
            path: path::with_key(self.path, keyword),
            expected: expected.to_owned(),
            found,
        }
    }
}
