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

/// Sends a message to an actor's inbox.
pub(crate) const PUBLISH_MESSAGE: &str = "@core/publishMessage";

/// A tool of the application, as it is registered.
#[derive(Clone, Debug)]
pub struct ToolDeclaration {
    /// The name that machines call it by: `@mail/send`.
    pub name: Arc<str>,
    /// The JSON Schema of its payload; absent: any payload.
    pub parameters: Option<Json>,
    /// Whether calling it twice with one idempotency key does no more than calling it once. Such a call is made
    /// again when a reload cut it off; any other is told to the machine as interrupted.
    pub is_idempotent: bool,
}

/// The tools that machines may call.
#[derive(Default)]
pub(crate) struct ToolRegistry {
    registered: SortedMap<Arc<str>, Tool>,
}

struct Tool {
    parameters: Option<Schema>,
    is_idempotent: bool,
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
        let tool = Tool {
            parameters,
            is_idempotent: declaration.is_idempotent,
        };
        self.registered.insert(Arc::clone(&declaration.name), tool);
        Ok(())
    }

    /// The names that a machine may call.
    pub(crate) fn names(&self) -> Vec<&str> {
        let built_in = [DATABASE, PUBLISH_MESSAGE].into_iter();
        built_in
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
                .is_some_and(|tool| tool.is_idempotent)
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

/// Whether the engine itself does it.
pub(crate) fn is_built_in(name: &str) -> bool {
    matches!(name, DATABASE | PUBLISH_MESSAGE)
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
