//! Evaluation: a walk over the compiled nodes. Nothing is parsed, and paths and comparisons allocate nothing.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use cojson::json::{Json, JsonObject};

use super::javascript::{join, length, order, to_text, trim};
use super::node::{Each, Member, Name, Node, Switch, Test};
use super::path;
use super::scope::{Local, Scope};

/// How many steps one evaluation may take: a value each, and each item or UTF-8 byte that is copied or compared. Only
/// `$map`, `$find` and `$filter` can come to that, as without them each part is evaluated at most once.
pub const EVALUATION_STEPS_MAX: usize = 1_000_000;

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
    /// An operator was given something that it is not for.
    #[error("the operator at {path} takes {expected} and found {found}")]
    WrongType {
        /// The JSON path of the operator in its document.
        path: Arc<str>,
        /// What it takes, as part of a sentence.
        expected: &'static str,
        /// What it was given.
        found: String,
    },
    /// `$map`, `$find` and `$filter` went on for too long.
    #[error(
        "the expression at {path} takes more than {EVALUATION_STEPS_MAX} steps: give it a shorter array, or split it"
    )]
    TooManySteps {
        /// The JSON path of the operator in its document.
        path: Arc<str>,
    },
}

impl EvaluationError {
    /// The JSON path of the part that failed, in its document.
    pub fn path(&self) -> &str {
        match self {
            Self::NotAName { path, .. }
            | Self::WrongType { path, .. }
            | Self::ForbiddenName { path, .. }
            | Self::TooManySteps { path } => path,
        }
    }
}

type Evaluated<T> = Result<T, Box<EvaluationError>>;

/// A value that is there already is borrowed from where it is.
type Value<'a> = Evaluated<Option<Cow<'a, Json>>>;

pub(super) fn evaluate(node: &Node, scope: &Scope<'_>) -> Result<Option<Json>, EvaluationError> {
    let value = Evaluator { steps: 0 }.value(node, scope);
    Ok(value.map_err(|error| *error)?.map(Cow::into_owned))
}

pub(super) fn is_truthy(node: &Node, scope: &Scope<'_>) -> Result<bool, EvaluationError> {
    let value = Evaluator { steps: 0 }.is_truthy(node, scope);
    value.map_err(|error| *error)
}

pub(super) fn members(
    members: &[Member],
    scope: &Scope<'_>,
    values: &mut Vec<Json>,
) -> Result<(), EvaluationError> {
    let mut evaluator = Evaluator { steps: 0 };
    for member in members {
        let value = evaluator.owned(&member.value, scope);
        values.push(value.map_err(|error| *error)?.unwrap_or_default());
    }
    Ok(())
}

struct Evaluator {
    /// How many were taken.
    steps: usize,
}

impl Evaluator {
    fn value<'a>(&mut self, node: &'a Node, scope: &Scope<'a>) -> Value<'a> {
        self.steps += 1;
        match node {
            Node::Undefined => Ok(None),
            Node::Literal(value) => Ok(Some(Cow::Borrowed(value))),
            Node::Path(path) => Ok(path.read(scope)),
            operation => self.operation(operation, scope),
        }
    }

    /// Apart from what is merely read, which needs no room for all that this makes.
    fn operation<'a>(&mut self, node: &'a Node, scope: &Scope<'a>) -> Value<'a> {
        let made = match node {
            Node::Undefined | Node::Literal(_) | Node::Path(_) => return self.value(node, scope),
            Node::Marker(name) => return Ok(scope.marker(name).map(Cow::Borrowed)),
            Node::Member(parts) => return self.member_of(parts, scope),
            Node::Array(items) => self.array(items, scope)?,
            Node::Object(members) => self.object(members, None, scope)?,
            Node::Record(members) => self.object(members, Some(&Json::Null), scope)?,
            Node::Test(test) => Json::Bool(self.holds(test, scope)?),
            Node::Trim(part) => return Ok(self.value(part, scope)?.map(trimmed)),
            Node::Length(part) => self.length(part, scope)?,
            Node::Concat(parts) => self.concat(parts, scope)?,
            Node::Join(parts) => self.join(parts, scope)?,
            Node::Map(each) => self.map(each, scope)?,
            Node::Find(each) => return Ok(self.find(each, scope)?.map(Cow::Owned)),
            Node::Filter(each) => self.filter(each, scope)?,
            Node::Typed(it) => {
                let sides = self.pair(&it.sides, scope)?;
                let [left, right] = &sides;
                let sides = [left.as_deref(), right.as_deref()];
                if !it.operator.is_arithmetic() {
                    for side in sides {
                        self.charge(side);
                    }
                }
                it.result(sides)?
            }
            Node::If(parts) => return self.branch(parts, scope),
            Node::Switch(switch) => return self.switch(switch, scope),
            Node::Now => return Ok(scope.now_ms.map(|ms| Cow::Owned(ms.into()))),
            Node::EventType => {
                let event_type = scope.event_type.cloned();
                return Ok(event_type.map(|it| Cow::Owned(it.into())));
            }
        };
        Ok(Some(Cow::Owned(made)))
    }

    fn owned(&mut self, node: &Node, scope: &Scope<'_>) -> Evaluated<Option<Json>> {
        Ok(self.value(node, scope)?.map(Cow::into_owned))
    }

    fn is_truthy(&mut self, node: &Node, scope: &Scope<'_>) -> Evaluated<bool> {
        let value = match node {
            Node::Test(test) => {
                self.steps += 1;
                return self.holds(test, scope);
            }
            // What is mostly a condition's part goes without what an operation hands back.
            Node::Path(path) => {
                self.steps += 1;
                path.read(scope)
            }
            _ => self.value(node, scope)?,
        };
        Ok(value.is_some_and(|value| value.is_truthy()))
    }

    /// What comes to true or false, of which no value need be made where it is a condition.
    fn holds(&mut self, test: &Test, scope: &Scope<'_>) -> Evaluated<bool> {
        Ok(match test {
            Test::Eq(sides) => self.is_equal(sides, scope)?,
            Test::Ne(sides) => !self.is_equal(sides, scope)?,
            Test::Gt(sides) => self.order(sides, scope)? == Some(Ordering::Greater),
            Test::Gte(sides) => self.order(sides, scope)?.is_some_and(Ordering::is_ge),
            Test::Not(part) => !self.is_truthy(part, scope)?,
            Test::And(parts) => !self.any(parts, false, scope)?,
            Test::Or(parts) => self.any(parts, true, scope)?,
        })
    }

    /// Whether any part is as truthy as wanted; those after it are not evaluated.
    fn any(&mut self, parts: &[Node], wanted: bool, scope: &Scope<'_>) -> Evaluated<bool> {
        for part in parts {
            if self.is_truthy(part, scope)? == wanted {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn pair<'a>(
        &mut self,
        [left, right]: &'a [Node; 2],
        scope: &Scope<'a>,
    ) -> Evaluated<[Option<Cow<'a, Json>>; 2]> {
        Ok([self.value(left, scope)?, self.value(right, scope)?])
    }

    fn order(&mut self, sides: &[Node; 2], scope: &Scope<'_>) -> Evaluated<Option<Ordering>> {
        let [left, right] = sides;
        let (left, right) = (self.value(left, scope)?, self.value(right, scope)?);
        Ok(order(left.as_deref(), right.as_deref()))
    }

    /// Counts what it takes to copy or compare a value.
    fn charge(&mut self, value: Option<&Json>) {
        self.steps += match value {
            Some(Json::Array(items)) => items.len(),
            Some(Json::Object(members)) => members.len(),
            Some(Json::String(text)) => text.len(),
            _ => 0,
        };
    }

    /// `===`, with undefined different from null. Arrays and objects are compared by content, since which of them are
    /// the very same object would differ after a reload.
    fn is_equal(&mut self, sides: &[Node; 2], scope: &Scope<'_>) -> Evaluated<bool> {
        let [left, right] = sides;
        let (left, right) = (self.value(left, scope)?, self.value(right, scope)?);
        self.charge(left.as_deref());
        Ok(left == right)
    }

    fn branch<'a>(
        &mut self,
        [condition, then, otherwise]: &'a [Node; 3],
        scope: &Scope<'a>,
    ) -> Value<'a> {
        let chosen = if self.is_truthy(condition, scope)? {
            then
        } else {
            otherwise
        };
        self.value(chosen, scope)
    }

    /// The case of the value's text; without one the default.
    fn switch<'a>(&mut self, switch: &'a Switch, scope: &Scope<'a>) -> Value<'a> {
        let on = self.value(&switch.on, scope)?.map(|value| to_text(&value));
        let case = switch
            .cases
            .iter()
            .find(|(value, _)| on.as_ref() == Some(value));
        self.value(case.map_or(&switch.otherwise, |(_, node)| node), scope)
    }

    fn member_of<'a>(&mut self, parts: &'a [Node; 2], scope: &Scope<'a>) -> Value<'a> {
        let [Some(map), Some(name)] = self.pair(parts, scope)? else {
            return Ok(None);
        };
        let name = to_text(&name);
        Ok(match map {
            Cow::Borrowed(map) => map.step(&name).map(Cow::Borrowed),
            Cow::Owned(map) => map.step(&name).cloned().map(Cow::Owned),
        })
    }

    /// As `JSON.stringify` has it, an item that is undefined is null.
    fn array(&mut self, items: &[Node], scope: &Scope<'_>) -> Evaluated<Json> {
        let values = items
            .iter()
            .map(|item| Ok(self.owned(item, scope)?.unwrap_or_default()));
        Ok(values.collect::<Evaluated<Vec<Json>>>()?.into())
    }

    /// A member that is undefined is the given value, or left out, as `JSON.stringify` has it; one whose name is null
    /// or undefined is left out.
    fn object(
        &mut self,
        members: &[Member],
        undefined: Option<&Json>,
        scope: &Scope<'_>,
    ) -> Evaluated<Json> {
        let mut object = JsonObject::new();
        for member in members {
            if let Some(name) = self.name(&member.name, scope)?
                && let Some(value) = self.owned(&member.value, scope)?.or(undefined.cloned())
            {
                object.insert(name, value);
            }
        }
        Ok(object.into())
    }

    fn name(&mut self, name: &Name, scope: &Scope<'_>) -> Evaluated<Option<Arc<str>>> {
        let (node, path) = match name {
            Name::Written(name) => return Ok(Some(name.clone())),
            Name::Evaluated { name, place } => (name, place),
        };
        let name = match self.value(node, scope)?.as_deref() {
            None | Some(Json::Null) => return Ok(None),
            Some(Json::Array(_)) => return Err(not_a_name(path, "an array").into()),
            Some(Json::Object(_)) => return Err(not_a_name(path, "an object").into()),
            Some(scalar) => to_text(scalar),
        };
        if path::is_forbidden(&name) {
            let path = path.clone();
            return Err(EvaluationError::ForbiddenName { path, name }.into());
        }
        Ok(Some(name))
    }

    fn length(&mut self, part: &Node, scope: &Scope<'_>) -> Evaluated<Json> {
        let value = self.value(part, scope)?;
        let length = value.as_deref().and_then(length);
        Ok(length.unwrap_or(Json::Number(0.0)))
    }

    fn concat(&mut self, parts: &[Node], scope: &Scope<'_>) -> Evaluated<Json> {
        let mut all = Vec::new();
        for part in parts {
            let value = self.value(part, scope)?;
            self.charge(value.as_deref());
            match value.as_deref() {
                None | Some(Json::Null) => {}
                Some(Json::Array(items)) => all.extend(items.iter().cloned()),
                Some(single) => all.push(single.clone()),
            }
        }
        Ok(all.into())
    }

    fn join(&mut self, parts: &[Node; 2], scope: &Scope<'_>) -> Evaluated<Json> {
        let [items, separator] = self.pair(parts, scope)?;
        self.charge(items.as_deref());
        let separator = separator.map_or_else(|| ",".into(), |value| to_text(&value));
        let text = match items.as_deref() {
            None | Some(Json::Null) => String::new(),
            Some(Json::Array(items)) => join(items, &separator),
            Some(single) => to_text(single).to_string(),
        };
        Ok(text.into())
    }

    /// The items that `$map`, `$find` and `$filter` go through.
    fn items(&mut self, each: &Each, scope: &Scope<'_>) -> Evaluated<Arc<Vec<Json>>> {
        match self.value(&each.array, scope)?.as_deref() {
            Some(Json::Array(items)) => Ok(Arc::clone(items)),
            _ => Ok(Arc::default()),
        }
    }

    fn map(&mut self, each: &Each, scope: &Scope<'_>) -> Evaluated<Json> {
        let items = self.items(each, scope)?;
        let mut mapped = Vec::with_capacity(items.len());
        for item in items.iter() {
            let value = self.with_item(each, item, scope, |evaluator, scope| {
                evaluator.template(each, item, scope)
            })?;
            mapped.push(value.unwrap_or_default());
        }
        Ok(mapped.into())
    }

    fn find(&mut self, each: &Each, scope: &Scope<'_>) -> Evaluated<Option<Json>> {
        let items = self.items(each, scope)?;
        let Some(condition) = &each.condition else {
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

    fn filter(&mut self, each: &Each, scope: &Scope<'_>) -> Evaluated<Json> {
        let items = self.items(each, scope)?;
        let mut kept = Vec::new();
        for item in items.iter() {
            let value = self.with_item(each, item, scope, |evaluator, scope| {
                let is_kept = match &each.condition {
                    Some(condition) => evaluator.is_truthy(condition, scope)?,
                    None => false,
                };
                let template = is_kept.then(|| evaluator.template(each, item, scope));
                template.transpose()
            })?;
            kept.extend(value.map(Option::unwrap_or_default));
        }
        Ok(kept.into())
    }

    fn template(&mut self, each: &Each, item: &Json, scope: &Scope<'_>) -> Evaluated<Option<Json>> {
        match &each.template {
            Some(template) => self.owned(template, scope),
            None => Ok(Some(item.clone())),
        }
    }

    /// Evaluates with one item in scope: under its name, or as the item itself when it has none.
    fn with_item<T>(
        &mut self,
        each: &Each,
        item: &Json,
        scope: &Scope<'_>,
        evaluate: impl FnOnce(&mut Self, &Scope<'_>) -> Evaluated<T>,
    ) -> Evaluated<T> {
        if self.steps > EVALUATION_STEPS_MAX {
            let path = each.place.clone();
            return Err(EvaluationError::TooManySteps { path }.into());
        }
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

fn trimmed(value: Cow<'_, Json>) -> Cow<'_, Json> {
    match &*value {
        Json::String(text) => Cow::Owned(Json::String(trim(text))),
        _ => value,
    }
}

fn not_a_name(path: &Arc<str>, found: &str) -> EvaluationError {
    let (path, found) = (path.clone(), found.to_owned());
    EvaluationError::NotAName { path, found }
}
