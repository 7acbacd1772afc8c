//! Design tokens: a tree of named values, read by path in `{path.to.token}` and written out as custom properties.
//!
//! A token's value may name other tokens. One that could leave its declaration is refused; one that a browser might
//! run (`javascript:`, embedded data, …) is emptied with a warning, as in the system these documents come from.

use std::sync::Arc;

use cojson::collections::OrderedMap;
use cojson::json::{Json, JsonObject};

use super::CONTAINER_NAME;
use super::name::is_name_letter;
use super::safety::{Piece, check_piece, unsafe_token};
use super::sources::{Path, Sources};
use crate::definition_error::DefinitionError;
use crate::expression::to_text;

/// Widths for container queries that every style can name.
const CONTAINERS: [(&str, &str); 6] = [
    ("xs", "240px"),
    ("sm", "360px"),
    ("md", "480px"),
    ("lg", "640px"),
    ("xl", "768px"),
    ("2xl", "1024px"),
];

/// How many tokens may lead to one another.
const REFERENCES_MAX: usize = 8;

/// The longest a token may become, in bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Names that no path may hold, lest a host in JavaScript reaches a prototype through them.
const FORBIDDEN_NAMES: [&str; 3] = ["__proto__", "constructor", "prototype"];

/// The tokens of a style, checked.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Path with dots -> value.
    values: OrderedMap<String, String>,
    /// The font faces, which are tokens of another kind.
    pub(super) font_faces: Vec<(Path, Arc<JsonObject>)>,
    /// Tokens that were emptied, and why.
    pub(super) warnings: Vec<DefinitionError>,
}

impl Tokens {
    /// Reads the tokens of both documents over the default ones.
    pub(super) fn read(sources: &Sources<'_>) -> Result<Self, DefinitionError> {
        let mut tokens = Self::default();
        let mut tree = JsonObject::new();
        tree.insert("containers".into(), default_containers());
        for (name, value) in sources.section("tokens") {
            let merged = match (tree.get(&name), &value) {
                (Some(Json::Object(old)), Json::Object(new)) => {
                    let mut members = (**old).clone();
                    members.extend(new.iter().map(|(key, value)| (key.clone(), value.clone())));
                    Json::from(members)
                }
                _ => value,
            };
            tree.insert(name, merged);
        }
        // A style cannot rename the container: the host's rule below would not follow.
        tree.insert("containerName".into(), Json::from(CONTAINER_NAME));
        tokens.collect(&mut vec!["tokens".into()], &tree, sources)?;
        tokens.resolve(sources)?;
        Ok(tokens)
    }

    /// The custom properties, in order: `--colors-text-marine`.
    pub(super) fn custom_properties(&self) -> impl Iterator<Item = (String, &str)> {
        self.values
            .iter()
            .map(|(path, value)| (format!("--{}", path.replace('.', "-")), &**value))
    }

    /// The text with each `{path.to.token}` replaced by the token's value.
    pub(super) fn interpolate(
        &self,
        text: &str,
        path: &[Arc<str>],
        sources: &Sources<'_>,
    ) -> Result<String, DefinitionError> {
        replace_references(text, |reference| match self.values.get(reference) {
            Some(value) => Ok(value.clone()),
            None => Err(unknown_token(reference, path, sources)),
        })
    }

    /// The text with each `{path}` that is a token replaced; other braces are the author's CSS.
    pub(super) fn interpolate_rules(&self, text: &str) -> String {
        let replaced: Result<String, std::convert::Infallible> =
            replace_references(text, |reference| {
                Ok(match self.values.get(reference) {
                    Some(value) => value.clone(),
                    None => format!("{{{reference}}}"),
                })
            });
        replaced.unwrap_or_default()
    }

    fn collect(
        &mut self,
        path: &mut Path,
        members: &JsonObject,
        sources: &Sources<'_>,
    ) -> Result<(), DefinitionError> {
        sources.check_depth(path)?;
        for (name, value) in members {
            path.push(name.clone());
            self.token(path, name, value, sources)?;
            path.pop();
        }
        Ok(())
    }

    fn token(
        &mut self,
        path: &mut Path,
        name: &str,
        value: &Json,
        sources: &Sources<'_>,
    ) -> Result<(), DefinitionError> {
        check_name(name, path, sources)?;
        match value {
            Json::Null => {}
            Json::Object(members) => self.collect(path, members, sources)?,
            Json::Array(items) if is_font_faces(path) => self.font_faces(path, items, sources)?,
            scalar => {
                let text = scalar_text(scalar, path, sources)?;
                let dotted = path.get(1..).unwrap_or_default().join(".");
                self.values.insert(dotted, text);
            }
        }
        Ok(())
    }

    fn font_faces(
        &mut self,
        path: &Path,
        items: &[Json],
        sources: &Sources<'_>,
    ) -> Result<(), DefinitionError> {
        for (index, item) in items.iter().enumerate() {
            let mut path = path.clone();
            path.push(index.to_string().into());
            match item {
                Json::Object(face) => self.font_faces.push((path, face.clone())),
                other => return Err(sources.place(&path).error("a font face object", other)),
            }
        }
        Ok(())
    }

    /// Replaces references between tokens and checks every value.
    fn resolve(&mut self, sources: &Sources<'_>) -> Result<(), DefinitionError> {
        let unresolved = self.values.clone();
        for (dotted, value) in self.values.iter_mut() {
            let path = token_path(dotted);
            let mut text = resolve_text(value, &unresolved, &path, sources, 0)?;
            if let Some(found) = unsafe_token(&text) {
                let place = sources.place(&path);
                self.warnings
                    .push(place.error_text("a token that no browser runs", found));
                text.clear();
            }
            check_piece(&text, Piece::Value).map_err(|found| {
                let place = sources.place(&path);
                place.error_text("a value that stays inside its declaration", found)
            })?;
            *value = text;
        }
        Ok(())
    }
}

fn default_containers() -> Json {
    Json::object(CONTAINERS.map(|(name, width)| (name, Json::from(width))))
}

fn is_font_faces(path: &[Arc<str>]) -> bool {
    matches!(path, [_, group, name] if &**group == "typography" && &**name == "fontFaces")
}

fn token_path(dotted: &str) -> Path {
    std::iter::once("tokens")
        .chain(dotted.split('.'))
        .map(Arc::from)
        .collect()
}

fn check_name(name: &str, path: &[Arc<str>], sources: &Sources<'_>) -> Result<(), DefinitionError> {
    let is_plain = !name.is_empty() && name.chars().all(is_name_letter);
    if is_plain && !FORBIDDEN_NAMES.contains(&name) {
        return Ok(());
    }
    let expected = "a token's name of letters, digits, \"-\" and \"_\"";
    Err(sources
        .place(path)
        .error_text(expected, format!("\"{name}\"")))
}

/// A scalar, or an array of scalars, as CSS text.
pub(super) fn scalar_text(
    value: &Json,
    path: &[Arc<str>],
    sources: &Sources<'_>,
) -> Result<String, DefinitionError> {
    let is_scalar = |value: &Json| !matches!(value, Json::Array(_) | Json::Object(_));
    match value {
        Json::Array(items) if items.iter().all(is_scalar) => Ok(to_text(value).to_string()),
        scalar if is_scalar(scalar) => Ok(to_text(scalar).to_string()),
        other => Err(sources.place(path).error("a text or a number", other)),
    }
}

fn resolve_text(
    text: &str,
    values: &OrderedMap<String, String>,
    path: &[Arc<str>],
    sources: &Sources<'_>,
    references: usize,
) -> Result<String, DefinitionError> {
    if references > REFERENCES_MAX || text.len() > TOKEN_BYTES_MAX {
        let expected = format!(
            "a token of at most {TOKEN_BYTES_MAX} bytes that leads to at most {REFERENCES_MAX} others"
        );
        return Err(sources
            .place(path)
            .error_text(expected, "a longer one, or a circle"));
    }
    replace_references(text, |reference| match values.get(reference) {
        Some(value) => resolve_text(value, values, path, sources, references + 1),
        None => Err(unknown_token(reference, path, sources)),
    })
}

fn unknown_token(reference: &str, path: &[Arc<str>], sources: &Sources<'_>) -> DefinitionError {
    sources.place(path).error_text(
        "the path of a token that brand or style has",
        format!("\"{{{reference}}}\""),
    )
}

/// Replaces each `{…}` that reads like a path.
fn replace_references<E>(
    text: &str,
    mut value_of: impl FnMut(&str) -> Result<String, E>,
) -> Result<String, E> {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        replaced.push_str(before);
        match after.split_once('}') {
            Some((reference, tail)) if is_reference(reference) => {
                replaced.push_str(&value_of(reference.trim())?);
                rest = tail;
            }
            _ => {
                replaced.push('{');
                rest = after;
            }
        }
    }
    replaced.push_str(rest);
    Ok(replaced)
}

fn is_reference(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty()
        && text
            .chars()
            .all(|letter| is_name_letter(letter) || letter == '.')
}
