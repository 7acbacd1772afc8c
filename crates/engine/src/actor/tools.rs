//! Which tools there are: the built-in ones, and those that an application registers. Who calls them is elsewhere.

use std::sync::Arc;

use cojson::collections::SortedMap;
use cojson::json::Json;
use cojson::json::quoted;

use crate::definition_error::{DefinitionError, Place};
use crate::machine::{ToolError, ToolFailure};
use crate::schema::{PatternCompiler, Schema, Violation};

/// Reads and writes values of the actor's space.
pub(crate) const DATABASE: &str = "@db";

/// Tells an actor a message.
pub(crate) const TELL: &str = "@core/tell";

/// The name that MaiaOS has for [`TELL`].
pub(crate) const PUBLISH_MESSAGE: &str = "@core/publishMessage";

/// Tells an actor a message, and waits for the answer.
pub(crate) const ASK: &str = "@core/ask";

const BUILT_IN: [&str; 4] = [DATABASE, TELL, PUBLISH_MESSAGE, ASK];

/// Whether a call of that tool that an `entry` made is over when its state is left: nobody waits for it. What is to be
/// written or told has to happen all the same.
pub(crate) fn ends_with_state(tool: &str) -> bool {
    tool == ASK || !is_built_in(tool)
}

/// How long after a failed attempt the next one is made, where the tool does not say.
const BACKOFF_MS: u32 = 1_000;

/// The longest that is waited between two attempts.
const BACKOFF_MS_MAX: u32 = 60_000;

/// A tool of the application, as it is registered.
#[derive(Clone, Debug, Default)]
pub struct ToolDeclaration {
    /// The name that machines call it by: `@mail/send`.
    pub name: Arc<str>,
    /// The JSON Schema of its payload; absent: any payload.
    pub parameters: Option<Json>,
    /// Whether calling it twice with one idempotency key does no more than calling it once. Such a call is made
    /// again when a reload cut it off; any other is told to the machine as interrupted.
    pub is_idempotent: bool,
    /// What it does, for people and language models.
    pub description: Option<Arc<str>>,
    /// How long an attempt may take, in milliseconds, before it is cancelled and fails as `timeout`; absent: any time.
    pub timeout_ms: Option<u32>,
    /// How many more attempts a call that fails is given. Only an idempotent tool can have any.
    pub retries: u32,
    /// How long after the first attempt the second is made, in milliseconds; each further one waits twice as long as
    /// the one before, a minute at most. Absent: a second.
    pub backoff_ms: Option<u32>,
}

/// The tools that machines may call.
#[derive(Default)]
pub(crate) struct ToolRegistry {
    registered: SortedMap<Arc<str>, Tool>,
}

struct Tool {
    declaration: ToolDeclaration,
    parameters: Option<Schema>,
}

impl ToolRegistry {
    /// Adds a tool, or replaces the one of that name.
    pub(crate) fn register(
        &mut self,
        declaration: &ToolDeclaration,
        patterns: &dyn PatternCompiler,
    ) -> Result<(), DefinitionError> {
        let place = Place::root("tool").key(&declaration.name);
        if is_built_in(&declaration.name) {
            return Err(place.error_text("a name that is not built in", "a built-in tool's name"));
        }
        let compile = |schema: &Json| {
            Schema::compile(schema, patterns).map_err(|error| error.at(&place.key("parameters")))
        };
        let parameters = declaration.parameters.as_ref().map(compile).transpose()?;
        if declaration.retries > 0 && !declaration.is_idempotent {
            let expected = "an idempotent tool, as a call that failed may have been done";
            return Err(place
                .key("retries")
                .error(expected, &declaration.retries.into()));
        }
        let tool = Tool {
            declaration: declaration.clone(),
            parameters,
        };
        self.registered.insert(Arc::clone(&declaration.name), tool);
        Ok(())
    }

    /// The names that a machine may call.
    pub(crate) fn names(&self) -> Vec<&str> {
        BUILT_IN
            .into_iter()
            .chain(self.registered.keys().map(AsRef::as_ref))
            .collect()
    }

    /// Whether an interrupted call of it may be made again. The built-in ones write together with the record of
    /// their call, so one whose record is still there has not happened.
    pub(crate) fn is_idempotent(&self, name: &str) -> bool {
        is_built_in(name)
            || self
                .registered
                .get(name)
                .is_some_and(|tool| tool.declaration.is_idempotent)
    }

    /// How long an attempt may take.
    pub(crate) fn timeout_ms(&self, name: &str) -> Option<u32> {
        self.registered.get(name)?.declaration.timeout_ms
    }

    /// How long after that many failed attempts the next one is made; `None`: there is none.
    pub(crate) fn backoff_ms(&self, name: &str, failed: u32) -> Option<u32> {
        let declaration = &self.registered.get(name)?.declaration;
        let first = declaration.backoff_ms.unwrap_or(BACKOFF_MS);
        let doubled = first.saturating_mul(1 << failed.saturating_sub(1).min(16));
        (failed <= declaration.retries).then_some(doubled.min(BACKOFF_MS_MAX))
    }

    /// The application's tools in the form that language models take: a list of `{name, description, input_schema}`.
    /// The names are those of the tools without the `@`, and with `_` for what no model takes in a name.
    pub(crate) fn to_json(&self) -> Json {
        let tools = self.registered.values();
        tools
            .map(|tool| tool.declaration.to_json())
            .collect::<Vec<_>>()
            .into()
    }

    /// Checks the payload of a registered tool.
    pub(crate) fn check_payload(&self, name: &str, payload: &Json) -> Result<(), ToolFailure> {
        let Some(tool) = self.registered.get(name) else {
            return Err(ToolFailure::new(
                "structural",
                format!("there is no tool {}", quoted(name)),
            ));
        };
        let Some(parameters) = &tool.parameters else {
            return Ok(());
        };
        parameters
            .validate(payload)
            .map_err(|violations| refusal(&violations))
    }
}

impl ToolDeclaration {
    fn to_json(&self) -> Json {
        let any = || Json::object([("type", "object".into())]);
        let schema = self
            .parameters
            .clone()
            .filter(|schema| schema.as_object().is_some());
        let description = self.description.clone().unwrap_or_default();
        Json::object([
            ("name", Json::from(model_name(&self.name))),
            ("description", description.into()),
            ("input_schema", schema.unwrap_or_else(any)),
        ])
    }
}

fn model_name(name: &str) -> String {
    let is_taken = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    let name = name.trim_start_matches('@').chars();
    name.map(|letter| if is_taken(letter) { letter } else { '_' })
        .collect()
}

/// Whether the engine itself does it.
pub(crate) fn is_built_in(name: &str) -> bool {
    BUILT_IN.contains(&name)
}

/// What a machine is told of a payload or data that its schema refuses.
pub(crate) fn refusal(violations: &[Violation]) -> ToolFailure {
    let error = |violation: &Violation| ToolError {
        error_type: "schema".into(),
        message: violation.message.as_str().into(),
        path: Some(violation.path.as_str().into()),
    };
    ToolFailure {
        errors: violations.iter().map(error).collect(),
    }
}
