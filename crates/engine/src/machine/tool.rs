//! Tools as a machine sees them: called by name with a payload, answering at once or later.

use std::fmt;
use std::sync::Arc;

use cojson::json::Json;

use super::Cause;
use crate::expression::EvaluationError;

/// Names one call of a tool; also its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(Arc<str>);

impl CallId {
    /// The id with that text; the host sees to it that no two calls of an actor have the same.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A tool that is to be called.
#[derive(Clone, Copy, Debug)]
pub struct ToolCall<'a> {
    /// The tool's name: `@db`, …
    pub tool: &'a Arc<str>,
    /// Its evaluated payload. Data: never to be evaluated again.
    pub payload: &'a Json,
    /// The context at this moment, with what the actions before wrote.
    pub context: &'a Json,
}

/// What became of a call.
#[derive(Clone, Debug)]
pub enum ToolReply {
    /// It is done.
    Done(Result<Json, ToolFailure>),
    /// It takes time; the host says [`tool_finished`](super::Machine::tool_finished) later.
    Pending(CallId),
}

/// Calls tools for a machine.
pub trait ToolHost {
    /// The time of the step, in milliseconds since 1970: what `$now` is in all of it.
    fn now_ms(&self) -> f64;

    /// Calls a tool.
    fn call(&mut self, call: ToolCall<'_>) -> ToolReply;

    /// Runs an actor, by its definition or its name, whose context starts with that input. What comes of it is the end of
    /// the call.
    fn invoke_actor(&mut self, actor: &Json, input: &Json) -> ToolReply {
        let _ = input;
        let message = format!("this host runs no actors, so it cannot run {actor}");
        ToolReply::Done(Err(ToolFailure::new("structural", message)))
    }

    /// What the next call is named after: what [`set_cause`](Self::set_cause) said or, since a call was done, that call.
    fn cause(&self) -> Cause {
        Cause::default()
    }

    /// From now on calls follow from that.
    fn set_cause(&mut self, cause: Cause) {
        let _ = cause;
    }

    /// Whether a call of that tool is over when the state whose `entry` made it is left.
    fn ends_with_state(&self, tool: &str) -> bool {
        let _ = tool;
        true
    }

    /// The value that the call is about to change, for a payload that reads `$existing`. The payload given here was
    /// evaluated without it, so only what does not depend on it (an id) is right. `None`: the tool changes nothing,
    /// and `$existing` is an ordinary path into the context.
    fn existing(&mut self, call: ToolCall<'_>) -> Option<Json> {
        let _ = call;
        None
    }
}

/// One thing that went wrong in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolError {
    /// What sort of error: `schema`, `permission`, `structural`, `expression`, `interrupted`, …
    pub error_type: Arc<str>,
    /// A sentence for people.
    pub message: Arc<str>,
    /// Where in the payload or the definition, if that is known.
    pub path: Option<Arc<str>>,
}

/// Why a call failed; at least one error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolFailure {
    /// What went wrong.
    pub errors: Vec<ToolError>,
}

impl ToolFailure {
    /// A failure with one error.
    pub fn new(error_type: &str, message: impl Into<Arc<str>>) -> Self {
        Self {
            errors: vec![ToolError {
                error_type: error_type.into(),
                message: message.into(),
                path: None,
            }],
        }
    }

    /// The same, with the path of every error that has none.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        for error in &mut self.errors {
            error.path.get_or_insert_with(|| path.into());
        }
        self
    }

    /// The call was cut off by a reload or a crash, and nobody knows how far it came.
    pub fn interrupted(tool: &str) -> Self {
        let message =
            format!("the call of {tool} was interrupted; it may or may not have been done");
        Self::new("interrupted", message)
    }

    /// The payload of `ERROR`: `{errors: [{type, message, path?}]}`.
    pub fn to_json(&self) -> Json {
        let errors: Vec<Json> = self.errors.iter().map(ToolError::to_json).collect();
        Json::object([("errors", errors.into())])
    }
}

impl From<EvaluationError> for ToolFailure {
    fn from(error: EvaluationError) -> Self {
        Self::new("expression", error.to_string()).at(error.path())
    }
}

impl fmt::Display for ToolFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            let separator = if index > 0 { "; " } else { "" };
            write!(
                formatter,
                "{separator}{}: {}",
                error.error_type, error.message
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for ToolFailure {}

impl ToolError {
    fn to_json(&self) -> Json {
        let path = self.path.clone().map(|path| ("path", path.into()));
        let members = [
            ("type", self.error_type.clone().into()),
            ("message", self.message.clone().into()),
        ];
        Json::object(members.into_iter().chain(path))
    }
}
