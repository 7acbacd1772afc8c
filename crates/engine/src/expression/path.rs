//! Paths into the scope, split when they are compiled: `user.emails.0`.
//!
//! A path reads only members of JSON values; the names that reach into JavaScript's prototypes are refused, exactly
//! (a member called `constructors` is fine).

use std::borrow::Cow;
use std::sync::Arc;

use cojson::json::Json;

use super::scope::Scope;
use crate::definition_error::{DefinitionError, Place};

/// Names that no path and no member may have, lest a host in JavaScript reaches a prototype through them.
const FORBIDDEN_NAMES: [&str; 3] = ["__proto__", "constructor", "prototype"];

/// Whether a path or an object must not have this name.
pub(super) fn is_forbidden(name: &str) -> bool {
    FORBIDDEN_NAMES.contains(&name)
}

/// The error for such a name.
pub(super) fn forbidden(place: &Place, name: &str) -> DefinitionError {
    place.error_text(
        "a name that does not reach into JavaScript's prototypes",
        format!("\"{name}\""),
    )
}

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    Context,
    Existing,
    Item,
    Result,
}

/// One step of a path: a member's name, and the index it is for an array.
#[derive(Clone, Debug)]
struct Segment {
    name: Arc<str>,
    index: Option<usize>,
}

impl Segment {
    fn new(name: &str) -> Self {
        let is_canonical = name == "0" || !name.starts_with(['0', '+']);
        Self {
            name: name.into(),
            index: name.parse().ok().filter(|_| is_canonical),
        }
    }

    /// The member or item.
    fn part<'a>(&self, value: &'a Json) -> Option<&'a Json> {
        match value {
            Json::Object(members) => members.get(&*self.name),
            Json::Array(items) => items.get(self.index?),
            _ => None,
        }
    }

    /// The member or item, or an array's or text's `length`.
    fn step<'a>(&self, value: &'a Json) -> Option<Cow<'a, Json>> {
        let length = || super::javascript::length(value).filter(|_| &*self.name == "length");
        let part = self.part(value).map(Cow::Borrowed);
        part.or_else(|| length().map(Cow::Owned))
    }
}

/// A path: where it begins and the steps from there.
#[derive(Clone, Debug)]
pub(super) struct Path {
    root: Root,
    segments: Box<[Segment]>,
}

impl Path {
    /// Splits `$…` and `$$…`; `text` starts with `$`.
    pub(super) fn parse_shortcut(text: &str, place: &Place) -> Result<Self, DefinitionError> {
        match text.strip_prefix("$$") {
            Some(path) => Self::parse_item(path, place),
            None => Self::parse_context(text.strip_prefix('$').unwrap_or(text), place),
        }
    }

    /// A path below the context, or below `existing`.
    pub(super) fn parse_context(path: &str, place: &Place) -> Result<Self, DefinitionError> {
        Self::parse(path, Root::Context, ("existing", Root::Existing), place)
    }

    /// A path below the item, or below `result`.
    pub(super) fn parse_item(path: &str, place: &Place) -> Result<Self, DefinitionError> {
        Self::parse(path, Root::Item, ("result", Root::Result), place)
    }

    fn parse(
        path: &str,
        root: Root,
        (special_name, special_root): (&str, Root),
        place: &Place,
    ) -> Result<Self, DefinitionError> {
        let segments = split(path, place)?;
        let is_special = segments.first().is_some_and(|s| &*s.name == special_name);
        Ok(Self {
            root: if is_special { special_root } else { root },
            segments: segments.into(),
        })
    }

    pub(super) fn root(&self) -> Root {
        self.root
    }

    /// The first name, which for a context path is the context's key. `None`: the whole root.
    pub(super) fn first_name(&self) -> Option<&Arc<str>> {
        self.segments.first().map(|segment| &segment.name)
    }

    /// The value it leads to.
    pub(super) fn read<'a>(&self, scope: &Scope<'a>) -> Option<Cow<'a, Json>> {
        match self.root {
            Root::Context => walk(scope.context, &self.segments),
            Root::Existing => self.read_special(scope.existing, Some(scope.context)),
            Root::Item => self.read_item(scope),
            Root::Result => match self.local(scope) {
                Some((local, rest)) => walk(local, rest),
                None => self.read_special(scope.result, scope.item),
            },
        }
    }

    fn read_item<'a>(&self, scope: &Scope<'a>) -> Option<Cow<'a, Json>> {
        match self.local(scope) {
            Some((local, rest)) => walk(local, rest),
            None => walk(scope.item?, &self.segments),
        }
    }

    /// The local that the first name is, and the steps below it.
    fn local<'a>(&self, scope: &Scope<'a>) -> Option<(&'a Json, &[Segment])> {
        let (first, rest) = self.segments.split_first()?;
        Some((scope.local(&first.name)?, rest))
    }

    /// The value has a root of its own if the scope has one, else it is an ordinary member of `otherwise`.
    fn read_special<'a>(
        &self,
        special: Option<&'a Json>,
        otherwise: Option<&'a Json>,
    ) -> Option<Cow<'a, Json>> {
        match (special, self.segments.split_first()) {
            (Some(special), Some((_, rest))) => walk(special, rest),
            _ => walk(otherwise?, &self.segments),
        }
    }
}

fn split(path: &str, place: &Place) -> Result<Vec<Segment>, DefinitionError> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    path.split('.')
        .map(|name| {
            if is_forbidden(name) {
                Err(forbidden(place, name))
            } else if name.is_empty() {
                Err(place.error_text(
                    "a path of names with a dot between them (a text that starts with \"$\" is written {\"$literal\": …})",
                    format!("\"{path}\""),
                ))
            } else {
                Ok(Segment::new(name))
            }
        })
        .collect()
}

fn walk<'a>(root: &'a Json, segments: &[Segment]) -> Option<Cow<'a, Json>> {
    let Some((last, before)) = segments.split_last() else {
        return Some(Cow::Borrowed(root));
    };
    let mut value = root;
    for segment in before {
        value = segment.part(value)?;
    }
    last.step(value)
}
