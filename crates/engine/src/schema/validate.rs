//! Checking a value: a walk over the program's nodes, bounded in depth and in work. What is asked of arrays,
//! objects and scalars in particular is in `checks`.

use std::fmt;

use cojson::json::Json;

use super::Violation;
use super::keyword::{DynamicAnchor, Keyword, NodeId, Program};
use super::path::Path;

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

pub(super) struct Validator<'p> {
    program: &'p Program,
    violations: Vec<Violation>,
    /// Whether only the verdict matters: the first violation ends the check.
    is_quiet: bool,
    steps_left: u32,
    is_given_up: bool,
}

/// The resources that were entered, the innermost first.
#[derive(Clone, Copy)]
pub(super) struct Entered<'h> {
    resource: usize,
    outer: Option<&'h Entered<'h>>,
}

/// A part of the value, and how the check came to it.
#[derive(Clone, Copy)]
pub(super) struct Here<'h> {
    pub(super) value: &'h Json,
    pub(super) path: &'h Path<'h>,
    entered: Option<&'h Entered<'h>>,
    depth: u32,
}

/// Which members or items have been evaluated, by position; empty where nobody asks.
pub(super) type Marks = Vec<bool>;

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
        let length = match value {
            Json::Array(items) if self.program.has_unevaluated => items.len(),
            Json::Object(members) if self.program.has_unevaluated => members.len(),
            _ => 0,
        };
        vec![false; length]
    }

    /// Tells a violation if it is one; whether it is none.
    pub(super) fn demand(
        &mut self,
        holds: bool,
        here: Here<'_>,
        message: fmt::Arguments<'_>,
    ) -> bool {
        let is_told = !holds && !self.is_quiet && !self.is_given_up;
        if is_told && self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation {
                path: here.path.to_text(),
                message: message.to_string(),
            });
        }
        holds
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
            Keyword::AllOf(nodes) => self.all(nodes, here, marks),
            Keyword::AnyOf(nodes) => {
                let fitting = self.count(nodes, here, marks);
                self.demand(
                    fitting > 0,
                    here,
                    format_args!("fits none of its alternatives"),
                )
            }
            Keyword::OneOf(nodes) => {
                let count = self.count(nodes, here, marks);
                let message = format_args!("must fit one of its alternatives, and fits {count}");
                self.demand(count == 1, here, message)
            }
            Keyword::Not(node) => {
                let fits = self.count(&[*node], here, &mut Marks::new()) > 0;
                self.demand(!fits, here, format_args!("must not be so"))
            }
            Keyword::If {
                condition,
                then,
                otherwise,
            } => {
                let holds = self.count(&[*condition], here, marks) > 0;
                let branch = if holds { then } else { otherwise };
                branch.is_none_or(|node| self.in_place(node, here, marks))
            }
            _ => self.check(keyword, here, marks),
        }
    }

    /// Applies another schema to the same value.
    pub(super) fn in_place(&mut self, node: NodeId, here: Here<'_>, marks: &mut Marks) -> bool {
        let mut own = self.marks(here.value);
        let is_valid = self.node(node, here, &mut own);
        if is_valid {
            for (mark, own) in marks.iter_mut().zip(own) {
                *mark |= own;
            }
        }
        is_valid
    }

    /// Applies every one of these schemas to the same value.
    fn all(&mut self, nodes: &[NodeId], here: Here<'_>, marks: &mut Marks) -> bool {
        let mut is_valid = true;
        for node in nodes {
            is_valid &= self.in_place(*node, here, marks);
        }
        is_valid
    }

    /// How many schemas the value fits. No violation is told.
    fn count(&mut self, nodes: &[NodeId], here: Here<'_>, marks: &mut Marks) -> usize {
        let was_quiet = std::mem::replace(&mut self.is_quiet, true);
        let mut count = 0;
        for node in nodes {
            count += usize::from(self.in_place(*node, here, marks));
        }
        self.is_quiet = was_quiet;
        count
    }

    /// Applies a schema to a part of the value.
    pub(super) fn part(
        &mut self,
        node: NodeId,
        value: &Json,
        path: &Path<'_>,
        here: Here<'_>,
    ) -> bool {
        let here = Here {
            value,
            path,
            ..here
        };
        let mut marks = self.marks(value);
        self.node(node, here, &mut marks)
    }

    /// Whether a part of the value fits a schema. No violation is told.
    pub(super) fn fits(&mut self, node: NodeId, value: &Json, here: Here<'_>) -> bool {
        let was_quiet = std::mem::replace(&mut self.is_quiet, true);
        let fits = self.part(node, value, here.path, here);
        self.is_quiet = was_quiet;
        fits
    }

    /// The schema of that dynamic anchor in the outermost resource that has one.
    fn dynamic(&self, name: &str, entered: Option<&Entered<'_>>) -> Option<NodeId> {
        let mut found = None;
        let mut next = entered;
        while let Some(entered) = next {
            let is_here = |anchor: &&DynamicAnchor| {
                anchor.resource == entered.resource && &*anchor.name == name
            };
            let here = self.program.dynamic_anchors.iter().find(is_here);
            found = here.map(|anchor| anchor.node).or(found);
            next = entered.outer;
        }
        found
    }
}
