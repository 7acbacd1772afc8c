//! What states invoke: called at the end of a step, ended when its state is left, and the events that come of it.

use std::sync::Arc;

use cojson::json::Json;

use super::compile::invokes::{DONE, FAILED, PROGRESS};
use super::compiled::{Invoke, Invoked, ROOT};
use super::pending::{ListOf, PendingCall, Visit};
use super::run::{Raised, Run};
use super::tool::{ToolCall, ToolFailure, ToolReply};
use super::{Event, Machine};

/// The name under which a call of an actor stands where others have their tool's.
const ACTOR: &str = "@core/actor";

/// Whether a call of that name runs an actor.
pub fn is_actor(tool: &str) -> bool {
    tool == ACTOR
}

impl Machine {
    /// The actor that a call runs: its definition, or its name. `None`: it calls a tool, or the definition has it no
    /// longer.
    pub fn invoked_actor(&self, call: &PendingCall) -> Option<&Json> {
        match &call.of.invoke(&self.definition)?.what {
            Invoked::Actor(actor) => Some(actor),
            Invoked::Tool(_) => None,
        }
    }

    /// Whether any state invokes an actor that is given what this one is sent.
    pub fn forwards(&self) -> bool {
        self.forwards
    }

    /// Whether the actor that a call runs is given what this one is sent.
    pub fn forwards_to(&self, call: &PendingCall) -> bool {
        let invoke = call.of.invoke(&self.definition);
        invoke.is_some_and(|invoke| invoke.is_forwarded_to)
    }
}

impl Run<'_> {
    /// Begins what the states that were entered and are still active invoke.
    pub(super) fn invoke(&mut self, event: &Event) {
        for (state, cause) in std::mem::take(&mut self.invoking) {
            self.host.set_cause(cause);
            let invokes = self.definition.state(state).map(|state| &state.invokes);
            for invoke in invokes.into_iter().flatten() {
                self.begin_invoked(state, invoke, event);
            }
        }
    }

    fn begin_invoked(&mut self, state: usize, invoke: &Invoke, event: &Event) {
        let visit = self.visit(state);
        let input = invoke.input.evaluate(&self.scope(event));
        let input = match input {
            Ok(input) => input.unwrap_or_default(),
            Err(error) => return self.raise_failed(&invoke.id, visit, error.into()),
        };
        self.calls += 1;
        let (tool, reply) = match &invoke.what {
            Invoked::Tool(tool) => {
                let reply = self.host.call(ToolCall {
                    tool,
                    payload: &input,
                    context: &self.snapshot.context,
                });
                (tool.clone(), reply)
            }
            Invoked::Actor(actor) => (ACTOR.into(), self.host.invoke_actor(actor, &input)),
        };
        match reply {
            ToolReply::Done(Ok(result)) => self.raise_done_invoke(invoke, visit, result),
            ToolReply::Done(Err(failure)) => self.raise_failed(&invoke.id, visit, failure),
            ToolReply::Pending(id) => self.pending.push(PendingCall {
                id,
                tool,
                payload: input,
                event: event.clone(),
                of: ListOf::of_invoke(&self.state_id(state), &invoke.id),
                index: 0,
                visit,
            }),
        }
    }

    /// A state is left: what it invoked and what its `entry` called ends with it, and what it would have invoked does not
    /// begin.
    pub(super) fn end_calls(&mut self, state: usize) {
        let id = self.state_id(state);
        let count = self.invoking.len();
        self.invoking.retain(|(other, _)| *other != state);
        let was_entered_now = self.invoking.len() < count;
        let host = &*self.host;
        let does_tool = |tool: &str| host.ends_with_state(tool);
        let goes_on = |call: &PendingCall| *call.state() != id || !call.ends_with_state(does_tool);
        self.pending.retain(goes_on);
        if !was_entered_now {
            self.left.push(id);
        }
    }

    /// What was invoked came to its end.
    pub(super) fn invoked(&mut self, call: &PendingCall, outcome: Result<Json, ToolFailure>) {
        let Some(invoke) = call.of.invoke(self.definition) else {
            return;
        };
        let visit = call.visit.clone();
        match outcome {
            Ok(result) => self.raise_done_invoke(invoke, visit, result),
            Err(failure) => self.raise_failed(&invoke.id, visit, failure),
        }
    }

    /// What is invoked says something.
    pub(super) fn told(&mut self, call: &PendingCall, progress: &Json) {
        if let Some(id) = call.of.invoke_id() {
            let payload = Json::object([("progress", progress.clone())]);
            let event = Event::new(format!("{PROGRESS}{id}"), payload);
            self.raise_of_invoke(event, call.visit.clone(), None);
        }
    }

    fn raise_done_invoke(&mut self, invoke: &Invoke, visit: Option<Visit>, result: Json) {
        let key = match &invoke.what {
            Invoked::Tool(_) => "result",
            Invoked::Actor(_) => "output",
        };
        let event = Event::new(
            format!("{DONE}{}", invoke.id),
            Json::object([(key, result.clone())]),
        );
        self.snapshot.last_result = Some(result);
        self.raise_of_invoke(event, visit, None);
    }

    fn raise_failed(&mut self, id: &Arc<str>, visit: Option<Visit>, failure: ToolFailure) {
        let event = Event::new(format!("{FAILED}{id}"), failure.to_json());
        self.raise_of_invoke(event, visit, Some(failure));
    }

    fn raise_of_invoke(
        &mut self,
        event: Event,
        visit: Option<Visit>,
        failure: Option<ToolFailure>,
    ) {
        self.raised.push_back(Raised {
            event,
            owner: ROOT,
            visit,
            failure,
            cause: self.cause_of_next(),
        });
    }

    fn state_id(&self, state: usize) -> Arc<str> {
        let state = self.definition.state(state);
        state.map(|state| state.id.clone()).unwrap_or_default()
    }
}
