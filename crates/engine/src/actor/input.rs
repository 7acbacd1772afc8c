//! What moves an actor's machine: its start, an event, and what its calls say. As it runs, and as a history keeps it.

use std::sync::Arc;

use cojson::collections::OrderedMap;
use cojson::json::Json;

use crate::machine::{
    CallId, Event, Machine, PendingCall, Snapshot, Step, ToolError, ToolFailure, ToolHost,
};

/// One input of a machine.
pub(crate) enum Input {
    Start,
    Event(Event),
    Outcome(PendingCall, Result<Json, ToolFailure>),
    Progress(PendingCall, Json),
}

impl Input {
    /// The step it leads to.
    pub(crate) fn run(
        &self,
        machine: &Machine,
        snapshot: &Snapshot,
        host: &mut dyn ToolHost,
    ) -> Step {
        match self {
            Self::Start => machine.start(snapshot.context.clone(), host),
            Self::Event(event) => machine.step(snapshot, event, host),
            Self::Outcome(call, outcome) => {
                machine.tool_finished(snapshot, call, outcome.clone(), host)
            }
            Self::Progress(call, progress) => {
                machine.tool_progressed(snapshot, call, progress, host)
            }
        }
    }

    /// What an error calls it: the event's type, or the tool.
    pub(crate) fn name(&self) -> Arc<str> {
        match self {
            Self::Start => "start".into(),
            Self::Event(event) => event.event_type.clone(),
            Self::Outcome(call, _) | Self::Progress(call, _) => call.tool.clone(),
        }
    }

    /// As a history keeps it: `{type, payload}`, or `{call, tool}` with the `result`, the `errors` or the `progress`.
    pub(crate) fn to_json(&self) -> Json {
        let of_call = |call: &PendingCall, (key, value): (&str, Json)| {
            Json::object([
                ("call", call.id.as_str().into()),
                ("tool", call.tool.clone().into()),
                (key, value),
            ])
        };
        match self {
            Self::Start => Json::object([("type", "start".into())]),
            Self::Event(event) => Json::object([
                ("type", event.event_type.clone().into()),
                ("payload", event.payload.clone()),
            ]),
            Self::Outcome(call, outcome) => of_call(call, outcome_to_json(outcome)),
            Self::Progress(call, progress) => of_call(call, ("progress", progress.clone())),
        }
    }

    /// What [`to_json`](Self::to_json) wrote, among the calls under way; `None` if that call is not. The first input of
    /// a machine that never ran is its start.
    pub(crate) fn from_json(
        json: &Json,
        is_first: bool,
        calls: &OrderedMap<CallId, PendingCall>,
    ) -> Option<Self> {
        let Some(call) = json.get("call") else {
            let event_type = json.get("type")?.as_str()?;
            let payload = json.get("payload").cloned();
            return Some(match payload {
                None if is_first => Self::Start,
                payload => Self::Event(Event::new(event_type, payload.unwrap_or_default())),
            });
        };
        let call = calls.get(&CallId::new(call.as_str()?))?.clone();
        Some(match json.get("progress") {
            Some(progress) => Self::Progress(call, progress.clone()),
            None => Self::Outcome(call, outcome_from_json(json)),
        })
    }
}

/// The member that tells what came of a call.
pub(crate) fn outcome_to_json(outcome: &Result<Json, ToolFailure>) -> (&'static str, Json) {
    match outcome {
        Ok(result) => ("result", result.clone()),
        Err(failure) => (
            "errors",
            failure.to_json().get("errors").cloned().unwrap_or_default(),
        ),
    }
}

/// What came of a call, as [`outcome_to_json`] told it.
pub(crate) fn outcome_from_json(json: &Json) -> Result<Json, ToolFailure> {
    let Some(errors) = json.get("errors").and_then(Json::as_array) else {
        return Ok(json.get("result").cloned().unwrap_or_default());
    };
    let error = |error: &Json| {
        let text = |key: &str| Some(Arc::from(error.get(key)?.as_str()?));
        ToolError {
            error_type: text("type").unwrap_or_default(),
            message: text("message").unwrap_or_default(),
            path: text("path"),
        }
    };
    Err(ToolFailure {
        errors: errors.iter().map(error).collect(),
    })
}
