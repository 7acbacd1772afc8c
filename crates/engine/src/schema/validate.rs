//! Checking a value: a walk over the program's nodes, bounded in depth and in work.

use std::collections::HashSet;

use cojson::json::{Json, JsonObject, number_to_string, to_stable_string};

use super::keyword::{Counted, Keyword, Limit, NodeId, Program, Properties, TYPES, types_of};
use super::number::is_multiple_of;
use super::path::Path;
use super::{Violation, text_length};
use crate::definition_error::{one_of, shorten};

/// How many schemas may be inside each other while one value is checked.
const DEPTH_MAX: u32 = 512;

/// How many schemas are applied to one value and its parts before it is given up.
const STEPS_MAX: u32 = 1_000_000;

/// How many violations are told.
const VIOLATIONS_MAX: usize = 20;

/// Every violation of a value.
pub(super) fn validate(program: &Program, value: &Json) -> Result<(), Vec<Violation>> {
    let mut validator = Validator::new(program, false);
    if validator.root(value) {
        Ok(())
    } else {
        Err(validator.violations)
    }
}

/// Whether there is none.
pub(super) fn is_valid(program: &Program, value: &Json) -> bool {
    Validator::new(program, true).root(value)
}

struct Validator<'p> {
    program: &'p Program,
    violations: Vec<Violation>,
    /// Whether only the verdict matters: the first violation ends the check.
    is_quiet: bool,
    steps_left: u32,
    is_given_up: bool,
}

/// The resources that were entered, the innermost first.
#[derive(Clone, Copy)]
struct Entered<'h> {
    resource: usize,
    outer: Option<&'h Entered<'h>>,
}

/// A part of the value, and how the check came to it.
#[derive(Clone, Copy)]
struct Here<'h> {
    value: &'h Json,
    path: &'h Path<'h>,
    entered: Option<&'h Entered<'h>>,
    depth: u32,
}

/// Which members or items have been evaluated, by position; empty where nobody asks.
type Marks = Vec<bool>;

impl<'p> Validator<'p> {
    fn new(program: &'p Program, is_quiet: bool) -> Self {
        Self {
            program,
            violations: Vec::new(),
            is_quiet,
            steps_left: STEPS_MAX,
            is_given_up: false,
        }
    }

    fn root(&mut self, value: &Json) -> bool {
        let here = Here {
            value,
            path: &Path::Root,
            entered: None,
            depth: 0,
        };
        let is_valid = self.node(0, here, &mut self.marks(value));
        is_valid && !self.is_given_up
    }

    fn marks(&self, value: &Json) -> Marks {
        match value {
            _ if !self.program.has_unevaluated => Marks::new(),
            Json::Array(items) => vec![false; items.len()],
            Json::Object(members) => vec![false; members.len()],
            _ => Marks::new(),
        }
    }

    /// Tells a violation; false, as its verdict is.
    fn violate(&mut self, here: Here<'_>, message: impl FnOnce() -> String) -> bool {
        if !self.is_quiet && !self.is_given_up && self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation {
                path: here.path.to_text(),
                message: message(),
            });
        }
        false
    }

    /// Ends the check without a verdict on the value: whatever was found before may not hold.
    fn give_up(&mut self) -> bool {
        self.is_given_up = true;
        self.violations = vec![Violation {
            path: String::new(),
            message: "is nested too deeply to be checked".to_owned(),
        }];
        false
    }

    fn demand(&mut self, holds: bool, here: Here<'_>, message: impl FnOnce() -> String) -> bool {
        holds || self.violate(here, message)
    }

    fn node(&mut self, id: NodeId, here: Here<'_>, marks: &mut Marks) -> bool {
        let Some(node) = self.program.nodes.get(id) else {
            return false;
        };
        if here.depth > DEPTH_MAX || self.steps_left == 0 {
            return self.give_up();
        }
        self.steps_left -= 1;
        let entered = Entered {
            resource: node.resource,
            outer: here.entered,
        };
        let is_inside = here
            .entered
            .is_some_and(|outer| outer.resource == node.resource);
        let here = Here {
            entered: if is_inside {
                here.entered
            } else {
                Some(&entered)
            },
            depth: here.depth + 1,
            ..here
        };
        let mut is_valid = true;
        for keyword in &node.keywords {
            is_valid &= self.keyword(keyword, here, marks);
            if self.is_given_up || (self.is_quiet && !is_valid) {
                return false;
            }
        }
        is_valid
    }

    fn keyword(&mut self, keyword: &Keyword, here: Here<'_>, marks: &mut Marks) -> bool {
        match keyword {
            Keyword::Ref(node) => self.in_place(*node, here, marks),
            Keyword::DynamicRef(name, node) => {
                let node = self.dynamic(name, here.entered).unwrap_or(*node);
                self.in_place(node, here, marks)
            }
            Keyword::AllOf(nodes) => nodes
                .iter()
                .fold(true, |all, node| self.in_place(*node, here, marks) & all),
            Keyword::AnyOf(nodes) => {
                let count = self.count(nodes, here, marks);
                self.demand(count > 0, here, || {
                    "fits none of its alternatives".to_owned()
                })
            }
            Keyword::OneOf(nodes) => {
                let count = self.count(nodes, here, marks);
                self.demand(count == 1, here, || {
                    format!("must fit one of its alternatives, and fits {count}")
                })
            }
            Keyword::Not(node) => {
                let fits = self.quietly(|quiet| quiet.in_place(*node, here, &mut Marks::new()));
                self.demand(!fits, here, || "must not be so".to_owned())
            }
            Keyword::If {
                condition,
                then,
                otherwise,
            } => {
                let holds = self.quietly(|quiet| quiet.in_place(*condition, here, marks));
                let branch = if holds { then } else { otherwise };
                branch.is_none_or(|node| self.in_place(node, here, marks))
            }
            _ => match here.value {
                Json::Object(members) => self.object(keyword, members, here, marks),
                Json::Array(items) => self.array(keyword, items, here, marks),
                _ => self.scalar(keyword, here),
            },
        }
    }

    /// Applies another schema to the same value.
    fn in_place(&mut self, node: NodeId, here: Here<'_>, marks: &mut Marks) -> bool {
        let mut own = self.marks(here.value);
        let is_valid = self.node(node, here, &mut own);
        if is_valid {
            for (mark, own) in marks.iter_mut().zip(own) {
                *mark |= own;
            }
        }
        is_valid
    }

    /// Applies a schema to a part of the value.
    fn part(&mut self, node: NodeId, value: &Json, path: &Path<'_>, here: Here<'_>) -> bool {
        let here = Here {
            value,
            path,
            ..here
        };
        let mut marks = self.marks(value);
        self.node(node, here, &mut marks)
    }

    /// Without telling violations.
    fn quietly(&mut self, check: impl FnOnce(&mut Self) -> bool) -> bool {
        let was_quiet = std::mem::replace(&mut self.is_quiet, true);
        let verdict = check(self);
        self.is_quiet = was_quiet;
        verdict
    }

    /// How many schemas the value fits.
    fn count(&mut self, nodes: &[NodeId], here: Here<'_>, marks: &mut Marks) -> usize {
        let fits = |node: &&NodeId| self.quietly(|quiet| quiet.in_place(**node, here, marks));
        nodes.iter().filter(fits).count()
    }

    /// The schema of that dynamic anchor in the outermost resource that has one.
    fn dynamic(&self, name: &str, entered: Option<&Entered<'_>>) -> Option<NodeId> {
        let anchors = &self.program.dynamic_anchors;
        std::iter::successors(entered, |entered| entered.outer)
            .filter_map(|entered| {
                let is_here = |anchor: &&super::keyword::DynamicAnchor| {
                    anchor.resource == entered.resource && &*anchor.name == name
                };
                anchors.iter().find(is_here).map(|anchor| anchor.node)
            })
            .last()
    }

    fn scalar(&mut self, keyword: &Keyword, here: Here<'_>) -> bool {
        match (keyword, here.value) {
            (Keyword::Limit(limit, bound), Json::Number(number)) => {
                self.demand(limit.allows(*number, *bound), here, || {
                    format!("must be {} {}", limit.words(), number_to_string(*bound))
                })
            }
            (Keyword::MultipleOf(divisor), Json::Number(number)) => {
                self.demand(is_multiple_of(*number, *divisor), here, || {
                    format!("must be a multiple of {}", number_to_string(*divisor))
                })
            }
            (Keyword::Pattern(pattern, text), Json::String(value)) => {
                self.demand(pattern.is_match(value), here, || {
                    format!("must match {text}")
                })
            }
            (_, Json::String(text)) => {
                self.any(keyword, Counted::Characters, || text_length(text), here)
            }
            _ => self.any(keyword, Counted::Characters, || 0, here),
        }
    }

    /// What is asked of values of every type; `length` is asked only of those that have one.
    fn any(
        &mut self,
        keyword: &Keyword,
        counted: Counted,
        length: impl FnOnce() -> usize,
        here: Here<'_>,
    ) -> bool {
        match keyword {
            Keyword::Never => self.violate(here, || "must not be there".to_owned()),
            Keyword::Type(types) => self.demand(types & types_of(here.value) != 0, here, || {
                must_be_of(*types)
            }),
            Keyword::Enum(values) => self.demand(values.contains(here.value), here, || {
                let values: Vec<String> = values.iter().map(Json::to_string).collect();
                format!("must be one of {}", shorten(&values.join(", ")))
            }),
            Keyword::Const(value) => self.demand(value == here.value, here, || {
                format!("must be {}", shorten(&value.to_string()))
            }),
            Keyword::AtLeast(of, min) if *of == counted && counted.has(here.value) => {
                self.demand(length_as_number(length()) >= *min, here, || {
                    format!(
                        "must have at least {} {}",
                        number_to_string(*min),
                        counted.words()
                    )
                })
            }
            Keyword::AtMost(of, max) if *of == counted && counted.has(here.value) => {
                self.demand(length_as_number(length()) <= *max, here, || {
                    format!(
                        "must have at most {} {}",
                        number_to_string(*max),
                        counted.words()
                    )
                })
            }
            _ => true,
        }
    }

    fn array(
        &mut self,
        keyword: &Keyword,
        items: &[Json],
        here: Here<'_>,
        marks: &mut Marks,
    ) -> bool {
        match keyword {
            Keyword::Items { first, rest } => {
                let nodes = first
                    .iter()
                    .copied()
                    .map(Some)
                    .chain(std::iter::repeat(*rest));
                let mut is_valid = true;
                for (index, (item, node)) in items.iter().zip(nodes).enumerate() {
                    let Some(node) = node else { break };
                    mark(marks, index);
                    is_valid &= self.part(node, item, &Path::Index(here.path, index), here);
                }
                is_valid
            }
            Keyword::Contains { node, min, max } => {
                let mut count = 0.0;
                for (index, item) in items.iter().enumerate() {
                    let path = Path::Index(here.path, index);
                    if self.quietly(|quiet| quiet.part(*node, item, &path, here)) {
                        mark(marks, index);
                        count += 1.0;
                    }
                }
                self.demand((*min..=*max).contains(&count), here, || {
                    let count = number_to_string(count);
                    format!("has {count} items of a kind of which it must have another number")
                })
            }
            Keyword::UnevaluatedItems(node) => self.unevaluated(marks, |validator, index| {
                let path = Path::Index(here.path, index);
                items
                    .get(index)
                    .is_none_or(|item| validator.part(*node, item, &path, here))
            }),
            Keyword::UniqueItems => {
                let mut seen = HashSet::new();
                let is_unique = items.iter().all(|item| seen.insert(to_stable_string(item)));
                self.demand(is_unique, here, || "must not have an item twice".to_owned())
            }
            _ => self.any(keyword, Counted::Items, || items.len(), here),
        }
    }

    fn object(
        &mut self,
        keyword: &Keyword,
        members: &JsonObject,
        here: Here<'_>,
        marks: &mut Marks,
    ) -> bool {
        match keyword {
            Keyword::Properties(properties) => self.properties(properties, members, here, marks),
            Keyword::PropertyNames(node) => members.keys().fold(true, |all, name| {
                let value = Json::String(name.clone());
                self.part(*node, &value, &Path::Key(here.path, name), here) & all
            }),
            Keyword::Required(names) => self.required(names, members, here),
            Keyword::DependentRequired(dependencies) => dependencies
                .iter()
                .filter(|(name, _)| members.contains_key(name))
                .fold(true, |all, (_, names)| {
                    self.required(names, members, here) & all
                }),
            Keyword::DependentSchemas(dependencies) => dependencies
                .iter()
                .filter(|(name, _)| members.contains_key(name))
                .fold(true, |all, (_, node)| {
                    self.in_place(*node, here, marks) & all
                }),
            Keyword::UnevaluatedProperties(node) => self.unevaluated(marks, |validator, index| {
                members.get_index(index).is_none_or(|(name, value)| {
                    validator.part(*node, value, &Path::Key(here.path, name), here)
                })
            }),
            _ => self.any(keyword, Counted::Members, || members.len(), here),
        }
    }

    fn properties(
        &mut self,
        properties: &Properties,
        members: &JsonObject,
        here: Here<'_>,
        marks: &mut Marks,
    ) -> bool {
        let mut is_valid = true;
        for (index, (name, value)) in members.iter().enumerate() {
            let path = Path::Key(here.path, name);
            let matching = properties
                .patterns
                .iter()
                .filter(|(pattern, _)| pattern.is_match(name));
            let named = properties.named.get(name).into_iter();
            let mut nodes: Vec<NodeId> = named
                .chain(matching.map(|(_, node)| node))
                .copied()
                .collect();
            if nodes.is_empty() {
                nodes.extend(properties.additional);
            }
            for node in nodes {
                mark(marks, index);
                is_valid &= self.part(node, value, &path, here);
            }
        }
        is_valid
    }

    fn required(
        &mut self,
        names: &[std::sync::Arc<str>],
        members: &JsonObject,
        here: Here<'_>,
    ) -> bool {
        let missing: Vec<_> = names
            .iter()
            .filter(|name| !members.contains_key(*name))
            .collect();
        for name in &missing {
            self.violate(here, || format!("must have the member \"{name}\""));
        }
        missing.is_empty()
    }

    /// Checks every part that no other keyword has evaluated.
    fn unevaluated(
        &mut self,
        marks: &mut Marks,
        mut check: impl FnMut(&mut Self, usize) -> bool,
    ) -> bool {
        let mut is_valid = true;
        for (index, mark) in marks.iter_mut().enumerate() {
            if !std::mem::replace(mark, true) {
                is_valid &= check(self, index);
            }
        }
        is_valid
    }
}

fn mark(marks: &mut Marks, index: usize) {
    if let Some(mark) = marks.get_mut(index) {
        *mark = true;
    }
}

fn must_be_of(types: u8) -> String {
    let names = TYPES
        .iter()
        .enumerate()
        .filter(|(bit, _)| types & (1 << bit) != 0);
    format!("must be of type {}", one_of(names.map(|(_, name)| *name)))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "no value in memory has 2^53 parts"
)]
fn length_as_number(length: usize) -> f64 {
    length as f64
}

impl Counted {
    fn has(self, value: &Json) -> bool {
        matches!(
            (self, value),
            (Self::Characters, Json::String(_))
                | (Self::Items, Json::Array(_))
                | (Self::Members, Json::Object(_))
        )
    }

    fn words(self) -> &'static str {
        match self {
            Self::Characters => "characters",
            Self::Items => "items",
            Self::Members => "members",
        }
    }
}

impl Limit {
    fn allows(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Minimum => number >= bound,
            Self::Maximum => number <= bound,
            Self::ExclusiveMinimum => number > bound,
            Self::ExclusiveMaximum => number < bound,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Minimum => "at least",
            Self::Maximum => "at most",
            Self::ExclusiveMinimum => "greater than",
            Self::ExclusiveMaximum => "less than",
        }
    }
}
