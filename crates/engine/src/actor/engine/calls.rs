//! Tool calls: the built-in tools run inside the step, the application's tools answer later.
//!
//! A call that does not answer in its own task is recorded in the context, in the transaction that enters its state.
//! After a reload the record tells that it was cut off: the tool is called again with the same id if it is
//! idempotent, else the machine is told `interrupted` (R3). What a state invokes is a call too: it is given up when
//! the state is left, and an actor that is invoked is the call of itself.

mod attempts;
mod caller;
mod children;
mod resume;

use std::rc::Rc;
use std::sync::Arc;

use cojson::ids::CoId;
use cojson::json::Json;

use super::super::builtin::{self, Stop, Workspace};
use super::super::definition::ActorDefinition;
use super::super::input::Input;
use super::super::running::Running;
use super::super::tools::{ASK, DATABASE};
use super::super::{ActorId, Effect, Ticket};
use super::ActorEngine;
use crate::machine::{CallId, Cause, PendingCall, Snapshot, ToolFailure, is_actor};
use attempts::Attempts;
pub(super) use caller::{Caller, Started};

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

impl Answered {
    pub(super) fn call(&self) -> &CallId {
        &self.call
    }
}

/// What a call says: that it is under way, or what came of it.
enum Answer {
    Progress(Json),
    Outcome(Result<Json, ToolFailure>),
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
        self.calls.insert(id.clone(), Call::new(actor, pending));
        match needs {
            Some(needs) => self.await_value(id, needs),
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
        let outer = std::mem::replace(&mut self.world.cause, Cause::new(id.as_str()));
        let reply = if is_question {
            let asked = self.tell_message(&actor, &pending.payload, Some(id));
            asked.map(|()| Json::Null)
        } else {
            self.run_built_in(&actor, &definition, &pending.tool, &pending.payload)
        };
        self.world.cause = outer;
        match reply {
            Ok(_) if is_question => self.await_reply(id),
            Ok(result) => self.tool_finished(id, Ok(result)),
            Err(Stop::Failed(failure)) => self.tool_finished(id, Err(failure)),
            Err(Stop::Needs(needs)) => self.await_value(id, needs),
        }
    }

    /// A call waits for a value; while storage is asked for that, so does the step which a built-in call is part of.
    fn await_value(&mut self, id: &CallId, needs: CoId) {
        self.world.load(&needs);
        let is_read = self.world.is_read(&needs);
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        call.needs = Some(needs);
        let is_of_step = matches!(call.owner, Owner::Machine) && !is_question(&call.pending.tool);
        if is_of_step && !is_read {
            let actor = call.actor.clone();
            self.begin_to_wait(&actor, id);
        }
    }

    /// Whether a call waits for others than storage.
    pub(super) fn waits_for_others(&self, id: &CallId) -> bool {
        let needs = self.calls.get(id).and_then(|call| call.needs.as_ref());
        needs.is_some_and(|needs| self.world.is_read(needs))
    }

    fn forget_call(&mut self, id: &CallId) -> Option<Call> {
        let call = self.calls.remove(id)?;
        self.end_wait(&call.actor, id);
        Some(call)
    }

    /// Tells a machine what its call says.
    pub(super) fn take_answer(&mut self, answered: Answered) {
        if self.is_retried(&answered.call, &answered.answer) {
            return;
        }
        let Some(call) = self.calls.get(&answered.call) else {
            return;
        };
        let (actor, pending) = (call.actor.clone(), call.pending.clone());
        if let Owner::Host(ticket) = call.owner {
            self.calls.remove(&answered.call);
            return self.tell_host(ticket, &actor, &pending, answered.answer);
        }
        let Some(Answered { call: id, answer }) = self.keep_answer(&actor, answered) else {
            return;
        };
        let is_over = matches!(answer, Answer::Outcome(_));
        if is_over && let Some(child) = self.forget_call(&id).and_then(|call| call.child) {
            self.end_child(&child);
        }
        let input = match answer {
            Answer::Outcome(outcome) => Input::Outcome(pending, outcome),
            Answer::Progress(progress) => Input::Progress(pending, progress),
        };
        let result = self.with_running(&actor, |engine, running| {
            if is_over {
                engine.world.cause = Cause::new(id.as_str());
                running.memory.end_call(&id);
            }
            engine.step(&actor, running, &input)
        });
        self.world.cause = Cause::default();
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

    /// The actor that one invokes under that id, whether it is made already or not.
    pub(super) fn invoked_child(&self, actor: &ActorId, invoke: &str) -> Option<ActorId> {
        let is_it = |(_, call): &(&CallId, &Call)| {
            let id = call.pending.invoke_id();
            call.is_of(actor)
                && is_actor(&call.pending.tool)
                && id.is_some_and(|id| &**id == invoke)
        };
        let (id, _) = self.calls.iter().find(is_it)?;
        Some(children::child_of(actor, id))
    }
}

fn is_question(tool: &str) -> bool {
    tool == ASK
}

/// The call that a record is of, beside the machine that this is the snapshot of.
fn pending_of(record: &Json, snapshot: &Snapshot) -> Option<PendingCall> {
    PendingCall::from_json(record.get("call")?, snapshot)
}
