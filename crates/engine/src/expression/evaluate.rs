//! Evaluation: a walk over the compiled nodes. Nothing is parsed, and paths and comparisons allocate nothing.

use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use super::compile::{Each, Member, Name, Node};
use super::javascript::{is_greater, join, length, to_text, trim};
use super::path;
use super::scope::{Local, Scope};

/// How many items all `$map` and `$find` of one evaluation may visit: nested ones multiply.
const ITEMS_MAX: u32 = 1_000_000;

/// An expression that has no value for what it was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// An object's key was evaluated to something that cannot name a member.
    #[error(
        "the member's name at {path} must become a text, a number or a boolean, and became {found}"
    )]
    NotAName {
        /// The JSON path of the key in its document.
        path: Arc<str>,
        /// What it became.
        found: String,
    },
    /// An object's key was evaluated to a name that reaches into JavaScript's prototypes.
    #[error("the member's name at {path} must not be \"{name}\"")]
    ForbiddenName {
        /// The JSON path of the key in its document.
        path: Arc<str>,
        /// The name.
        name: Arc<str>,
    },
    /// Arithmetic on something that is no number, or that gives none.
    #[error("the arithmetic at {path} takes two numbers and gives one, and found {found}")]
    NotANumber {
        /// The JSON path of the operator in its document.
        path: Arc<str>,
        /// Both sides.
        found: String,
    },
    /// `$map` and `$find` visited too many items.
    #[error("the expression at {path} visits more than {ITEMS_MAX} items")]
    TooManyItems {
        /// The JSON path of the operator in its document.
        path: Arc<str>,
    },
}

impl EvaluationError {
    /// The JSON path of the part that failed, in its document.
    pub fn path(&self) -> &str {
        match self {
            Self::NotAName { path, .. }
            | Self::NotANumber { path, .. }
            | Self::ForbiddenName { path, .. }
            | Self::TooManyItems { path } => path,
        }
    }
}

type Value = Result<Option<Json>, EvaluationError>;

pub(super) fn evaluate(node: &Node, scope: &Scope<'_>) -> Value {
    Evaluator {
        items_left: ITEMS_MAX,
    }
    .value(node, scope)
}

struct Evaluator {
    items_left: u32,
}

impl Evaluator {
    fn value(&mut self, node: &Node, scope: &Scope<'_>) -> Value {
        Ok(Some(match node {
            Node::Undefined => return Ok(None),
            Node::Literal(value) => value.clone(),
            Node::Path(path) => return Ok(path.read(scope)),
            Node::Marker(name) => return Ok(scope.marker(name).cloned()),
            Node::Member(parts) => return self.member_of(parts, scope),
            Node::Array(items) => self.array(items, scope)?,
            Node::Object(members) => self.object(members, None, scope)?,
            Node::Record(members) => self.object(members, Some(&Json::Null), scope)?,
            Node::Eq(sides) => Json::Bool(self.is_equal(sides, scope)?),
            Node::Ne(sides) => Json::Bool(!self.is_equal(sides, scope)?),
            Node::Gt(sides) => {
                let [left, right] = self.pair(sides, scope)?;
                Json::Bool(is_greater(left.as_ref(), right.as_ref()))
            }
            Node::Not(part) => Json::Bool(!self.is_truthy(part, scope)?),
            Node::And(parts) => Json::Bool(!self.any(parts, false, scope)?),
            Node::Or(parts) => Json::Bool(self.any(parts, true, scope)?),
            Node::Trim(part) => return Ok(self.value(part, scope)?.map(trimmed)),
            Node::Length(part) => self.length(part, scope)?,
            Node::Concat(parts) => self.concat(parts, scope)?,
            Node::Join(parts) => self.join(parts, scope)?,
            Node::Map(each) => self.map(each, scope)?,
            Node::Find(each) => return self.find(each, scope),
            Node::Arithmetic(it) => it.result(self.pair(&it.sides, scope)?)?,
            Node::If(parts) => return self.branch(parts, scope),
        }))
    }

    fn is_truthy(&mut self, node: &Node, scope: &Scope<'_>) -> Result<bool, EvaluationError> {
        Ok(self
            .value(node, scope)?
            .is_some_and(|value| value.is_truthy()))
    }

    /// Whether any part is as truthy as wanted; those after it are not evaluated.
    fn any(
        &mut self,
        parts: &[Node],
        wanted: bool,
        scope: &Scope<'_>,
    ) -> Result<bool, EvaluationError> {
        for part in parts {
            if self.is_truthy(part, scope)? == wanted {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn pair(
        &mut self,
        [left, right]: &[Node; 2],
        scope: &Scope<'_>,
    ) -> Result<[Option<Json>; 2], EvaluationError> {
        Ok([self.value(left, scope)?, self.value(right, scope)?])
    }

    /// `===`, with undefined different from null. Arrays and objects are compared by content, since which of them are
    /// the very same object would differ after a reload.
    fn is_equal(&mut self, sides: &[Node; 2], scope: &Scope<'_>) -> Result<bool, EvaluationError> {
        let [left, right] = self.pair(sides, scope)?;
        Ok(left == right)
    }

    fn branch(&mut self, [condition, then, otherwise]: &[Node; 3], scope: &Scope<'_>) -> Value {
        let chosen = if self.is_truthy(condition, scope)? {
            then
        } else {
            otherwise
        };
        self.value(chosen, scope)
    }

    fn member_of(&mut self, parts: &[Node; 2], scope: &Scope<'_>) -> Value {
        let [Some(map), Some(name)] = self.pair(parts, scope)? else {
            return Ok(None);
        };
        Ok(map.step(&to_text(&name)).cloned())
    }

    /// As `JSON.stringify` has it, an item that is undefined is null.
    fn array(&mut self, items: &[Node], scope: &Scope<'_>) -> Result<Json, EvaluationError> {
        let values = items
            .iter()
            .map(|item| Ok(self.value(item, scope)?.unwrap_or_default()));
        Ok(values.collect::<Result<Vec<Json>, _>>()?.into())
    }

    /// A member that is undefined is the given value, or left out, as `JSON.stringify` has it; one whose name is null
    /// or undefined is left out.
    fn object(
        &mut self,
        members: &[Member],
        undefined: Option<&Json>,
        scope: &Scope<'_>,
    ) -> Result<Json, EvaluationError> {
        let mut object = JsonObject::new();
        for member in members {
            if let Some(name) = self.name(&member.name, scope)?
                && let Some(value) = self.value(&member.value, scope)?.or(undefined.cloned())
            {
                object.insert(name, value);
            }
        }
        Ok(object.into())
    }

    fn name(
        &mut self,
        name: &Name,
        scope: &Scope<'_>,
    ) -> Result<Option<Arc<str>>, EvaluationError> {
        let (node, path) = match name {
            Name::Written(name) => return Ok(Some(name.clone())),
            Name::Evaluated { name, place } => (name, place),
        };
        let name = match self.value(node, scope)? {
            None | Some(Json::Null) => return Ok(None),
            Some(Json::Array(_)) => return Err(not_a_name(path, "an array")),
            Some(Json::Object(_)) => return Err(not_a_name(path, "an object")),
            Some(scalar) => to_text(&scalar),
        };
        if path::is_forbidden(&name) {
            let path = path.clone();
            return Err(EvaluationError::ForbiddenName { path, name });
        }
        Ok(Some(name))
    }

    fn length(&mut self, part: &Node, scope: &Scope<'_>) -> Result<Json, EvaluationError> {
        let value = self.value(part, scope)?;
        Ok(value.as_ref().and_then(length).unwrap_or(Json::Number(0.0)))
    }

    fn concat(&mut self, parts: &[Node], scope: &Scope<'_>) -> Result<Json, EvaluationError> {
        let mut all = Vec::new();
        for part in parts {
            match self.value(part, scope)? {
                None | Some(Json::Null) => {}
                Some(Json::Array(items)) => all.extend(items.iter().cloned()),
                Some(single) => all.push(single),
            }
        }
        Ok(all.into())
    }

    fn join(&mut self, parts: &[Node; 2], scope: &Scope<'_>) -> Result<Json, EvaluationError> {
        let [items, separator] = self.pair(parts, scope)?;
        let separator = separator.map_or_else(|| ",".into(), |value| to_text(&value));
        let text = match &items {
            None | Some(Json::Null) => String::new(),
            Some(Json::Array(items)) => join(items, &separator),
            Some(single) => to_text(single).to_string(),
        };
        Ok(text.into())
    }

    fn map(&mut self, each: &Each, scope: &Scope<'_>) -> Result<Json, EvaluationError> {
        let Some(Json::Array(items)) = self.value(&each.array, scope)? else {
            return Ok(Vec::new().into());
        };
        let mut mapped = Vec::with_capacity(items.len());
        for item in items.iter() {
            let value = self.with_item(each, item, scope, |evaluator, scope| {
                evaluator.template(each, item, scope)
            })?;
            mapped.push(value.unwrap_or_default());
        }
        Ok(mapped.into())
    }

    fn find(&mut self, each: &Each, scope: &Scope<'_>) -> Value {
        let (Some(Json::Array(items)), Some(condition)) =
            (self.value(&each.array, scope)?, &each.condition)
        else {
            return Ok(None);
        };
        for item in items.iter() {
            let found = self.with_item(each, item, scope, |evaluator, scope| {
                if evaluator.is_truthy(condition, scope)? {
                    evaluator.template(each, item, scope).map(Some)
                } else {
                    Ok(None)
                }
            })?;
            if let Some(found) = found {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn template(&mut self, each: &Each, item: &Json, scope: &Scope<'_>) -> Value {
        match &each.template {
            Some(template) => self.value(template, scope),
            None => Ok(Some(item.clone())),
        }
    }

    /// Evaluates with one item in scope: under its name, or as the item itself when it has none.
    fn with_item<T>(
        &mut self,
        each: &Each,
        item: &Json,
        scope: &Scope<'_>,
        evaluate: impl FnOnce(&mut Self, &Scope<'_>) -> Result<T, EvaluationError>,
    ) -> Result<T, EvaluationError> {
        self.items_left = self.items_left.checked_sub(1).ok_or_else(|| {
            let path = each.place.clone();
            EvaluationError::TooManyItems { path }
        })?;
        let name = each.name.as_deref();
        let local = Local::inside(scope.locals, name.unwrap_or("item"), item);
        match name {
            Some(_) => evaluate(self, &scope.with_local(&local)),
            // `$$item` names it too, unless it has a member of that name.
            None if item.get("item").is_some() => evaluate(self, &scope.with_item(item)),
            None => evaluate(self, &scope.with_item(item).with_local(&local)),
        }
    }
}

fn trimmed(value: Json) -> Json {
    match value {
        Json::String(text) => Json::String(trim(&text)),
        other => other,
    }
}

fn not_a_name(path: &Arc<str>, found: &str) -> EvaluationError {
    EvaluationError::NotAName {
        path: path.clone(),
        found: found.to_owned(),
    }
}
