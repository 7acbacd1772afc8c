//! The schemas that have names: documents by URI, resources by `$id`, anchors.

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

/// What `$ref`, `$dynamicRef` and `$schema` can name. Few enough to be looked through.
#[derive(Default)]
pub(super) struct Registry<'a> {
    resources: Vec<(Rc<str>, Located<'a>)>,
    anchors: Vec<Anchor<'a>>,
}

struct Anchor<'a> {
    name: &'a str,
    is_dynamic: bool,
    located: Located<'a>,
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
        self.resources.push((uri.clone(), located.clone()));
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
            self.resources.push((base.clone(), located.clone()));
        }
        for (keyword, is_dynamic) in [("$anchor", false), ("$dynamicAnchor", true)] {
            if let Some(name) = schema.get(keyword).and_then(Json::as_str) {
                let located = located.clone();
                self.anchors.push(Anchor {
                    name,
                    is_dynamic,
                    located,
                });
            }
        }
        each_subschema(members, &path, |inner, path| {
            self.visit(inner, &base, path, depth + 1)
        })
    }

    /// The document or resource of that URI.
    pub(super) fn resource(&self, uri: &str) -> Option<&Located<'a>> {
        let found = self.resources.iter().find(|(known, _)| **known == *uri);
        found.map(|(_, located)| located)
    }

    /// Every schema with that `$dynamicAnchor`.
    pub(super) fn dynamic_anchors(&self, name: &str) -> impl Iterator<Item = &Located<'a>> {
        let of_name = move |anchor: &&Anchor<'a>| anchor.is_dynamic && anchor.name == name;
        self.anchors
            .iter()
            .filter(of_name)
            .map(|anchor| &anchor.located)
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
        let is_named =
            |anchor: &&Anchor<'_>| anchor.name == fragment && anchor.located.base == resource.base;
        self.anchors
            .iter()
            .find(is_named)
            .map(|anchor| anchor.located.clone())
    }

    fn pointer(&self, resource: &Located<'a>, pointer: &str) -> Option<Located<'a>> {
        let mut found = resource.clone();
        for segment in pointer.split('/').skip(1) {
            let segment = unescape(segment);
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

/// A segment of a JSON pointer, with `~1` and `~0` for `/` and `~`.
fn unescape(segment: &str) -> String {
    let mut text = String::with_capacity(segment.len());
    let mut is_escaped = false;
    for character in segment.chars() {
        match character {
            '1' if is_escaped => text.push('/'),
            '0' if is_escaped => text.push('~'),
            '~' => {}
            other => text.push(other),
        }
        is_escaped = character == '~';
    }
    text
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
