//! The attempts of a call: how long one may take, when the next is made, and how a call ends before it answers.
//!
//! That an attempt failed is written into the record of its call, so that a reload neither forgets it nor shortens the
//! wait. All attempts have the same id, which is the idempotency key.

use std::sync::Arc;

use cojson::ids::Timestamp;
use cojson::json::Json;

use super::super::super::running::Running;
use super::super::super::tools::{ends_with_state, is_built_in};
use super::super::super::{ActorId, Effect};
use super::super::due::{Due, What};
use super::super::{ActorEngine, running_mut};
use super::{Answer, Call, Owner};
use crate::machine::{CallId, ToolFailure};

/// How far an application's call has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attempts {
    /// How many failed.
    pub(super) failed: u32,
    /// Whether the next one waits for its time.
    pub(super) is_waiting: bool,
    /// When the attempt under way has taken too long, or the next is made.
    pub(super) due: Option<Timestamp>,
}

impl ActorEngine {
    pub(in super::super) fn is_call_planned(&self, due: &Due, call: &CallId) -> bool {
        let call = self.calls.get(call);
        call.is_some_and(|call| call.attempts.due == Some(due.at))
    }

    /// Makes an attempt of an application's call.
    pub(super) fn attempt(&mut self, id: &CallId) {
        let now = self.world.now;
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let timeout_ms = self.world.tools.timeout_ms(&call.pending.tool);
        let due = timeout_ms.map(|ms| now.plus_ms(ms.into()));
        call.attempts.is_waiting = false;
        call.attempts.due = due;
        let actor = call.actor.clone();
        self.calls_to_make.push(id.clone());
        self.plan_call(&actor, id, due);
    }

    /// Calls the tool, now that the record of its call is durable; not if nobody waits for it any more.
    pub(in super::super) fn call_tool(&mut self, id: &CallId) {
        if let Some(call) = self.calls.get(id).filter(|call| !call.attempts.is_waiting) {
            self.effects.push_back(Effect::CallTool {
                call: id.clone(),
                actor: call.actor.clone(),
                tool: Arc::clone(&call.pending.tool),
                payload: call.pending.payload.clone(),
            });
        }
    }

    /// Waits for a question's answer until then.
    pub(super) fn await_until(&mut self, id: &CallId, due: Timestamp) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        call.attempts.due = Some(due);
        let actor = call.actor.clone();
        self.plan_call(&actor, id, Some(due));
        self.note_attempts(&actor, id);
    }

    fn plan_call(&mut self, actor: &ActorId, id: &CallId, due: Option<Timestamp>) {
        if let Some(at) = due {
            self.plan(at, actor, What::Call(id.clone()));
        }
    }

    /// The attempt under way has taken too long, or the next one is to be made.
    pub(in super::super) fn attempt_is_due(&mut self, id: &CallId) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        call.attempts.due = None;
        if call.attempts.is_waiting {
            self.attempt(id);
            return;
        }
        let message = format!("{} took too long", call.pending.tool);
        if !is_built_in(&call.pending.tool) {
            self.effects.push_back(Effect::CancelCall(id.clone()));
        }
        self.tool_finished(id, Err(ToolFailure::new("timeout", message)));
    }

    /// Whether a call that failed goes on: the next attempt waits for its time, or that one failed which was given up.
    pub(super) fn is_retried(&mut self, id: &CallId, answer: &Answer) -> bool {
        let Some(call) = self.calls.get_mut(id) else {
            return false;
        };
        if !matches!(answer, Answer::Outcome(Err(_))) {
            return false;
        }
        if call.attempts.is_waiting {
            return true;
        }
        let failed = call.attempts.failed + 1;
        let Some(wait_ms) = self.world.tools.backoff_ms(&call.pending.tool, failed) else {
            return false;
        };
        let due = self.world.now.plus_ms(wait_ms.into());
        call.attempts = Attempts {
            failed,
            is_waiting: true,
            due: Some(due),
        };
        let actor = call.actor.clone();
        self.note_attempts(&actor, id);
        self.plan_call(&actor, id, Some(due));
        true
    }

    /// The clock was set: what waits goes on waiting as long as it was to.
    pub(in super::super) fn shift_attempts(&mut self, forward_ms: i64) {
        let mut shifted = Vec::new();
        for (id, call) in self.calls.iter_mut() {
            if let Some(due) = &mut call.attempts.due {
                *due = Timestamp(due.0.saturating_add_signed(forward_ms));
                shifted.push((call.actor.clone(), id.clone(), *due));
            }
        }
        for (actor, id, due) in shifted {
            self.plan_call(&actor, &id, Some(due));
            if self
                .calls
                .get(&id)
                .is_some_and(|call| call.attempts.is_waiting)
            {
                self.note_attempts(&actor, &id);
            }
        }
    }

    /// Writes down how far a call has come.
    fn note_attempts(&mut self, actor: &ActorId, id: &CallId) {
        let Some(attempts) = self.calls.get(id).map(|call| call.attempts) else {
            return;
        };
        let Some(running) = running_mut(&mut self.actors, actor) else {
            return;
        };
        let record = running.memory.calls().get(id).and_then(Json::as_object);
        let Some(mut record) = record.cloned() else {
            return;
        };
        record.insert("failed".into(), attempts.failed.into());
        if let Some(due) = attempts.due {
            record.insert("due".into(), super::super::timers::in_number(due));
        }
        running.memory.begin_call(id, record.into());
    }

    /// Goes on with a call from an earlier life where its record says that it was.
    pub(super) fn resume_attempts(&mut self, id: &CallId, record: &Json) {
        let due = record.get("due").and_then(Json::as_number);
        let due = due.map(|_| super::super::timers::due_of(record));
        let failed = super::super::timers::count_of(record, "failed");
        let now = self.world.now;
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        call.attempts.failed = failed;
        match due.filter(|due| *due > now) {
            None => self.attempt(id),
            Some(due) => {
                call.attempts.is_waiting = true;
                call.attempts.due = Some(due);
                let actor = call.actor.clone();
                self.plan_call(&actor, id, Some(due));
            }
        }
    }

    /// Ends what states invoked that were left, and what their entries called.
    pub(in super::super) fn end_calls_of(&mut self, running: &mut Running, left: &[Arc<str>]) {
        if left.is_empty() {
            return;
        }
        let is_over = |record: &Json| {
            let call = super::pending_of(record, &running.snapshot);
            call.is_some_and(|call| {
                left.contains(call.state()) && call.ends_with_state(ends_with_state)
            })
        };
        let calls = running.memory.calls().iter();
        let over = calls.filter(|(_, record)| is_over(record));
        let over: Vec<CallId> = over.map(|(id, _)| id.clone()).collect();
        for call in over {
            running.memory.end_call(&call);
            self.give_up_call(&call);
        }
    }

    /// Gives up the calls of an actor that are recorded no longer, or as another session's: another tab moved the machine
    /// on, or took us for gone.
    pub(in super::super) fn give_up_unrecorded(&mut self, actor: &ActorId) {
        let Some(running) = self.running(actor) else {
            return;
        };
        let own = self.world.node.session().as_str();
        let is_own = |record: &Json| record.get("session").and_then(Json::as_str) == Some(own);
        let is_gone = |call: &CallId| !running.memory.calls().get(call).is_some_and(is_own);
        let is_its = |call: &Call| call.is_of(actor) && matches!(call.owner, Owner::Machine);
        let calls = self.calls.iter().filter(|(_, call)| is_its(call));
        let gone = calls.filter(|(id, _)| is_gone(id));
        let gone: Vec<CallId> = gone.map(|(id, _)| id.clone()).collect();
        for call in gone {
            self.give_up_call(&call);
        }
    }

    /// Gives up all calls of an actor that ends here. Their records stay.
    pub(in super::super) fn give_up_calls(&mut self, actor: &ActorId) {
        let calls = self.calls.iter().filter(|(_, call)| call.is_of(actor));
        let calls: Vec<CallId> = calls.map(|(id, _)| id.clone()).collect();
        for call in calls {
            self.give_up_call(&call);
        }
    }

    /// Nobody waits for that call any more.
    pub(in super::super) fn give_up_call(&mut self, id: &CallId) {
        let Some(call) = self.forget_call(id) else {
            return;
        };
        let Call {
            actor,
            child,
            needs,
            owner,
            pending,
            ..
        } = call;
        if let Owner::Host(ticket) = owner {
            let failure = ToolFailure::new("structural", "the actor was ended");
            self.tell_host(ticket, &actor, &pending, Answer::Outcome(Err(failure)));
        }
        match child {
            Some(child) => self.end_child(&child),
            None if needs.is_none() && !is_built_in(&pending.tool) => {
                self.effects.push_back(Effect::CancelCall(id.clone()));
            }
            None => {}
        }
    }
}
