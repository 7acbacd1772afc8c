//! Events that the host may give twice: who got no answer asks again under the same key, and is told what became of it then.
//!
//! What became of it is in the context under `_once/<key>`, written with the step, so that it is there if the step is (R1, R4).

use cojson::json::Json;

use super::super::sent::Outcome;
use super::super::{ActorId, SendError, Ticket, Tickets};
use super::timers::in_number;
use super::{ActorEngine, Pending, running_mut};
use crate::machine::{CallId, Event};

/// How many keys an actor remembers; the oldest are forgotten first.
const KEYS_MAX: usize = 256;

/// An event under its key.
pub(super) struct Once {
    actor: ActorId,
    event: Event,
    key: CallId,
    ticket: Ticket,
}

impl Once {
    pub(super) fn actor(&self) -> &ActorId {
        &self.actor
    }
}

impl ActorEngine {
    /// Queues an event for an actor like [`send`](Self::send), unless one came under that key before: then the outcome is
    /// what it was. An actor remembers its last 256 keys, over restarts and on all devices.
    pub fn send_once(
        &mut self,
        actor: &ActorId,
        event: Event,
        key: &str,
    ) -> Result<Ticket, SendError> {
        let Some(running) = self.running(actor) else {
            return Err(SendError::NoActor(actor.clone()));
        };
        running.definition.contract.check(actor, &event)?;
        let ticket = self.tickets(1).first;
        self.pending_messages.push_back(Pending::Once(Once {
            actor: actor.clone(),
            event,
            key: CallId::new(key),
            ticket,
        }));
        Ok(ticket)
    }

    /// Handles an event, or tells what became of it when it came before.
    pub(super) fn handle_once(&mut self, once: Once) {
        let Once {
            actor,
            event,
            key,
            ticket,
        } = once;
        let result = self.handle_or_recall(&actor, event, &key);
        self.outcomes.push(Outcome {
            tickets: Tickets::one(ticket),
            actor,
            result,
        });
    }

    fn handle_or_recall(
        &mut self,
        actor: &ActorId,
        event: Event,
        key: &CallId,
    ) -> Result<bool, SendError> {
        let kept = self.running(actor);
        if let Some(kept) = kept.and_then(|running| running.memory.once().get(key)) {
            return outcome_of(kept, actor, &event);
        }
        let result = self.handle_event(actor, event);
        let outcome = match &result {
            Ok(handled) => Some(("handled", Json::from(*handled))),
            Err(SendError::Step { message, .. }) => Some(("error", message.as_str().into())),
            Err(_) => None,
        };
        let at = in_number(self.world.now);
        if let (Some(outcome), Some(running)) = (outcome, running_mut(&mut self.actors, actor)) {
            let record = Json::object([("at", at), outcome]);
            running.memory.keep_once(key, record, KEYS_MAX);
        }
        result
    }
}

fn outcome_of(kept: &Json, actor: &ActorId, event: &Event) -> Result<bool, SendError> {
    match (
        kept.get("error").and_then(Json::as_str),
        kept.get("handled"),
    ) {
        (Some(message), _) => Err(SendError::Step {
            actor: actor.clone(),
            event_type: event.event_type.clone(),
            message: message.to_owned(),
        }),
        (None, handled) => Ok(handled == Some(&Json::Bool(true))),
    }
}
