//! An actor's memory: its context as the machine and the view see it, and what of it is not written yet.
//!
//! What is written is the context value's keys: the context's own, `_currentState`, and bookkeeping that nobody sees:
//! `_host`, the session that hosts the actor for messages from others; `_asked/<session>`, that it is asked whether it lives; `_pulse/<session>`, the value in which it shows that; `_inbox/<session>`, how many messages of that session are handled, in an array if that is not how many transactions they are; `_call/<id>`, a tool call that has not answered;
//! `_timer/<id>`, an event for later; `_dead/<id>`, a message that nobody can handle; `_once/<key>`, what became of an event that may be given twice; `_output`, what the machine told at its end; `_version`, which version of the definition ran; `_history`, what states with a history had for active when they were left; `_query/<key>`, a query that an action put there. Each is a key of its own, so that two tabs that move different cursors never undo each other (R4).

mod hosting;
mod records;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cojson::collections::{OrderedMap, SortedMap, SortedSet};
use cojson::ids::SessionId;
use cojson::json::{Json, JsonObject};

use crate::machine::{CallId, Snapshot};
use records::{key_of, read_record};

pub(crate) use hosting::Cursor;

/// The context key that holds the machine's state.
pub(crate) const CURRENT_STATE: &str = "_currentState";
/// The context key that holds what the machine keeps of states with a history.
pub(crate) const HISTORY: &str = "_history";
/// The context key that holds what the machine told at its end.
pub(crate) const OUTPUT: &str = "_output";
/// The context key that holds the version of the definition that last ran.
pub(crate) const VERSION: &str = "_version";
/// The context key that holds the session which hosts the actor.
const HOST: &str = "_host";
const ASKED_PREFIX: &str = "_asked/";
const PULSE_PREFIX: &str = "_pulse/";
const CURSOR_PREFIX: &str = "_inbox/";
const CALL_PREFIX: &str = "_call/";
const QUERY_PREFIX: &str = "_query/";
const TIMER_PREFIX: &str = "_timer/";
const LETTER_PREFIX: &str = "_dead/";
const ONCE_PREFIX: &str = "_once/";

/// Whether a context key is the runtime's own.
pub(crate) fn is_bookkeeping(key: &str) -> bool {
    let prefixes = [
        CURSOR_PREFIX,
        CALL_PREFIX,
        QUERY_PREFIX,
        TIMER_PREFIX,
        LETTER_PREFIX,
        ONCE_PREFIX,
        ASKED_PREFIX,
        PULSE_PREFIX,
    ];
    [CURRENT_STATE, HISTORY, OUTPUT, VERSION, HOST].contains(&key)
        || prefixes.iter().any(|prefix| key.starts_with(prefix))
}

/// Keys of the context value to write; `None` deletes.
pub(crate) type Writes = OrderedMap<Arc<str>, Option<Json>>;

/// A context: the definition's defaults, what is stored over them, and what queries show.
#[derive(Default)]
pub(crate) struct Memory {
    defaults: JsonObject,
    kept: JsonObject,
    results: OrderedMap<Arc<str>, Json>,
    /// The three together: what the machine and the view see.
    visible: Json,
    state: Json,
    history: Json,
    output: Json,
    version: Json,
    host: Json,
    asked: SortedMap<SessionId, Json>,
    /// By session; null where it shows nothing any more.
    pulses: JsonObject,
    cursors: SortedMap<SessionId, u32>,
    /// The sessions whose cursor does not count transactions.
    unaligned: SortedSet<SessionId>,
    calls: OrderedMap<CallId, Json>,
    queries: OrderedMap<Arc<str>, Json>,
    timers: OrderedMap<CallId, Json>,
    letters: OrderedMap<CallId, Json>,
    once: OrderedMap<CallId, Json>,
    unwritten: Writes,
}

impl Memory {
    /// The memory of an actor that never ran: the defaults, all to be written.
    pub(crate) fn first(defaults: &JsonObject) -> Self {
        let write = |(key, value): (&Arc<str>, &Json)| (Arc::clone(key), Some(value.clone()));
        let unwritten = defaults.iter().map(write).collect();
        let visible = defaults.clone().into();
        Self {
            defaults: defaults.clone(),
            visible,
            unwritten,
            ..Self::default()
        }
    }

    /// Takes in what is stored now, in place of what was. What is not written yet stays.
    pub(crate) fn read(&mut self, defaults: &JsonObject, stored: &Json) {
        self.defaults.clone_from(defaults);
        self.kept.clear();
        self.cursors.clear();
        self.unaligned.clear();
        self.host = Json::Null;
        self.asked.clear();
        self.pulses = JsonObject::new();
        self.calls.clear();
        self.timers.clear();
        self.letters.clear();
        self.once.clear();
        self.queries.clear();
        for (key, value) in stored.as_object().into_iter().flatten() {
            self.read_key(key, value);
        }
        for (key, value) in std::mem::take(&mut self.unwritten) {
            self.read_key(&key, &value.clone().unwrap_or_default());
            self.unwritten.insert(key, value);
        }
        self.show();
    }

    /// Everything that is or will be stored, to be read under another definition.
    pub(crate) fn stored(&self) -> Json {
        let mut stored = self.kept.clone();
        stored.insert(CURRENT_STATE.into(), self.state.clone());
        stored.insert(HISTORY.into(), self.history.clone());
        stored.insert(OUTPUT.into(), self.output.clone());
        stored.insert(VERSION.into(), self.version.clone());
        stored.insert(HOST.into(), self.host.clone());
        let asked = |(session, by): (&SessionId, &Json)| {
            (format!("{ASKED_PREFIX}{session}").into(), by.clone())
        };
        stored.extend(self.asked.iter().map(asked));
        let pulse = |(session, value): (&Arc<str>, &Json)| {
            (format!("{PULSE_PREFIX}{session}").into(), value.clone())
        };
        stored.extend(self.pulses.iter().map(pulse));
        let cursor = |(session, cursor): (&SessionId, Cursor)| {
            let key = format!("{CURSOR_PREFIX}{session}");
            (key.into(), cursor.to_json())
        };
        stored.extend(self.cursors().map(cursor));
        let all = [
            (CALL_PREFIX, &self.calls),
            (TIMER_PREFIX, &self.timers),
            (LETTER_PREFIX, &self.letters),
            (ONCE_PREFIX, &self.once),
        ];
        for (prefix, records) in all {
            let record = |(id, record): (&CallId, &Json)| (key_of(prefix, id), record.clone());
            stored.extend(records.iter().map(record));
        }
        let query = |(key, query): (&Arc<str>, &Json)| {
            (format!("{QUERY_PREFIX}{key}").into(), query.clone())
        };
        stored.extend(self.queries.iter().map(query));
        stored.into()
    }

    fn read_key(&mut self, key: &Arc<str>, value: &Json) {
        if let Some(session) = key.strip_prefix(CURSOR_PREFIX) {
            if let Ok(session) = SessionId::parse(session) {
                self.note_cursor(&session, Cursor::read(value));
            }
        } else if let Some(call) = key.strip_prefix(CALL_PREFIX) {
            read_record(&mut self.calls, CallId::new(call), value);
        } else if let Some(timer) = key.strip_prefix(TIMER_PREFIX) {
            read_record(&mut self.timers, CallId::new(timer), value);
        } else if let Some(letter) = key.strip_prefix(LETTER_PREFIX) {
            read_record(&mut self.letters, CallId::new(letter), value);
        } else if let Some(once) = key.strip_prefix(ONCE_PREFIX) {
            read_record(&mut self.once, CallId::new(once), value);
        } else if let Some(key) = key.strip_prefix(QUERY_PREFIX) {
            self.queries.insert(key.into(), value.clone());
        } else if &**key == CURRENT_STATE {
            self.state = value.clone();
        } else if let Some(session) = key.strip_prefix(ASKED_PREFIX) {
            if let Ok(session) = SessionId::parse(session) {
                self.read_asked(session, value);
            }
        } else if let Some(session) = key.strip_prefix(PULSE_PREFIX) {
            self.pulses.insert(session.into(), value.clone());
        } else if &**key == HOST {
            self.host = value.clone();
        } else if &**key == HISTORY {
            self.history = value.clone();
        } else if &**key == OUTPUT {
            self.output = value.clone();
        } else if &**key == VERSION {
            self.version = value.clone();
        } else {
            self.kept.insert(Arc::clone(key), value.clone());
        }
    }

    fn show(&mut self) {
        let mut visible = self.defaults.clone();
        visible.extend(
            self.kept
                .iter()
                .map(|(key, value)| (Arc::clone(key), value.clone())),
        );
        visible.extend(
            self.results
                .iter()
                .map(|(key, value)| (Arc::clone(key), value.clone())),
        );
        self.visible = visible.into();
    }

    /// The context as the machine and the view see it.
    pub(crate) fn visible(&self) -> &Json {
        &self.visible
    }

    /// The active states; null before the first.
    pub(crate) fn state(&self) -> &Json {
        &self.state
    }

    /// What is kept of states with a history.
    pub(crate) fn history(&self) -> &Json {
        &self.history
    }

    /// What the machine told at its end.
    pub(crate) fn output(&self) -> &Json {
        &self.output
    }

    /// Keeps the version of the definition that runs, if it has one.
    pub(crate) fn set_version(&mut self, version: Option<Json>) {
        if let Some(version) = version {
            self.unwritten.insert(VERSION.into(), Some(version.clone()));
            self.version = version;
        }
    }

    /// Has to write what a migration changed, unless something newer is to be written.
    pub(crate) fn note_migrated(&mut self, writes: Writes) {
        for (key, value) in writes {
            if !self.unwritten.contains_key(&key) {
                self.unwritten.insert(key, value);
            }
        }
    }

    /// Keeps what the machine tells at its end.
    pub(crate) fn set_output(&mut self, output: Json) {
        self.unwritten.insert(OUTPUT.into(), Some(output.clone()));
        self.output = output;
    }

    /// Whether anything has to be written.
    pub(crate) fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// Everything to be written, as one transaction (R1).
    pub(crate) fn take_unwritten(&mut self) -> Writes {
        std::mem::take(&mut self.unwritten)
    }

    /// Shows a query's result; whether it is another than before.
    pub(crate) fn set_result(&mut self, key: &Arc<str>, result: Json) -> bool {
        if self
            .results
            .get(key)
            .is_some_and(|shown| is_unchanged(shown, &result))
        {
            return false;
        }
        self.results.insert(Arc::clone(key), result);
        self.show();
        true
    }

    /// Takes over where a step left the machine.
    pub(crate) fn set(&mut self, snapshot: &Snapshot) {
        self.set_place(CURRENT_STATE, &snapshot.state);
        self.set_place(HISTORY, &snapshot.history);
        self.set_context(&snapshot.context);
    }

    fn set_place(&mut self, key: &str, value: &Json) {
        let place = if key == HISTORY {
            &mut self.history
        } else {
            &mut self.state
        };
        if !place.is_same(value) && *place != *value {
            *place = value.clone();
            self.unwritten.insert(key.into(), Some(value.clone()));
        }
    }

    fn set_context(&mut self, context: &Json) {
        if self.visible.is_same(context) {
            return;
        }
        for (key, value) in context.as_object().into_iter().flatten() {
            let is_kept = self
                .visible
                .get(key)
                .is_some_and(|old| old.is_same(value) || old == value);
            if !is_kept && !self.results.contains_key(key) {
                self.kept.insert(Arc::clone(key), value.clone());
                self.unwritten.insert(Arc::clone(key), Some(value.clone()));
            }
        }
        self.show();
    }

    /// Deletes a record. One that was never written leaves no trace.
    fn unwrite(&mut self, key: Arc<str>) {
        if self.unwritten.remove(&key).is_none() {
            self.unwritten.insert(key, None);
        }
    }
}

/// Whether two results hold the same items, told without looking into them.
fn is_unchanged(old: &Json, new: &Json) -> bool {
    match (old, new) {
        (Json::Array(old), Json::Array(new)) => {
            old.len() == new.len()
                && old
                    .iter()
                    .zip(new.iter())
                    .all(|(old, new)| old.is_same(new))
        }
        _ => old.is_same(new),
    }
}
