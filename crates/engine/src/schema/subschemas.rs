//! Where a schema has schemas inside: the keywords that hold them.

use cojson::json::{Json, JsonObject};

use super::path;

/// Keywords whose value is a schema.
const ONE: [&str; 11] = [
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords whose value is an array of schemas.
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/// Keywords whose value is an object of schemas.
const MAP: [&str; 5] = [
    "$defs",
    "definitions",
    "dependentSchemas",
    "patternProperties",
    "properties",
];

/// Calls with each schema directly inside, and its path.
pub(super) fn each_subschema<'a, E>(
    schema: &'a JsonObject,
    path: &str,
    mut visit: impl FnMut(&'a Json, String) -> Result<(), E>,
) -> Result<(), E> {
    for (keyword, value) in schema {
        let path = path::with_key(path, keyword);
        match value {
            Json::Array(items) if LIST.contains(&&**keyword) => {
                for (index, item) in items.iter().enumerate() {
                    visit(item, path::with_index(&path, index))?;
                }
            }
            Json::Object(members) if MAP.contains(&&**keyword) => {
                for (name, member) in members.iter() {
                    visit(member, path::with_key(&path, name))?;
                }
            }
            single if ONE.contains(&&**keyword) => visit(single, path)?,
            _ => {}
        }
    }
    Ok(())
}
