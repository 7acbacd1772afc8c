//! The two documents of a style, merged: the brand, and over it the actor's own style.
//!
//! Later wins, arrays are replaced, objects are merged. An error names the document that holds the faulty member,
//! which is the style's wherever both have it.

use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use crate::definition_error::{DefinitionError, Place, one_of};

/// The members of a style document.
const SECTIONS: [&str; 4] = ["tokens", "components", "selectors", "rawCSS"];

/// How deep tokens, components and selectors may be nested.
pub(super) const DEPTH_MAX: usize = 32;

/// A path inside the merged document.
pub(super) type Path = Vec<Arc<str>>;

/// A brand and a style, either of which may be missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sources<'a> {
    brand: Option<&'a Json>,
    style: Option<&'a Json>,
}

impl<'a> Sources<'a> {
    /// Checks that both are style documents.
    pub(super) fn new(
        brand: Option<&'a Json>,
        style: Option<&'a Json>,
    ) -> Result<Self, DefinitionError> {
        check_document(brand, "brand")?;
        check_document(style, "style")?;
        Ok(Self { brand, style })
    }

    /// One section of both, merged.
    pub(super) fn section(&self, name: &str) -> JsonObject {
        let mut merged = JsonObject::new();
        for document in [self.brand, self.style] {
            let section = document.and_then(|document| document.get(name));
            if let Some(members) = section.and_then(Json::as_object) {
                merge(&mut merged, members);
            }
        }
        merged
    }

    /// The raw CSS of both, with the document each comes from.
    pub(super) fn raw_css(&self) -> impl Iterator<Item = (&'static str, &'a str)> {
        [("brand", self.brand), ("style", self.style)]
            .into_iter()
            .filter_map(|(name, document)| Some((name, document?.get("rawCSS")?.as_str()?)))
    }

    /// Where that path is: in the style if it has it, else in the brand.
    pub(super) fn place(&self, path: &[Arc<str>]) -> Place {
        let has_path = |document: &Json| {
            let found = path
                .iter()
                .try_fold(document, |value, name| value.step(name));
            found.is_some()
        };
        let document = if self.style.is_some_and(has_path) {
            "style"
        } else {
            "brand"
        };
        path.iter()
            .fold(Place::root(document), |place, name| place.key(name))
    }

    /// Checks that the path is not too deep.
    pub(super) fn check_depth(&self, path: &[Arc<str>]) -> Result<(), DefinitionError> {
        if path.len() <= DEPTH_MAX {
            return Ok(());
        }
        let expected = format!("rules nested at most {DEPTH_MAX} deep");
        Err(self.place(path).error_text(expected, "a deeper one"))
    }
}

fn check_document(document: Option<&Json>, name: &str) -> Result<(), DefinitionError> {
    let Some(document) = document else {
        return Ok(());
    };
    let place = Place::root(name);
    let members = document
        .as_object()
        .ok_or_else(|| place.error("an object", document))?;
    for (section, value) in members.iter().filter(|(name, _)| !name.starts_with('$')) {
        let place = place.key(section);
        match (&**section, value) {
            ("tokens" | "components" | "selectors", Json::Object(_))
            | ("rawCSS", Json::String(_)) => {}
            ("rawCSS", other) => return Err(place.error("a text", other)),
            ("tokens" | "components" | "selectors", other) => {
                return Err(place.error("an object", other));
            }
            _ => {
                let expected = format!("one of the members {}", one_of(SECTIONS));
                return Err(place.error_text(expected, format!("\"{section}\"")));
            }
        }
    }
    Ok(())
}

fn merge(target: &mut JsonObject, source: &JsonObject) {
    for (key, value) in source {
        match (target.get_mut(key), value) {
            (Some(Json::Object(old)), Json::Object(new)) => merge(Arc::make_mut(old), new),
            (Some(old), new) => *old = new.clone(),
            (None, new) => {
                target.insert(key.clone(), new.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_wins_and_objects_are_merged() {
        let brand = Json::parse(r#"{"tokens":{"a":{"x":1,"y":[1]},"b":2}}"#).unwrap();
        let style = Json::parse(r#"{"tokens":{"a":{"y":[2]},"c":3}}"#).unwrap();
        let sources = Sources::new(Some(&brand), Some(&style)).unwrap();
        assert_eq!(
            Json::from(sources.section("tokens")).to_string(),
            r#"{"a":{"x":1,"y":[2]},"b":2,"c":3}"#
        );
        assert_eq!(
            sources.place(&["tokens".into(), "b".into()]).document(),
            "brand"
        );
        assert_eq!(
            sources.place(&["tokens".into(), "c".into()]).document(),
            "style"
        );
    }

    #[test]
    fn r12_a_document_of_another_shape_is_refused() {
        for (style, path) in [
            ("[]", ""),
            (r#"{"tokens":[]}"#, "tokens"),
            (r#"{"rawCSS":{}}"#, "rawCSS"),
            (r#"{"token":{}}"#, "token"),
        ] {
            let style = Json::parse(style).unwrap();
            let error = Sources::new(None, Some(&style)).unwrap_err();
            assert_eq!((&*error.document, &*error.path), ("style", path));
        }
    }
}
