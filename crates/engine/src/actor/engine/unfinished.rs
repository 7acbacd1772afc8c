//! Steps that are not done: a built-in tool runs inside the step that calls it, and where that has to wait until storage is
//! read, the rest of the step waits with it. What comes for the actor meanwhile is kept, in its order, until the step is
//! done, as if storage took no time.
//!
//! A server may take any time: while it is asked, the machine goes on, and the rest of the step is done when it can be.

use std::collections::VecDeque;

use super::super::ActorId;
use super::calls::Answered;
use super::{ActorEngine, Pending};
use crate::machine::CallId;

/// What is left to do of an actor's step, and what came for the actor since.
#[derive(Default)]
pub(super) struct Unfinished {
    /// The built-in calls that wait: regions of a machine call apart.
    calls: Vec<CallId>,
    messages: VecDeque<Pending>,
    answers: VecDeque<Answered>,
}

impl ActorEngine {
    /// A built-in call waits for storage: its step is not done.
    pub(super) fn begin_to_wait(&mut self, actor: &ActorId, call: &CallId) {
        let calls = &mut self.unfinished.get_or_default(actor.clone()).calls;
        if !calls.contains(call) {
            calls.push(call.clone());
        }
    }

    /// That call is over, if it is one that a step waits for: with the last of them all goes on that came meanwhile.
    pub(super) fn end_wait(&mut self, actor: &ActorId, call: &CallId) {
        let Some(unfinished) = self.unfinished.get_mut(actor) else {
            return;
        };
        unfinished.calls.retain(|waiting| waiting != call);
        if !unfinished.calls.is_empty() {
            return;
        }
        let mut over = std::mem::take(unfinished);
        self.unfinished.remove(actor);
        over.messages.append(&mut self.pending_messages);
        self.pending_messages = over.messages;
        over.answers.append(&mut self.finished_calls);
        self.finished_calls = over.answers;
        self.plan_timers(actor);
    }

    /// Storage has answered: what waits for the server from here on keeps nobody waiting.
    pub(super) fn end_waits_for_storage(&mut self) {
        let calls = self
            .unfinished
            .iter()
            .flat_map(|(actor, unfinished)| unfinished.calls.iter().map(move |call| (actor, call)));
        let over = calls.filter(|(_, call)| self.waits_for_others(call));
        let over: Vec<_> = over
            .map(|(actor, call)| (actor.clone(), call.clone()))
            .collect();
        for (actor, call) in over {
            self.end_wait(&actor, &call);
        }
    }

    /// Whether a step of the actor's is not done, so that its machine takes nothing now.
    pub(super) fn is_unfinished(&self, actor: &ActorId) -> bool {
        self.unfinished.contains_key(actor)
    }

    /// Keeps a message for an actor whose step is not done; `Some`: it can be handled now. What an actor here told goes
    /// through the inbox, as whatever a task leaves.
    pub(super) fn keep_message(&mut self, message: Pending) -> Option<Pending> {
        if !self.is_unfinished(message.actor()) {
            return Some(message);
        }
        if !self.is_posted(&message)
            && let Some(unfinished) = self.unfinished.get_mut(message.actor())
        {
            unfinished.messages.push_back(message);
        }
        None
    }

    /// Keeps what a call says to an actor whose step is not done, unless the step waits for just that; `Some`: it can be
    /// taken now.
    pub(super) fn keep_answer(&mut self, actor: &ActorId, answered: Answered) -> Option<Answered> {
        match self.unfinished.get_mut(actor) {
            Some(unfinished) if !unfinished.calls.contains(answered.call()) => {
                unfinished.answers.push_back(answered);
                None
            }
            _ => Some(answered),
        }
    }
}
