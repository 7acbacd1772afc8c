//! What keywords ask of a value itself and of its parts.

use std::fmt;
use std::sync::Arc;

use cojson::json::{Json, JsonObject, number_to_string, to_stable_string};

use super::keyword::{Counted, Keyword, Limit, NodeId, Properties, TYPES, types_of};
use super::number::is_multiple_of;
use super::path::Path;
use super::text_length;
use super::validate::{Here, Marks, Validator};
use crate::definition_error::{one_of, shorten};

impl Validator<'_> {
    /// Checks a keyword that is about the value's type, size, content or parts.
    pub(super) fn check(&mut self, keyword: &Keyword, here: Here<'_>, marks: &mut Marks) -> bool {
        match here.value {
            Json::Object(members) => self.object(keyword, members, here, marks),
            Json::Array(items) => self.array(keyword, items, here, marks),
            Json::String(text) => self.text(keyword, text, here),
            Json::Number(number) => self.number(keyword, *number, here),
            _ => self.any(keyword, here),
        }
    }

    /// What is asked of values of every type.
    fn any(&mut self, keyword: &Keyword, here: Here<'_>) -> bool {
        match keyword {
            Keyword::Never => self.demand(false, here, format_args!("must not be there")),
            Keyword::Type(types) => {
                let is_one = types & types_of(here.value) != 0;
                self.demand(
                    is_one,
                    here,
                    format_args!("must be of type {}", Types(*types)),
                )
            }
            Keyword::Enum(values) => {
                let message = format_args!("must be one of {}", Values(values));
                self.demand(values.contains(here.value), here, message)
            }
            Keyword::Const(value) => {
                let message = format_args!("must be {}", Values(std::slice::from_ref(value)));
                self.demand(value == here.value, here, message)
            }
            _ => true,
        }
    }

    fn number(&mut self, keyword: &Keyword, number: f64, here: Here<'_>) -> bool {
        match keyword {
            Keyword::Limit(limit, bound) => {
                let message = format_args!("must be {} {}", limit.words(), Number(*bound));
                self.demand(limit.allows(number, *bound), here, message)
            }
            Keyword::MultipleOf(divisor) => {
                let message = format_args!("must be a multiple of {}", Number(*divisor));
                self.demand(is_multiple_of(number, *divisor), here, message)
            }
            _ => self.any(keyword, here),
        }
    }

    fn text(&mut self, keyword: &Keyword, text: &str, here: Here<'_>) -> bool {
        match keyword {
            Keyword::Pattern(pattern, source) => self.demand(
                pattern.is_match(text),
                here,
                format_args!("must match {source}"),
            ),
            Keyword::AtLeast(Counted::Characters, _) | Keyword::AtMost(Counted::Characters, _) => {
                self.length(keyword, text_length(text), here)
            }
            _ => self.any(keyword, here),
        }
    }

    fn length(&mut self, keyword: &Keyword, length: usize, here: Here<'_>) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "no value has 2^53 parts")]
        let length = length as f64;
        match keyword {
            Keyword::AtLeast(of, min) => {
                let message = format_args!("must have at least {} {}", Number(*min), of.words());
                self.demand(length >= *min, here, message)
            }
            Keyword::AtMost(of, max) => {
                let message = format_args!("must have at most {} {}", Number(*max), of.words());
                self.demand(length <= *max, here, message)
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
            Keyword::Items { first, rest } => self.items(first, *rest, items, here, marks),
            Keyword::Contains { node, min, max } => {
                let mut count = 0.0;
                for (index, item) in items.iter().enumerate() {
                    if self.fits(*node, item, here) {
                        mark(marks, index);
                        count += 1.0;
                    }
                }
                let message = format_args!(
                    "must contain {} to {} items of a certain kind, and contains {}",
                    Number(*min),
                    Number(*max),
                    Number(count)
                );
                self.demand((*min..=*max).contains(&count), here, message)
            }
            Keyword::UnevaluatedItems(node) => {
                let mut is_valid = true;
                for (index, (item, mark)) in items.iter().zip(marks).enumerate() {
                    if !std::mem::replace(mark, true) {
                        is_valid &= self.part(*node, item, &Path::Index(here.path, index), here);
                    }
                }
                is_valid
            }
            Keyword::UniqueItems => self.demand(
                are_unique(items),
                here,
                format_args!("must not have an item twice"),
            ),
            Keyword::AtLeast(Counted::Items, _) | Keyword::AtMost(Counted::Items, _) => {
                self.length(keyword, items.len(), here)
            }
            _ => self.any(keyword, here),
        }
    }

    fn items(
        &mut self,
        first: &[NodeId],
        rest: Option<NodeId>,
        items: &[Json],
        here: Here<'_>,
        marks: &mut Marks,
    ) -> bool {
        let mut is_valid = true;
        for (index, item) in items.iter().enumerate() {
            let Some(node) = first.get(index).copied().or(rest) else {
                break;
            };
            mark(marks, index);
            is_valid &= self.part(node, item, &Path::Index(here.path, index), here);
        }
        is_valid
    }

    fn object(
        &mut self,
        keyword: &Keyword,
        members: &JsonObject,
        here: Here<'_>,
        marks: &mut Marks,
    ) -> bool {
        let mut is_valid = true;
        match keyword {
            Keyword::Properties(properties) => {
                is_valid = self.properties(properties, members, here, marks);
            }
            Keyword::PropertyNames(node) => {
                for name in members.keys() {
                    let value = Json::String(name.clone());
                    is_valid &= self.part(*node, &value, &Path::Key(here.path, name), here);
                }
            }
            Keyword::Required(names) => is_valid = self.required(names, members, here),
            Keyword::DependentRequired(dependencies) => {
                for (_, names) in dependencies
                    .iter()
                    .filter(|(name, _)| members.contains_key(name))
                {
                    is_valid &= self.required(names, members, here);
                }
            }
            Keyword::DependentSchemas(dependencies) => {
                for (_, node) in dependencies
                    .iter()
                    .filter(|(name, _)| members.contains_key(name))
                {
                    is_valid &= self.in_place(*node, here, marks);
                }
            }
            Keyword::UnevaluatedProperties(node) => {
                for ((name, value), mark) in members.iter().zip(marks) {
                    if !std::mem::replace(mark, true) {
                        is_valid &= self.part(*node, value, &Path::Key(here.path, name), here);
                    }
                }
            }
            Keyword::AtLeast(Counted::Members, _) | Keyword::AtMost(Counted::Members, _) => {
                is_valid = self.length(keyword, members.len(), here);
            }
            _ => is_valid = self.any(keyword, here),
        }
        is_valid
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
            let mut is_evaluated = false;
            if let Some(node) = properties.named(name) {
                is_evaluated = true;
                is_valid &= self.part(node, value, &path, here);
            }
            for (pattern, node) in &properties.patterns {
                if pattern.is_match(name) {
                    is_evaluated = true;
                    is_valid &= self.part(*node, value, &path, here);
                }
            }
            if let (false, Some(node)) = (is_evaluated, properties.additional) {
                is_evaluated = true;
                is_valid &= self.part(node, value, &path, here);
            }
            if is_evaluated {
                mark(marks, index);
            }
        }
        is_valid
    }

    fn required(&mut self, names: &[Arc<str>], members: &JsonObject, here: Here<'_>) -> bool {
        let mut is_valid = true;
        for name in names {
            let message = format_args!("must have the member \"{name}\"");
            is_valid &= self.demand(members.contains_key(name), here, message);
        }
        is_valid
    }
}

fn mark(marks: &mut Marks, index: usize) {
    if let Some(mark) = marks.get_mut(index) {
        *mark = true;
    }
}

fn are_unique(items: &[Json]) -> bool {
    let mut seen = JsonObject::new();
    items.iter().all(|item| {
        seen.insert(to_stable_string(item).into(), Json::Null)
            .is_none()
    })
}

/// Written only when a violation is told.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&number_to_string(self.0))
    }
}

/// The names of types, from their bits.
struct Types(u8);

impl fmt::Display for Types {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = TYPES
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0 & (1 << bit) != 0);
        formatter.write_str(&one_of(names.map(|(_, name)| *name)))
    }
}

/// The beginning of some values.
struct Values<'v>(&'v [Json]);

impl fmt::Display for Values<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<String> = self.0.iter().map(Json::to_string).collect();
        formatter.write_str(&shorten(&values.join(", ")))
    }
}

impl Counted {
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
