//! What nobody may or can handle: kept in the context of the actor that it was for, with the step of its cursor, so that
//! neither a crash nor a refusal loses it; shown to the application in one store.

use cojson::json::Json;

use super::super::ActorId;
use super::super::message::Message;
use super::timers::in_number;
use super::{ActorEngine, running_mut};
use crate::machine::CallId;
use crate::reactive_store::ReactiveStore;

/// Why a letter is dead whose question was given up.
pub(super) const LATE: &str = "PLEIONE_E_LATE_REPLY";

/// Why a letter is dead that no state takes.
pub(super) const UNHANDLED: &str = "PLEIONE_E_UNHANDLED";

/// How many are kept of an actor; the oldest goes.
const LETTERS_MAX: usize = 100;

/// How much of a payload is kept, in bytes of its JSON; one that is larger is left out.
const PAYLOAD_BYTES_MAX: usize = 4_096;

impl ActorEngine {
    /// A store of the dead letters of the actors that run here, the oldest first: a list of
    /// `{id, actor, at, code, reason, type, payload, source}`.
    pub fn dead_letters(&self) -> ReactiveStore {
        self.dead_letters.clone()
    }

    /// Forgets a dead letter: the application has dealt with it.
    pub fn discard_dead_letter(&mut self, actor: &ActorId, id: &CallId) {
        if let Some(running) = running_mut(&mut self.actors, actor) {
            running.memory.discard_letter(id);
            self.has_new_dead_letters = true;
        }
    }

    /// Keeps a message that nobody can handle.
    pub(super) fn keep_dead_letter(
        &mut self,
        actor: &ActorId,
        message: &Message,
        code: &str,
        reason: &str,
    ) {
        let payload = &message.event.payload;
        let is_small = payload.to_string().len() <= PAYLOAD_BYTES_MAX;
        let letter = Json::object([
            ("at", in_number(self.world.now)),
            ("code", code.into()),
            ("reason", reason.into()),
            ("type", message.event.event_type.clone().into()),
            ("payload", payload.clone()),
            ("source", message.source.clone()),
        ]);
        let letter = if is_small {
            letter
        } else {
            let mut letter = letter.as_object().cloned().unwrap_or_default();
            letter.insert("payload".into(), Json::Null);
            letter.into()
        };
        let id = self.world.next_call();
        if let Some(running) = running_mut(&mut self.actors, actor) {
            running.memory.keep_letter(&id, letter, LETTERS_MAX);
            self.has_new_dead_letters = true;
        }
    }

    /// The store of dead letters and what it holds now, if that is another than before.
    pub(super) fn take_dead_letters(&mut self) -> Option<(ReactiveStore, Json)> {
        if !std::mem::take(&mut self.has_new_dead_letters) {
            return None;
        }
        let mut letters: Vec<Json> = Vec::new();
        for (actor, found) in &self.actors {
            let kept = found
                .running
                .iter()
                .flat_map(|running| running.memory.letters());
            letters.extend(kept.map(|(id, letter)| told(actor, id, letter)));
        }
        let at = |letter: &Json| {
            letter
                .get("at")
                .and_then(Json::as_number)
                .unwrap_or_default()
        };
        letters.sort_by(|one, other| at(one).total_cmp(&at(other)));
        Some((self.dead_letters.clone(), letters.into()))
    }
}

fn told(actor: &ActorId, id: &CallId, letter: &Json) -> Json {
    let own = [
        ("id", id.as_str().into()),
        ("actor", Json::from(actor.as_str())),
    ];
    let own = own.into_iter().map(|(key, value)| (key.into(), value));
    let rest = letter.as_object().into_iter().flatten();
    Json::object(own.chain(rest.map(|(key, value)| (key.clone(), value.clone()))))
}
