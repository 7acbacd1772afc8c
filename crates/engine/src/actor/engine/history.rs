//! Histories: written with the task that made them, in its storage write, and read again: what happened, how it was then,
//! and whether the definition would do the same today.

use std::rc::Rc;
use std::sync::Arc;

use cojson::ids::{CoId, SessionId, Timestamp};
use cojson::json::Json;
use cojson::node::{Change, Stamp};

use super::super::definition::ActorDefinition;
use super::super::memory::Memory;
use super::super::replay::Replay;
use super::super::running::Running;
use super::super::space::Named;
use super::super::{ActorId, HistoryError};
use super::ActorEngine;
use super::timers::in_number;

/// A point of an actor's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// By the clocks of those who wrote.
    At(Timestamp),
    /// Right after the transition of that index in [`ActorEngine::history`].
    After(usize),
}

/// An item of a history: when the context held what it led to, who wrote it, and what it says.
struct Entry {
    at: Timestamp,
    session: SessionId,
    item: Json,
}

impl ActorEngine {
    /// Whether what is kept of an actor's history can be written to; if not, it is asked for.
    pub(super) fn has_history(&mut self, actor: &ActorId) -> bool {
        let mut has_all = true;
        for id in self.history_ids(actor) {
            if !self.world.is_settled(&id) {
                self.world.load(&id);
                has_all = false;
            }
        }
        has_all
    }

    /// The streams of an actor's history that are read, the one that is written to last.
    fn history_ids(&self, actor: &ActorId) -> Vec<CoId> {
        let Some(found) = self.actors.get(actor) else {
            return Vec::new();
        };
        let periods = found.keep.map(|keep| keep.periods(self.world.now));
        let id = |period| Named::History(actor, period).id(&found.space, &self.world.node);
        periods.into_iter().flatten().map(id).collect()
    }

    /// Writes what a task adds to an actor's history. If the context could not be written, it did not happen. A stream
    /// that is not known yet is asked for, and written to with a later task.
    pub(super) fn write_history(&mut self, actor: &ActorId, running: &mut Running, happened: bool) {
        let Some(recording) = &mut running.recording else {
            return;
        };
        if !happened {
            recording.unwritten.clear();
        }
        let now = self.world.now;
        let at = recording.written_at.max(now);
        for item in &mut recording.unwritten {
            date(item, at);
        }
        if recording.unwritten.is_empty() || !self.has_history(actor) {
            return;
        }
        let items = std::mem::take(&mut recording.unwritten);
        let changes: Vec<Change> = items.into_iter().map(Change::Item).collect();
        let Some(found) = self.actors.get(actor) else {
            return;
        };
        let period = found.keep.and_then(|keep| keep.periods(now).pop());
        let named = Named::History(actor, period.flatten());
        let value = named.value(&found.space);
        let id = self.world.node.named_id(&value);
        let made = if self.world.node.is_loaded(&id) {
            Ok(id)
        } else {
            self.world.node.create(value, now)
        };
        let written = made.and_then(|id| {
            self.world.note_present(&id);
            self.world.node.transact(&id, &changes, Stamp::Now(at))?;
            Ok(id)
        });
        self.forget_old_history(actor);
        match written {
            Ok(id) => self.stores.note_changed(&id),
            Err(error) => self.warn(
                actor,
                "PLEIONE_W_HISTORY",
                format!(
                    "{} transitions are not in the history: {error}",
                    changes.len()
                ),
            ),
        }
    }

    /// Each transition that an actor made, the oldest first: `{index, from, to, event, changed, time, author}`.
    pub fn history(&mut self, actor: &ActorId) -> Result<Json, HistoryError> {
        let entries = self.entries(actor)?;
        let told = (0_u32..).zip(&entries).map(|(index, entry)| {
            let recorded = |key: &str| entry.item.get(key).cloned().unwrap_or_default();
            Json::object([
                ("index", index.into()),
                ("from", recorded("from")),
                ("to", recorded("to")),
                ("event", event_of(&entry.item)),
                ("changed", recorded("changed")),
                ("time", in_number(entry.at)),
                ("author", entry.session.author().into()),
            ])
        });
        Ok(told.collect::<Vec<Json>>().into())
    }

    /// Where an actor was then: `{state, context}`; `None` if it was not there yet. Without what queries show.
    pub fn at(&mut self, actor: &ActorId, when: When) -> Result<Option<Json>, HistoryError> {
        let definition = self.definition_of(actor)?;
        let index = match when {
            When::At(time) => {
                return Ok(self
                    .stored_at(actor, time)
                    .and_then(|it| seen(&definition, &it)));
            }
            When::After(index) => index,
        };
        let entries = self.entries(actor)?;
        let Some(entry) = entries.get(index) else {
            return Ok(None);
        };
        let same = |other: &&Entry| other.at == entry.at;
        if !entries.get(index + 1).as_ref().is_some_and(same) {
            let stored = self.stored_at(actor, entry.at);
            return Ok(stored.and_then(|it| seen(&definition, &it)));
        }
        // The context holds what all steps of a task led to together: those up to this one are taken again.
        let before = entries.iter().take(index).rev();
        let first = index - before.take_while(same).count();
        let stored = self.stored_before(actor, entry);
        let mut replay = Replay::new(&definition, &stored);
        for entry in entries.get(first..=index).unwrap_or_default() {
            // A difference to what is recorded is told by `replay`.
            replay.see(&entry.item, &entry.session);
            let _ = replay.take(&entry.item);
        }
        Ok(Some(replay.told()))
    }

    /// Takes every transition of an actor's history again: `{steps, difference, unsure}`: the first difference or null, and
    /// the indexes of those for which it is not known what queries showed.
    pub fn replay(&mut self, actor: &ActorId) -> Result<Json, HistoryError> {
        let definition = self.definition_of(actor)?;
        let entries = self.entries(actor)?;
        let mut replay: Option<Replay<'_>> = None;
        let mut difference = Json::Null;
        let mut steps = 0_u32;
        let mut unsure: Vec<Json> = Vec::new();
        for (place, entry) in entries.iter().enumerate() {
            let mut stored = || self.stored_before(actor, entry);
            let replay = replay.get_or_insert_with(|| Replay::new(&definition, &stored()));
            replay.rebase(&entry.item, stored);
            if !replay.see(&entry.item, &entry.session) {
                unsure.push(steps.into());
            }
            let mut taken = replay.take(&entry.item);
            let next = entries.get(place + 1);
            if taken.is_ok() && next.is_none_or(|next| next.at != entry.at) {
                let stored = self.stored_at(actor, entry.at).unwrap_or_default();
                taken = replay.check_context(&stored);
            }
            if let Err(found) = taken {
                difference = found.to_json(steps);
                break;
            }
            steps += 1;
        }
        Ok(Json::object([
            ("steps", steps.into()),
            ("difference", difference),
            ("unsure", unsure.into()),
        ]))
    }

    fn definition_of(&self, actor: &ActorId) -> Result<Rc<ActorDefinition>, HistoryError> {
        let running = self.running(actor);
        let definition = running.map(|running| Rc::clone(&running.definition));
        definition.ok_or_else(|| HistoryError::NoActor(actor.clone()))
    }

    fn entries(&mut self, actor: &ActorId) -> Result<Vec<Entry>, HistoryError> {
        self.definition_of(actor)?;
        let ids = self.history_ids(actor);
        if ids.is_empty() {
            return Err(HistoryError::NotKept(actor.clone()));
        }
        let mut entries = Vec::new();
        for id in ids {
            let stream = self.world.node.stream(&id);
            for item in stream.into_iter().flat_map(|stream| stream.by_time()) {
                let at = item.value.get("at").and_then(Json::as_number);
                entries.push(Entry {
                    at: at.map_or(item.position.made_at, time_of),
                    session: item.position.id.session.clone(),
                    item: item.value.clone(),
                });
            }
        }
        Ok(entries)
    }

    /// What the context's own log had then; `None` if it had nothing.
    fn stored_at(&mut self, actor: &ActorId, time: Timestamp) -> Option<Json> {
        let context = self.actors.get(actor)?.context.clone();
        let stored = self.world.node.map(&context)?.at(time);
        stored
            .as_object()
            .is_some_and(|it| !it.is_empty())
            .then_some(stored)
    }

    fn stored_before(&mut self, actor: &ActorId, entry: &Entry) -> Json {
        let before = Timestamp(entry.at.0.saturating_sub(1));
        self.stored_at(actor, before).unwrap_or_default()
    }
}

/// Says in an item when the context's transaction was made, if it does not say it yet.
fn date(item: &mut Json, at: Timestamp) {
    if let Json::Object(members) = item
        && !members.contains_key("at")
    {
        Arc::make_mut(members).insert("at".into(), in_number(at));
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time; the cast saturates"
)]
fn time_of(ms: f64) -> Timestamp {
    Timestamp(ms as u64)
}

/// An item's input as an event: what a call told is SUCCESS, ERROR or progress of its tool.
fn event_of(item: &Json) -> Json {
    let has = |key: &str| item.get(key).is_some();
    let told = ["result", "errors", "progress"]
        .into_iter()
        .find(|it| has(it));
    let (event_type, payload) = match told {
        Some("result") => (Json::from("SUCCESS"), "result"),
        Some("errors") => (Json::from("ERROR"), "errors"),
        Some(key) => (Json::from(key), key),
        None => (item.get("type").cloned().unwrap_or_default(), "payload"),
    };
    let payload = item.get(payload).cloned().unwrap_or_default();
    let tool = item.get("tool").cloned().map(|tool| ("tool", tool));
    let members = [("type", event_type), ("payload", payload)];
    Json::object(members.into_iter().chain(tool))
}

fn seen(definition: &ActorDefinition, stored: &Json) -> Option<Json> {
    let mut memory = Memory::default();
    memory.read(&definition.defaults, stored);
    let (state, context) = (memory.state().clone(), memory.visible().clone());
    (!state.is_null()).then(|| Json::object([("state", state), ("context", context)]))
}
