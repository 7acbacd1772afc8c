//! What a step calls: the built-in tools run inside it, of the others it is noted that they began.

use cojson::ids::CoId;
use cojson::json::Json;

use super::super::super::ActorId;
use super::super::super::builtin::Stop;
use super::super::super::definition::ActorDefinition;
use super::super::super::tools::{self, is_built_in};
use super::super::ActorEngine;
use super::is_question;
use crate::machine::{CallId, Cause, ToolCall, ToolHost, ToolReply};

/// A call that a step began and that did not answer at once.
pub(in super::super) struct Started {
    pub(super) call: CallId,
    pub(super) needs: Option<CoId>,
}

/// Calls tools for one step of one actor.
pub(in super::super) struct Caller<'a> {
    engine: &'a mut ActorEngine,
    actor: &'a ActorId,
    definition: &'a ActorDefinition,
    started: Vec<Started>,
}

impl<'a> Caller<'a> {
    pub(in super::super) fn new(
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

    pub(in super::super) fn into_started(self) -> Vec<Started> {
        self.started
    }

    /// What it makes has the same name whether it is done now or has to wait, and so has what follows it.
    fn call_built_in(&mut self, call: ToolCall<'_>) -> ToolReply {
        let world = &mut self.engine.world;
        let id = world.cause.next();
        let own = || id.as_ref().map(|id| Cause::new(id.as_str()));
        world.cause = own().unwrap_or_default();
        let (actor, definition) = (self.actor, self.definition);
        let engine = &mut *self.engine;
        let done = engine.run_built_in(actor, definition, call.tool, call.payload);
        engine.world.cause = own().unwrap_or_default();
        match (done, id) {
            (Ok(result), _) => ToolReply::Done(Ok(result)),
            (Err(Stop::Failed(failure)), _) => ToolReply::Done(Err(failure)),
            (Err(Stop::Needs(needs)), Some(id)) => self.begin_as(id, Some(needs)),
            (Err(Stop::Needs(needs)), None) => self.begin(Some(needs)),
        }
    }

    fn ask(&mut self, question: &Json) -> ToolReply {
        let call = self.engine.world.next_call();
        match self.engine.tell_message(self.actor, question, Some(&call)) {
            Ok(()) => self.begin_as(call, None),
            Err(Stop::Needs(id)) => self.begin_as(call, Some(id)),
            Err(Stop::Failed(failure)) => ToolReply::Done(Err(failure)),
        }
    }

    fn begin(&mut self, needs: Option<CoId>) -> ToolReply {
        let call = self.engine.world.next_call();
        self.begin_as(call, needs)
    }

    fn begin_as(&mut self, call: CallId, needs: Option<CoId>) -> ToolReply {
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
        if is_question(call.tool) {
            return self.ask(call.payload);
        }
        if is_built_in(call.tool) {
            return self.call_built_in(call);
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

    fn invoke_actor(&mut self, _actor: &Json, _input: &Json) -> ToolReply {
        self.begin(None)
    }

    fn cause(&self) -> Cause {
        self.engine.world.cause.clone()
    }

    fn set_cause(&mut self, cause: Cause) {
        self.engine.world.cause = cause;
    }

    fn ends_with_state(&self, tool: &str) -> bool {
        tools::ends_with_state(tool)
    }

    fn existing(&mut self, call: ToolCall<'_>) -> Option<Json> {
        let id = CoId::parse(call.payload.get("id")?.as_str()?).ok()?;
        Some(self.engine.world.node.map(&id)?.to_json())
    }
}
