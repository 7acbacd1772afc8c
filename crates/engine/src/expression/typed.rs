//! Operators that take values of certain types: anything else is an error that says where, and never a value. A text that
//! looks like a number is none, and what is no number, as after a division by zero, is not given.

use std::sync::Arc;

use cojson::json::Json;
use cojson::letters::{to_lowercase, to_uppercase};

use super::date;
use super::evaluate::EvaluationError;
use super::node::Node;
use crate::definition_error::describe;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Divide,
    FormatDate,
    Includes,
    Multiply,
    Subtract,
    ToLowerCase,
    ToUpperCase,
}

impl Operator {
    /// Whether it takes numbers alone, which cost nothing to look at.
    pub(super) fn is_arithmetic(self) -> bool {
        matches!(
            self,
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide
        )
    }
}

/// Their names, in the order in which an error lists them.
pub(super) const OPERATORS: [(&str, Operator); 8] = [
    ("$add", Operator::Add),
    ("$divide", Operator::Divide),
    ("$formatDate", Operator::FormatDate),
    ("$includes", Operator::Includes),
    ("$multiply", Operator::Multiply),
    ("$subtract", Operator::Subtract),
    ("$toLowerCase", Operator::ToLowerCase),
    ("$toUpperCase", Operator::ToUpperCase),
];

/// An operator with what it takes.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub(super) operator: Operator,
    /// The second is undefined where there is but one.
    pub(super) sides: Box<[Node; 2]>,
    /// Where it stands in its document.
    pub(super) place: Arc<str>,
}

impl Typed {
    /// What the values of both sides give.
    pub(super) fn result(&self, sides: [Option<&Json>; 2]) -> Result<Json, Box<EvaluationError>> {
        let [left, right] = sides;
        let (result, expected) = match self.operator {
            Operator::Add | Operator::Divide | Operator::Multiply | Operator::Subtract => {
                (self.calculated(left, right), TWO_NUMBERS)
            }
            Operator::FormatDate => (
                formatted(left, right),
                "milliseconds since 1970, of a year of four digits",
            ),
            Operator::Includes => (includes(left, right), "an array and an item, or two texts"),
            Operator::ToLowerCase => (recased(left, to_lowercase), "a text"),
            Operator::ToUpperCase => (recased(left, to_uppercase), "a text"),
        };
        result.ok_or_else(|| self.error(expected, sides).into())
    }

    /// What arithmetic gives, if it is finite. Apart, as what every operator is evaluated in would else need room for it.
    #[inline(never)]
    fn calculated(&self, left: Option<&Json>, right: Option<&Json>) -> Option<Json> {
        let (Some(Json::Number(left)), Some(Json::Number(right))) = (left, right) else {
            return None;
        };
        let result = match self.operator {
            Operator::Divide => left / right,
            Operator::Multiply => left * right,
            Operator::Subtract => left - right,
            _ => left + right,
        };
        result.is_finite().then_some(Json::Number(result))
    }

    #[cold]
    fn error(&self, expected: &'static str, sides: [Option<&Json>; 2]) -> EvaluationError {
        let named = |side: Option<&Json>| side.map_or("nothing".to_owned(), describe);
        let [left, right] = sides;
        let found = match self.operator {
            Operator::ToLowerCase | Operator::ToUpperCase | Operator::FormatDate => named(left),
            _ => format!("{} and {}", named(left), named(right)),
        };
        let path = self.place.clone();
        EvaluationError::WrongType {
            path,
            expected,
            found,
        }
    }
}

const TWO_NUMBERS: &str = "two numbers, and gives a finite one,";

fn formatted(time: Option<&Json>, pattern: Option<&Json>) -> Option<Json> {
    let pattern = pattern.map_or(Some(date::ISO_8601), Json::as_str)?;
    date::format(time?.as_number()?, pattern).map(Json::from)
}

/// Whether an array has that item, by content, or a text that part. What is not there includes nothing.
fn includes(whole: Option<&Json>, part: Option<&Json>) -> Option<Json> {
    let is_in = match (whole, part) {
        (None | Some(Json::Null), _) => false,
        (Some(Json::Array(items)), part) => part.is_some_and(|part| items.contains(part)),
        (Some(Json::String(text)), Some(Json::String(part))) => text.contains(&**part),
        _ => return None,
    };
    Some(Json::Bool(is_in))
}

fn recased(text: Option<&Json>, recase: fn(&str) -> String) -> Option<Json> {
    match text {
        Some(Json::String(text)) => Some(recase(text).into()),
        _ => None,
    }
}
