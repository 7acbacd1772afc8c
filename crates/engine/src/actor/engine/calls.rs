//! Tool calls: the built-in tools run inside the step, the application's tools answer later.
//!
//! A call that does not answer in its own task is recorded in the context, in the transaction that enters its state.
//! After a reload the record tells that it was cut off: the tool is called again with the same id if it is
//! idempotent, else the machine is told `interrupted` (R3). What a state invokes is a call too: it is given up when
//! the state is left, and an actor that is invoked is the call of itself.

mod attempts;
mod children;

use std::rc::Rc;
use std::sync::Arc;

use cojson::ids::{CoId, SessionId};
use cojson::json::Json;

use super::super::builtin::{self, Stop, Workspace};
use super::super::definition::ActorDefinition;
use super::super::input::Input;
use super::super::running::Running;
use super::super::tools::{self, ASK, DATABASE, is_built_in};
use super::super::world::Cause;
use super::super::{ActorId, Effect, Ticket};
use super::{ActorEngine, running_mut};
use crate::machine::is_actor;
use crate::machine::{CallId, PendingCall, Snapshot, ToolCall, ToolFailure, ToolHost, ToolReply};
use attempts::Attempts;

/// A call under way in this tab.
pub(super) struct Call {
    actor: ActorId,
    pending: PendingCall,
    /// The value that a built-in tool waits for.
    needs: Option<CoId>,
    /// The actor whose end it waits for.
    child: Option<ActorId>,
    owner: Owner,
    attempts: Attempts,
}

impl Call {
    fn new(actor: &ActorId, pending: PendingCall) -> Self {
        Self {
            actor: actor.clone(),
            pending,
            needs: None,
            child: None,
            owner: Owner::Machine,
            attempts: Attempts::default(),
        }
    }

    pub(super) fn is_of(&self, actor: &ActorId) -> bool {
        self.actor == *actor
    }
}

/// Who is told what comes of a call.
#[derive(Clone, Copy)]
enum Owner {
    /// The actor's machine.
    Machine,
    /// The host, if it wants to know.
    Host(Option<Ticket>),
}

/// A call that said something.
pub(super) struct Answered {
    call: CallId,
    answer: Answer,
}

/// What a call says: that it is under way, or what came of it.
enum Answer {
    Progress(Json),
    Outcome(Result<Json, ToolFailure>),
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

    /// What it makes has the same name whether it is done now or has to wait.
    fn call_built_in(&mut self, call: ToolCall<'_>) -> ToolReply {
        let world = &mut self.engine.world;
        let id = world.next_of_cause();
        let outer = world.set_cause(id.as_ref().map(|id| Cause::new(id.to_string())));
        let (actor, definition) = (self.actor, self.definition);
        let engine = &mut *self.engine;
        let done = engine.run_built_in(actor, definition, call.tool, call.payload);
        engine.world.set_cause(outer);
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

    fn ends_with_state(&self, tool: &str) -> bool {
        tools::ends_with_state(tool)
    }

    fn existing(&mut self, call: ToolCall<'_>) -> Option<Json> {
        let id = CoId::parse(call.payload.get("id")?.as_str()?).ok()?;
        Some(self.engine.world.node.map(&id)?.to_json())
    }
}

impl ActorEngine {
    /// A tool answered.
    pub fn tool_finished(&mut self, call: &CallId, outcome: Result<Json, ToolFailure>) {
        self.answered(call, Answer::Outcome(outcome));
    }

    /// A tool says how far it has come. Whoever invoked it gets that as an event; no one else does.
    pub fn tool_progressed(&mut self, call: &CallId, progress: Json) {
        self.answered(call, Answer::Progress(progress));
    }

    fn answered(&mut self, call: &CallId, answer: Answer) {
        self.finished_calls.push_back(Answered {
            call: call.clone(),
            answer,
        });
    }

    fn run_built_in(
        &mut self,
        actor: &ActorId,
        definition: &ActorDefinition,
        tool: &str,
        payload: &Json,
    ) -> Result<Json, Stop> {
        if tool != DATABASE {
            return self.tell_message(actor, payload, None).map(|()| Json::Null);
        }
        let Some(space) = self.actors.get(actor).map(|actor| actor.space.clone()) else {
            return Err(ToolFailure::new("structural", "the actor is gone").into());
        };
        let mut workspace = Workspace {
            world: &mut self.world,
            schema: &|collection| definition.schemas.get(collection).cloned(),
            space: &space,
        };
        builtin::database(payload, &mut workspace)
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
            let is_asked = is_question(&pending.tool) && needs.is_none();
            let due = is_asked.then(|| {
                let timeout_ms = Self::question_timeout_ms(&pending.payload);
                let due = self.world.now.plus_ms(timeout_ms.into());
                ("due", super::timers::in_number(due))
            });
            let members = [
                ("session", Json::from(self.world.node.session().as_str())),
                ("call", pending.to_json(&running.snapshot)),
            ];
            let record = Json::object(members.into_iter().chain(due));
            running.memory.begin_call(&call, record);
            self.make_call(actor, &call, pending.clone(), needs);
        }
    }

    fn make_call(
        &mut self,
        actor: &ActorId,
        id: &CallId,
        pending: PendingCall,
        needs: Option<CoId>,
    ) {
        let tool = Arc::clone(&pending.tool);
        let mut call = Call::new(actor, pending);
        call.needs.clone_from(&needs);
        self.calls.insert(id.clone(), call);
        match needs {
            Some(needs) => self.world.load(&needs),
            None if is_actor(&tool) => self.new_calls.push(id.clone()),
            None if is_question(&tool) => self.await_reply(id),
            None => self.attempt(id),
        }
    }

    /// A message that the host lets an actor tell.
    pub(super) fn begin_host_call(
        &mut self,
        actor: &ActorId,
        tool: &str,
        message: &Json,
        ticket: Option<Ticket>,
    ) {
        let id = self.world.next_call();
        let pending = PendingCall::of_host(id.clone(), tool, message.clone());
        let mut call = Call::new(actor, pending);
        call.owner = Owner::Host(ticket);
        self.calls.insert(id.clone(), call);
        self.new_calls.push(id);
    }

    /// Begins the calls that wait for it: the actors that steps of this task invoked, the messages of the host.
    pub(super) fn begin_new_calls(&mut self) -> bool {
        let new = std::mem::take(&mut self.new_calls);
        for id in &new {
            match self.calls.get(id) {
                Some(call) if is_actor(&call.pending.tool) => {
                    let (parent, pending) = (call.actor.clone(), call.pending.clone());
                    self.run_child(&parent, id, &pending);
                }
                Some(_) => self.retry_call(id),
                None => {}
            }
        }
        !new.is_empty()
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
        let is_question = is_question(&pending.tool);
        let outer = self.world.set_cause(Some(Cause::new(id.to_string())));
        let reply = if is_question {
            let asked = self.tell_message(&actor, &pending.payload, Some(id));
            asked.map(|()| Json::Null)
        } else {
            self.run_built_in(&actor, &definition, &pending.tool, &pending.payload)
        };
        self.world.set_cause(outer);
        match reply {
            Ok(_) if is_question => self.await_reply(id),
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

    /// Tells a machine what its call says.
    pub(super) fn take_answer(&mut self, answered: Answered) {
        let Answered { call: id, answer } = answered;
        if self.is_retried(&id, &answer) {
            return;
        }
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let (actor, pending) = (call.actor.clone(), call.pending.clone());
        if let Owner::Host(ticket) = call.owner {
            self.calls.remove(&id);
            return self.tell_host(ticket, &actor, &pending, answer);
        }
        let is_over = matches!(answer, Answer::Outcome(_));
        if is_over && let Some(child) = self.calls.remove(&id).and_then(|call| call.child) {
            self.end_child(&child);
        }
        let input = match answer {
            Answer::Outcome(outcome) => Input::Outcome(pending, outcome),
            Answer::Progress(progress) => Input::Progress(pending, progress),
        };
        let result = self.with_running(&actor, |engine, running| {
            engine
                .world
                .set_cause(is_over.then(|| Cause::new(id.to_string())));
            if is_over {
                running.memory.end_call(&id);
            }
            engine.step(&actor, running, &input)
        });
        self.world.set_cause(None);
        if let Some(Err(error)) = result {
            self.warn(&actor, error.code(), error.to_string());
        }
    }

    /// The host is told what came of a message that it let an actor tell.
    fn tell_host(
        &mut self,
        ticket: Option<Ticket>,
        actor: &ActorId,
        pending: &PendingCall,
        answer: Answer,
    ) {
        let (Some(ticket), Answer::Outcome(outcome)) = (ticket, answer) else {
            return;
        };
        if is_question(&pending.tool) {
            self.effects.push_back(Effect::Answered { ticket, outcome });
        } else {
            let told = super::messages::told(ticket, actor, outcome.map(drop));
            self.outcomes.push(told);
        }
    }

    /// Waits for the answer of a question that was asked.
    fn await_reply(&mut self, id: &CallId) {
        if let Some(call) = self.calls.get(id) {
            let timeout_ms = Self::question_timeout_ms(&call.pending.payload);
            let due = self.world.now.plus_ms(timeout_ms.into());
            self.await_until(id, due);
        }
    }

    /// Takes an answer to the call that asked; whether there is one. Who asked may be gone: the record tells.
    pub(super) fn take_reply(
        &mut self,
        actor: &ActorId,
        id: &CallId,
        outcome: Result<Json, ToolFailure>,
    ) -> bool {
        if !self.calls.contains_key(id) {
            let running = self.running(actor);
            let record = running.and_then(|running| {
                let record = running.memory.calls().get(id)?;
                pending_of(record, &running.snapshot)
            });
            if let Some(pending) = record {
                self.calls.insert(id.clone(), Call::new(actor, pending));
            }
        }
        let is_asked = |call: &Call| call.is_of(actor) && is_question(&call.pending.tool);
        let is_asked = self.calls.get(id).is_some_and(is_asked);
        if is_asked {
            let answer = Answer::Outcome(outcome);
            self.take_answer(Answered {
                call: id.clone(),
                answer,
            });
        }
        is_asked
    }

    /// The actor that one invokes under that id.
    pub(super) fn invoked_child(&self, actor: &ActorId, invoke: &str) -> Option<ActorId> {
        let is_it = |call: &&Call| {
            call.is_of(actor) && call.pending.invoke_id().is_some_and(|id| &**id == invoke)
        };
        self.calls.values().find(is_it)?.child.clone()
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
            if is_ours && !self.calls.contains_key(call) {
                let pending = pending_of(record, &running.snapshot);
                left.extend(pending.map(|pending| (call.clone(), record.clone(), pending)));
            }
        }
        for (call, record, pending) in left {
            self.resume_call(actor, &call, &record, pending);
        }
    }

    /// A call that another session began is this one's from now on.
    fn take_over_record(&mut self, actor: &ActorId, id: &CallId, record: &Json) {
        let own: Json = self.world.node.session().as_str().into();
        if record.get("session") == Some(&own) {
            return;
        }
        let mut taken = record.as_object().cloned().unwrap_or_default();
        taken.insert("session".into(), own);
        if let Some(running) = running_mut(&mut self.actors, actor) {
            running.memory.begin_call(id, taken.into());
        }
    }

    fn resume_call(&mut self, actor: &ActorId, id: &CallId, record: &Json, pending: PendingCall) {
        let tool = Arc::clone(&pending.tool);
        self.calls.insert(id.clone(), Call::new(actor, pending));
        self.take_over_record(actor, id, record);
        if is_actor(&tool) {
            self.new_calls.push(id.clone());
        } else if is_question(&tool) && record.get("due").is_some() {
            self.await_until(id, super::timers::due_of(record));
        } else if is_built_in(&tool) {
            self.retry_call(id);
        } else if self.world.tools.is_idempotent(&tool) {
            self.resume_attempts(id, record);
        } else {
            self.tool_finished(id, Err(ToolFailure::interrupted(&tool)));
        }
    }
}

fn is_question(tool: &str) -> bool {
    tool == ASK
}

/// The call that a record is of, beside the machine that this is the snapshot of.
fn pending_of(record: &Json, snapshot: &Snapshot) -> Option<PendingCall> {
    PendingCall::from_json(record.get("call")?, snapshot)
}
