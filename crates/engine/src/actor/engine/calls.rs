//! Tool calls: the built-in tools run inside the step, the application's tools answer later.
//!
//! A call that does not answer in its own task is recorded in the context, in the transaction that enters its state.
//! After a reload the record tells that it was cut off: the tool is called again with the same id if it is
//! idempotent, else the machine is told `interrupted` (R3).

use std::rc::Rc;
use std::sync::Arc;

use cojson::ids::{CoId, SessionId};
use cojson::json::Json;

use super::super::builtin::{self, Stop, Workspace};
use super::super::definition::ActorDefinition;
use super::super::running::Running;
use super::super::tools::is_built_in;
use super::super::{ActorId, Effect};
use super::ActorEngine;
use crate::machine::{CallId, PendingCall, ToolCall, ToolFailure, ToolHost, ToolReply};

/// A call under way in this tab.
pub(super) struct Call {
    actor: ActorId,
    pending: PendingCall,
    /// The value that a built-in tool waits for.
    needs: Option<CoId>,
}

impl Call {
    pub(super) fn is_of(&self, actor: &ActorId) -> bool {
        self.actor == *actor
    }
}

/// A call that answered.
pub(super) struct Finished {
    call: CallId,
    outcome: Result<Json, ToolFailure>,
}

/// A call that a step began and that did not answer at once.
pub(super) struct Started {
    call: CallId,
    needs: Option<CoId>,
}

/// Calls tools for one step of one actor.
pub(super) struct Caller<'a> {
    engine: &'a mut ActorEngine,
    actor: &'a ActorId,
    definition: &'a ActorDefinition,
    started: Vec<Started>,
}

impl<'a> Caller<'a> {
    pub(super) fn new(
        engine: &'a mut ActorEngine,
        actor: &'a ActorId,
        definition: &'a ActorDefinition,
    ) -> Self {
        Self {
            engine,
            actor,
            definition,
            started: Vec::new(),
        }
    }

    pub(super) fn into_started(self) -> Vec<Started> {
        self.started
    }

    fn begin(&mut self, needs: Option<CoId>) -> ToolReply {
        let call = self.engine.world.next_call();
        self.started.push(Started {
            call: call.clone(),
            needs,
        });
        ToolReply::Pending(call)
    }
}

impl ToolHost for Caller<'_> {
    fn now_ms(&self) -> f64 {
        self.engine.world.now_ms()
    }

    fn call(&mut self, call: ToolCall<'_>) -> ToolReply {
        if is_built_in(call.tool) {
            return match self.engine.run_built_in(
                self.actor,
                self.definition,
                call.tool,
                call.payload,
            ) {
                Ok(result) => ToolReply::Done(Ok(result)),
                Err(Stop::Failed(failure)) => ToolReply::Done(Err(failure)),
                Err(Stop::Needs(id)) => self.begin(Some(id)),
            };
        }
        match self
            .engine
            .world
            .tools
            .check_payload(call.tool, call.payload)
        {
            Ok(()) => self.begin(None),
            Err(failure) => ToolReply::Done(Err(failure)),
        }
    }

    fn existing(&mut self, call: ToolCall<'_>) -> Option<Json> {
        let id = CoId::parse(call.payload.get("id")?.as_str()?).ok()?;
        Some(self.engine.world.node.map(&id)?.to_json())
    }
}

impl ActorEngine {
    /// A tool answered.
    pub fn tool_finished(&mut self, call: &CallId, outcome: Result<Json, ToolFailure>) {
        self.finished_calls.push_back(Finished {
            call: call.clone(),
            outcome,
        });
    }

    fn run_built_in(
        &mut self,
        actor: &ActorId,
        definition: &ActorDefinition,
        tool: &str,
        payload: &Json,
    ) -> Result<Json, Stop> {
        let Some(space) = self.actors.get(actor).map(|actor| actor.space.clone()) else {
            return Err(Stop::Failed(ToolFailure::new(
                "structural",
                "the actor is gone",
            )));
        };
        builtin::run(
            tool,
            payload,
            &mut Workspace {
                world: &mut self.world,
                schema: &|collection| definition.schemas.get(collection).cloned(),
                space: &space,
                caller: actor,
            },
        )
    }

    /// Records the calls that a step left pending, and makes those of the application's tools.
    pub(super) fn record_calls(
        &mut self,
        actor: &ActorId,
        running: &mut Running,
        pending: &[PendingCall],
        started: Vec<Started>,
    ) {
        for Started { call, needs } in started {
            let Some(pending) = pending.iter().find(|pending| pending.id == call) else {
                continue;
            };
            let record = Json::object([
                ("session", Json::from(self.world.node.session().as_str())),
                ("call", pending.to_json(&running.snapshot)),
            ]);
            running.memory.begin_call(&call, record);
            self.make_call(actor, call, pending.clone(), needs);
        }
    }

    fn make_call(
        &mut self,
        actor: &ActorId,
        call: CallId,
        pending: PendingCall,
        needs: Option<CoId>,
    ) {
        if let Some(id) = &needs {
            self.world.load(id);
        } else {
            self.effects.push_back(Effect::CallTool {
                call: call.clone(),
                actor: actor.clone(),
                tool: Arc::clone(&pending.tool),
                payload: pending.payload.clone(),
            });
        }
        self.calls.insert(
            call,
            Call {
                actor: actor.clone(),
                pending,
                needs,
            },
        );
    }

    /// A value that calls wait for is loaded or absent: they go on.
    pub(super) fn retry_calls(&mut self, id: &CoId) {
        let waiting = |call: &Call| call.needs.as_ref() == Some(id);
        let ready: Vec<CallId> = self
            .calls
            .iter()
            .filter(|(_, call)| waiting(call))
            .map(|(id, _)| id.clone())
            .collect();
        for call in ready {
            self.retry_call(&call);
        }
    }

    fn retry_call(&mut self, id: &CallId) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        call.needs = None;
        let (actor, pending) = (call.actor.clone(), call.pending.clone());
        let Some(definition) = self
            .running(&actor)
            .map(|running| Rc::clone(&running.definition))
        else {
            return;
        };
        match self.run_built_in(&actor, &definition, &pending.tool, &pending.payload) {
            Ok(result) => self.tool_finished(id, Ok(result)),
            Err(Stop::Failed(failure)) => self.tool_finished(id, Err(failure)),
            Err(Stop::Needs(needs)) => {
                self.world.load(&needs);
                if let Some(call) = self.calls.get_mut(id) {
                    call.needs = Some(needs);
                }
            }
        }
    }

    /// Tells a machine what became of its call.
    pub(super) fn finish_call(&mut self, finished: Finished) {
        let Some(call) = self.calls.remove(&finished.call) else {
            return;
        };
        let actor = call.actor.clone();
        let result = self.with_running(&actor, |engine, running| {
            running.memory.end_call(&finished.call);
            engine.refresh_queries(&actor, running);
            let snapshot = running.current();
            let definition = Rc::clone(&running.definition);
            let mut caller = Caller::new(engine, &actor, &definition);
            let step = definition.machine.tool_finished(
                &snapshot,
                &call.pending,
                finished.outcome,
                &mut caller,
            );
            let started = caller.into_started();
            engine.take_step(&actor, running, step, started, &call.pending.tool)
        });
        if let Some(Err(error)) = result {
            self.warn(&actor, error.code(), error.to_string());
        }
    }

    /// Takes up the calls whose session is gone: this tab's own of an earlier life, or of a tab that died.
    pub(super) fn resume_calls(&mut self, actor: &ActorId) {
        let Some(running) = self.running(actor) else {
            return;
        };
        let mut left = Vec::new();
        for (call, record) in running.memory.calls() {
            let is_ours = record
                .get("session")
                .and_then(|session| SessionId::parse(session.as_str()?).ok())
                .is_some_and(|session| self.is_responsible(actor, &session));
            let pending = record
                .get("call")
                .and_then(|call| PendingCall::from_json(call, &running.snapshot));
            if let (true, Some(pending), false) = (is_ours, pending, self.calls.contains_key(call))
            {
                left.push((call.clone(), pending));
            }
        }
        for (call, pending) in left {
            self.resume_call(actor, &call, pending);
        }
    }

    fn note_call(&mut self, actor: &ActorId, call: &CallId, pending: PendingCall) {
        let noted = Call {
            actor: actor.clone(),
            pending,
            needs: None,
        };
        self.calls.insert(call.clone(), noted);
    }

    fn resume_call(&mut self, actor: &ActorId, call: &CallId, pending: PendingCall) {
        let tool = Arc::clone(&pending.tool);
        if is_built_in(&tool) {
            self.note_call(actor, call, pending);
            self.retry_call(call);
        } else if self.world.tools.is_idempotent(&tool) {
            self.make_call(actor, call.clone(), pending, None);
        } else {
            self.note_call(actor, call, pending);
            self.tool_finished(call, Err(ToolFailure::interrupted(&tool)));
        }
    }
}
