//! What is wrong in a definition, and where: the one error of everything that compiles JSON documents.
//!
//! A [`Place`] is extended while a document is walked; it makes the [`DefinitionError`]s. Nothing here knows what
//! a document means, and an error never holds more than a short piece of what was found.

use std::fmt::{self, Write as _};
use std::ops::Deref;
use std::sync::Arc;

use cojson::json::Json;

/// How much of a found value an error quotes, in characters.
const QUOTE_CHARACTERS_MAX: usize = 60;

/// How many things that are wrong one error tells.
const MISFITS_MAX: usize = 20;

/// A definition that is not understood: the first thing that is wrong with it, and as far as they were found the others. One
/// pointer, as a compiler has a hundred ways out, each of which moves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionError(Box<Misfits>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Misfits {
    first: Misfit,
    more: Vec<Misfit>,
}

impl Deref for DefinitionError {
    type Target = Misfit;

    fn deref(&self) -> &Misfit {
        &self.0.first
    }
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = self.all();
        if let Some(first) = all.next() {
            first.fmt(formatter)?;
        }
        all.try_for_each(|misfit| write!(formatter, "\n{misfit}"))
    }
}

impl std::error::Error for DefinitionError {}

impl DefinitionError {
    /// The error that says this.
    pub(crate) fn new(misfit: Misfit) -> Self {
        let more = Vec::new();
        Self(Box::new(Misfits {
            first: misfit,
            more,
        }))
    }

    /// Everything that was found wrong, 20 things at most.
    pub fn all(&self) -> impl Iterator<Item = &Misfit> {
        std::iter::once(&self.0.first).chain(&self.0.more)
    }

    fn add(&mut self, other: Self) {
        let Misfits { first, more } = *other.0;
        let room = MISFITS_MAX.saturating_sub(1 + self.0.more.len());
        let all = std::iter::once(first).chain(more);
        self.0.more.extend(all.take(room));
    }
}

/// What is found wrong while a definition is gone through to its end.
#[derive(Debug, Default)]
pub(crate) struct Findings(Option<DefinitionError>);

impl Findings {
    /// What came of a part, unless it is wrong, which is noted.
    pub(crate) fn take<T>(&mut self, part: Result<T, DefinitionError>) -> Option<T> {
        match (part, &mut self.0) {
            (Ok(part), _) => return Some(part),
            (Err(error), Some(known)) => known.add(error),
            (Err(error), none) => *none = Some(error),
        }
        None
    }

    /// Fails if anything was wrong.
    pub(crate) fn check(&mut self) -> Result<(), DefinitionError> {
        self.0.take().map_or(Ok(()), Err)
    }
}

/// What is wrong: which document, where in it, what belongs there, and what is there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the document \"{document}\" is wrong at {}: expected {expected}, found {found}",
    or_its_root(path)
)]
pub struct Misfit {
    /// The document's name: `state`, `view`, …
    pub document: String,
    /// The JSON path inside it: `states.idle.on.ADD.target`; empty for its root.
    pub path: String,
    /// What belongs there, as part of a sentence.
    pub expected: String,
    /// What is there, as part of a sentence.
    pub found: String,
}

fn or_its_root(path: &str) -> &str {
    if path.is_empty() { "its root" } else { path }
}

/// Where the walk through a document is.
#[derive(Clone, Debug)]
pub struct Place {
    document: Arc<str>,
    path: String,
}

impl Place {
    /// The root of the document of that name.
    pub fn root(document: &str) -> Self {
        Self {
            document: document.into(),
            path: String::new(),
        }
    }

    /// The member of that name. A name that is not a plain word is quoted: `on["a.b"]`.
    #[must_use]
    pub fn key(&self, name: &str) -> Self {
        let mut path = self.path.clone();
        push_key(&mut path, name);
        self.with_path(path)
    }

    /// The item of that index, from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        let mut path = self.path.clone();
        push_index(&mut path, index);
        self.with_path(path)
    }

    fn with_path(&self, path: String) -> Self {
        Self {
            document: self.document.clone(),
            path,
        }
    }

    /// The document's name.
    pub fn document(&self) -> &str {
        &self.document
    }

    /// The JSON path so far; empty at the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The error that this value stands here instead of what was expected.
    pub fn error(&self, expected: impl Into<String>, found: &Json) -> DefinitionError {
        self.error_text(expected, describe(found))
    }

    /// The error that something is missing here.
    pub fn missing(&self, expected: impl Into<String>) -> DefinitionError {
        self.error_text(expected, "nothing")
    }

    /// The error in the words of the caller.
    pub fn error_text(
        &self,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> DefinitionError {
        self.misfit(expected.into(), found.into())
    }

    #[cold]
    #[inline(never)]
    fn misfit(&self, expected: String, found: String) -> DefinitionError {
        DefinitionError::new(Misfit {
            document: self.document.to_string(),
            path: self.path.clone(),
            expected,
            found,
        })
    }
}

/// Appends a member's name to a JSON path; one that is not a plain word is quoted.
pub(crate) fn push_key(path: &mut String, name: &str) {
    if !is_plain(name) {
        // Writing to a `String` cannot fail.
        let _ = write!(path, "[{}]", Json::from(name));
    } else if path.is_empty() || path.ends_with('#') {
        path.push_str(name);
    } else {
        path.push('.');
        path.push_str(name);
    }
}

/// Appends an item's index to a JSON path.
pub(crate) fn push_index(path: &mut String, index: usize) {
    let _ = write!(path, "[{index}]");
}

fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| !c.is_ascii() || c.is_ascii_alphanumeric() || "_-$@/".contains(c))
}

/// A value in a few words: its kind, and its text if that is short.
pub(crate) fn describe(value: &Json) -> String {
    let kind = match value {
        Json::Null => return "null".to_owned(),
        Json::Bool(_) => "the boolean",
        Json::Number(_) => "the number",
        Json::String(_) => "the text",
        Json::Array(_) => "the array",
        Json::Object(_) => "the object",
    };
    format!("{kind} {}", shorten(&value.to_string()))
}

/// The beginning of a text, for a message.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(QUOTE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Names as part of a sentence: `"a", "b" or "c"`.
pub fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names
        .into_iter()
        .map(|name| format!("\"{name}\""))
        .collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, first)) => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r12_an_error_names_document_path_expectation_and_finding() {
        let place = Place::root("state").key("states").key("a.b").key("on");
        let error = place.index(2).error("a state", &Json::from("gone"));
        assert_eq!(
            error.to_string(),
            r#"the document "state" is wrong at states["a.b"].on[2]: expected a state, found the text "gone""#
        );
        let error = Place::root("view").missing("an object");
        assert_eq!(
            error.to_string(),
            r#"the document "view" is wrong at its root: expected an object, found nothing"#
        );
    }

    #[test]
    fn r12_an_error_tells_all_that_is_wrong_up_to_a_bound() {
        let mut findings = Findings::default();
        assert_eq!(findings.take(Ok(1)), Some(1));
        assert!(findings.check().is_ok());
        for index in 0..50 {
            let wrong = Place::root("state").index(index).missing("a state");
            assert_eq!(findings.take::<()>(Err(wrong)), None);
        }
        let error = findings.check().unwrap_err();
        assert_eq!(error.path, "[0]");
        assert_eq!(error.all().count(), MISFITS_MAX);
        let text = error.to_string();
        assert_eq!(text.lines().count(), MISFITS_MAX, "{text}");
        assert!(text.lines().nth(1).unwrap().contains("[1]"), "{text}");
        assert!(findings.check().is_ok(), "told once");
    }

    #[test]
    fn a_long_value_is_quoted_in_part() {
        let error = Place::root("view").error("a text", &Json::from("é".repeat(500)));
        assert!(error.found.chars().count() < 80, "{}", error.found);
    }

    #[test]
    fn names_read_as_a_sentence() {
        for (names, text) in [
            (&[][..], "nothing"),
            (&["a"], r#""a""#),
            (&["a", "b", "c"], r#""a", "b" or "c""#),
        ] {
            assert_eq!(one_of(names.iter().copied()), text);
        }
    }
}
