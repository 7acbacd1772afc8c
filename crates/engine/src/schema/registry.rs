//! The schemas that have names: documents by URI, resources by `$id`, anchors.

use std::collections::HashMap;
use std::rc::Rc;

use cojson::json::Json;

use super::SchemaError;
use super::path;
use super::subschemas::each_subschema;
use super::uri;

/// How deep schemas may be nested inside each other.
const SCHEMA_DEPTH_MAX: usize = 128;

/// The base of a schema that does not say its own.
pub(super) const ROOT_URI: &str = "schema:/";

/// A schema, and the URI of the resource that it is part of.
#[derive(Clone)]
pub(super) struct Located<'a> {
    pub(super) schema: &'a Json,
    pub(super) base: Rc<str>,
}

/// What `$ref`, `$dynamicRef` and `$schema` can name.
#[derive(Default)]
pub(super) struct Registry<'a> {
    resources: HashMap<Rc<str>, Located<'a>>,
    anchors: HashMap<(Rc<str>, &'a str), &'a Json>,
    dynamic_anchors: Vec<(&'a str, Located<'a>)>,
}

impl<'a> Registry<'a> {
    /// Takes in a document under the URI that it is known by.
    pub(super) fn add(
        &mut self,
        document: &'a Json,
        uri: &str,
    ) -> Result<Located<'a>, SchemaError> {
        let path = if uri == ROOT_URI {
            String::new()
        } else {
            format!("{uri}#")
        };
        let (uri, _) = uri::resolve(ROOT_URI, uri);
        let uri: Rc<str> = uri.into();
        let located = Located {
            schema: document,
            base: base_of(document, &uri),
        };
        self.resources.insert(uri.clone(), located.clone());
        self.visit(document, &uri, path, 0)?;
        Ok(located)
    }

    fn visit(
        &mut self,
        schema: &'a Json,
        outer: &Rc<str>,
        path: String,
        depth: usize,
    ) -> Result<(), SchemaError> {
        if depth > SCHEMA_DEPTH_MAX {
            return Err(SchemaError {
                path,
                expected: format!("schemas nested at most {SCHEMA_DEPTH_MAX} deep"),
                found: "a deeper one".to_owned(),
            });
        }
        let Some(members) = schema.as_object() else {
            return Ok(());
        };
        let base = base_of(schema, outer);
        let located = Located {
            schema,
            base: base.clone(),
        };
        if base != *outer {
            self.resources.insert(base.clone(), located.clone());
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(name) = schema.get(keyword).and_then(Json::as_str) {
                self.anchors.insert((base.clone(), name), schema);
            }
        }
        if let Some(name) = schema.get("$dynamicAnchor").and_then(Json::as_str) {
            self.dynamic_anchors.push((name, located));
        }
        each_subschema(members, &path, |inner, path| {
            self.visit(inner, &base, path, depth + 1)
        })
    }

    /// The document or resource of that URI.
    pub(super) fn resource(&self, uri: &str) -> Option<&Located<'a>> {
        self.resources.get(uri)
    }

    /// Every schema with that `$dynamicAnchor`.
    pub(super) fn dynamic_anchors(&self, name: &str) -> impl Iterator<Item = &Located<'a>> {
        let of_name = move |(anchor, _): &&(&str, Located<'a>)| *anchor == name;
        self.dynamic_anchors
            .iter()
            .filter(of_name)
            .map(|(_, located)| located)
    }

    /// What a reference names, seen from a base.
    pub(super) fn find(&self, base: &str, reference: &str) -> Option<Located<'a>> {
        let (uri, fragment) = uri::resolve(base, reference);
        let resource = self.resource(&uri)?;
        let fragment = uri::decode(fragment)?;
        if fragment.is_empty() {
            return Some(resource.clone());
        }
        if fragment.starts_with('/') {
            return self.pointer(resource, &fragment);
        }
        let anchors = &self.anchors;
        anchors
            .iter()
            .find(|((base, name), _)| *base == resource.base && *name == fragment)
            .map(|(_, schema)| Located {
                schema,
                base: resource.base.clone(),
            })
    }

    fn pointer(&self, resource: &Located<'a>, pointer: &str) -> Option<Located<'a>> {
        let mut found = resource.clone();
        for segment in pointer.split('/').skip(1) {
            let segment = segment.replace("~1", "/").replace("~0", "~");
            found.schema = found.schema.step(&segment)?;
            let base = base_of(found.schema, &found.base);
            // An `$id` in a place that holds no schema is none.
            let is_resource = |inner: &Located<'_>| std::ptr::eq(inner.schema, found.schema);
            if self.resource(&base).is_some_and(is_resource) {
                found.base = base;
            }
        }
        Some(found)
    }
}

/// The base of the references in a schema: its own `$id`, if it has one.
pub(super) fn base_of(schema: &Json, outer: &Rc<str>) -> Rc<str> {
    match schema.get("$id").and_then(Json::as_str) {
        Some(id) => uri::resolve(outer, id).0.into(),
        None => outer.clone(),
    }
}

/// The path of what a reference names, for errors.
pub(super) fn path_of(base: &str, reference: &str) -> String {
    let (uri, fragment) = uri::resolve(base, reference);
    let mut text = if uri == ROOT_URI {
        String::new()
    } else {
        format!("{uri}#")
    };
    for segment in fragment.split('/').filter(|segment| !segment.is_empty()) {
        text = path::with_key(&text, segment);
    }
    text
}
