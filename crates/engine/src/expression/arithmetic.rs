//! Arithmetic: two numbers make a third. A text that looks like one is none, and what is no number, as after a division
//! by zero, is an error and never a value.

use std::sync::Arc;

use cojson::json::Json;

use super::compile::Node;
use super::evaluate::EvaluationError;

/// The operators, in the order in which an error lists them.
pub(super) const OPERATORS: [&str; 4] = ["$add", "$divide", "$multiply", "$subtract"];

/// An operator between two expressions.
#[derive(Clone, Debug)]
pub(super) struct Arithmetic {
    /// Its position among the operators.
    pub(super) operator: usize,
    pub(super) sides: Box<[Node; 2]>,
    /// Where it stands in its document.
    pub(super) place: Arc<str>,
}

impl Arithmetic {
    /// What the values of both sides give.
    pub(super) fn result(&self, sides: [Option<Json>; 2]) -> Result<Json, EvaluationError> {
        let [left, right] = sides.each_ref().map(|it| it.as_ref()?.as_number());
        let result = left.zip(right).map(|(left, right)| match self.operator {
            0 => left + right,
            1 => left / right,
            2 => left * right,
            _ => left - right,
        });
        let result = result.filter(|number| number.is_finite());
        result
            .map(Json::from)
            .ok_or_else(|| EvaluationError::NotANumber {
                path: self.place.clone(),
                found: sides
                    .map(Option::unwrap_or_default)
                    .map(|it| it.to_string())
                    .join(" and "),
            })
    }
}
