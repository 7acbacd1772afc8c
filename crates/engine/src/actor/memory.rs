//! An actor's memory: its context as the machine and the view see it, and what of it is not written yet.
//!
//! What is written is the context value's keys: the context's own, `_currentState`, and bookkeeping that nobody sees:
//! `_host`, the session that hosts the actor for messages from others; `_asked/<session>`, that it is asked whether it lives; `_pulse/<session>`, the value in which it shows that; `_inbox/<session>`, how many messages of that session are handled, in an array if that is not how many transactions they are; `_call/<id>`, a tool call that has not answered;
//! `_timer/<id>`, an event for later; `_dead/<id>`, a message that nobody can handle; `_once/<key>`, what became of an event that may be given twice; `_output`, what the machine told at its end; `_version`, which version of the definition ran; `_history`, what states with a history had for active when they were left; `_query/<key>`, a query that an action put there. Each is a key of its own, so that two tabs that move different cursors never undo each other (R4).

use std::sync::Arc;

use cojson::collections::{OrderedMap, SortedMap, SortedSet};
use cojson::ids::{CoId, SessionId};
use cojson::json::{Json, JsonObject};

use crate::machine::{CallId, Snapshot};

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

/// How far a session's inbox messages are handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// How many are.
    pub(crate) handled: u32,
    /// Whether they are just as many of its transactions, so that nobody needs to read those again.
    pub(crate) is_aligned: bool,
}

impl Cursor {
    fn read(value: &Json) -> Self {
        match value {
            Json::Array(items) => Self {
                handled: items.first().map(to_count).unwrap_or_default(),
                is_aligned: false,
            },
            number => Self {
                handled: to_count(number),
                is_aligned: true,
            },
        }
    }

    fn to_json(self) -> Json {
        if self.is_aligned {
            self.handled.into()
        } else {
            vec![self.handled.into()].into()
        }
    }
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

    fn read_asked(&mut self, session: SessionId, by: &Json) {
        if by.is_null() {
            self.asked.remove(&session);
        } else {
            self.asked.insert(session, by.clone());
        }
    }

    /// The session that hosts the actor for messages from others.
    pub(crate) fn host(&self) -> Option<SessionId> {
        SessionId::parse(self.host.as_str()?).ok()
    }

    /// Makes that session the host.
    pub(crate) fn set_host(&mut self, session: &SessionId) {
        self.host = session.as_str().into();
        self.unwritten.insert(HOST.into(), Some(self.host.clone()));
    }

    /// The sessions that are asked whether they live.
    pub(crate) fn asked(&self) -> impl Iterator<Item = &SessionId> {
        self.asked.keys()
    }

    /// Whether that session is asked.
    pub(crate) fn is_asked(&self, session: &SessionId) -> bool {
        self.asked.contains_key(session)
    }

    /// Asks a session whether it lives, or takes that back.
    pub(crate) fn set_asked(&mut self, session: &SessionId, by: Option<&SessionId>) {
        let by: Json = by.map_or(Json::Null, |by| by.as_str().into());
        if self.asked.get(session).is_none() && by.is_null() {
            return;
        }
        self.read_asked(session.clone(), &by);
        let key: Arc<str> = format!("{ASKED_PREFIX}{session}").into();
        if by.is_null() {
            self.unwrite(key);
        } else {
            self.unwritten.insert(key, Some(by));
        }
    }

    /// The value in which a session shows that it lives, if it was asked before.
    pub(crate) fn pulse(&self, session: &SessionId) -> Option<CoId> {
        CoId::parse(self.pulses.get(session.as_str())?.as_str()?).ok()
    }

    /// The sessions that show in that value that they live.
    pub(crate) fn pulses_in(&self, value: &CoId) -> Vec<SessionId> {
        let pulses = self.pulses.iter();
        let shown = pulses.filter(|(_, id)| id.as_str() == Some(value.as_str()));
        shown
            .filter_map(|(session, _)| SessionId::parse(session).ok())
            .collect()
    }

    /// Tells where a session shows that it lives, or that it does no more.
    pub(crate) fn set_pulse(&mut self, session: &SessionId, value: Option<&CoId>) {
        if self.pulse(session).as_ref() == value {
            return;
        }
        let told: Json = value.map_or(Json::Null, |id| id.as_str().into());
        self.pulses.insert(session.as_str().into(), told.clone());
        let key: Arc<str> = format!("{PULSE_PREFIX}{session}").into();
        match value {
            Some(_) => drop(self.unwritten.insert(key, Some(told))),
            None => self.unwrite(key),
        }
    }

    /// How many of a session's inbox messages are handled.
    pub(crate) fn cursor(&self, session: &SessionId) -> u32 {
        self.cursors.get(session).copied().unwrap_or_default()
    }

    fn note_cursor(&mut self, session: &SessionId, cursor: Cursor) {
        self.cursors.insert(session.clone(), cursor.handled);
        if cursor.is_aligned {
            self.unaligned.remove(session);
        } else {
            self.unaligned.insert(session.clone());
        }
    }

    /// How far the messages of all sessions are handled.
    pub(crate) fn cursors(&self) -> impl Iterator<Item = (&SessionId, Cursor)> {
        self.cursors.iter().map(|(session, handled)| {
            let cursor = Cursor {
                handled: *handled,
                is_aligned: !self.unaligned.contains(session),
            };
            (session, cursor)
        })
    }

    /// Moves the cursor of a session's inbox messages.
    pub(crate) fn set_cursor(&mut self, session: &SessionId, cursor: Cursor) {
        self.note_cursor(session, cursor);
        self.unwritten.insert(
            format!("{CURSOR_PREFIX}{session}").into(),
            Some(cursor.to_json()),
        );
    }

    /// The queries that actions put in the place of context keys.
    pub(crate) fn queries(&self) -> &OrderedMap<Arc<str>, Json> {
        &self.queries
    }

    /// Puts a query in the place of a context key.
    pub(crate) fn set_query(&mut self, key: &Arc<str>, query: Json) {
        self.queries.insert(Arc::clone(key), query.clone());
        self.unwritten
            .insert(format!("{QUERY_PREFIX}{key}").into(), Some(query));
    }

    /// The tool calls that have not answered, with their records.
    pub(crate) fn calls(&self) -> &OrderedMap<CallId, Json> {
        &self.calls
    }

    /// Records a tool call, so that a crash does not lose it (R3).
    pub(crate) fn begin_call(&mut self, call: &CallId, record: Json) {
        self.calls.insert(call.clone(), record.clone());
        self.unwritten
            .insert(key_of(CALL_PREFIX, call), Some(record));
    }

    /// Forgets a tool call that answered.
    pub(crate) fn end_call(&mut self, call: &CallId) {
        self.calls.remove(call);
        self.unwrite(key_of(CALL_PREFIX, call));
    }

    /// The events for later, with their records.
    pub(crate) fn timers(&self) -> &OrderedMap<CallId, Json> {
        &self.timers
    }

    /// Records an event for later, so that a crash does not lose it.
    pub(crate) fn begin_timer(&mut self, timer: &CallId, record: Json) {
        self.timers.insert(timer.clone(), record.clone());
        self.unwritten
            .insert(key_of(TIMER_PREFIX, timer), Some(record));
    }

    /// Forgets an event for later: it is due, or cancelled.
    pub(crate) fn end_timer(&mut self, timer: &CallId) {
        self.timers.remove(timer);
        self.unwrite(key_of(TIMER_PREFIX, timer));
    }

    /// The messages that nobody could handle.
    pub(crate) fn letters(&self) -> &OrderedMap<CallId, Json> {
        &self.letters
    }

    /// Keeps a message that nobody can handle, and of all of them so many at most.
    pub(crate) fn keep_letter(&mut self, id: &CallId, letter: Json, count_max: usize) {
        self.letters.insert(id.clone(), letter.clone());
        self.unwritten
            .insert(key_of(LETTER_PREFIX, id), Some(letter));
        while self.letters.len() > count_max {
            let Some((oldest, _)) = self.letters.first() else {
                return;
            };
            let oldest = oldest.clone();
            self.discard_letter(&oldest);
        }
    }

    /// Forgets a message that nobody could handle.
    pub(crate) fn discard_letter(&mut self, id: &CallId) {
        if self.letters.remove(id).is_some() {
            self.unwrite(key_of(LETTER_PREFIX, id));
        }
    }

    /// What became of events that may be given twice, by their keys.
    #[cfg(feature = "once")]
    pub(crate) fn once(&self) -> &OrderedMap<CallId, Json> {
        &self.once
    }

    /// Keeps what became of an event, and of all of them so many at most.
    #[cfg(feature = "once")]
    pub(crate) fn keep_once(&mut self, key: &CallId, record: Json, count_max: usize) {
        self.once.insert(key.clone(), record.clone());
        self.unwritten
            .insert(key_of(ONCE_PREFIX, key), Some(record));
        while self.once.len() > count_max {
            let Some(oldest) = self.once.first().map(|(oldest, _)| oldest.clone()) else {
                return;
            };
            self.once.remove(&oldest);
            self.unwrite(key_of(ONCE_PREFIX, &oldest));
        }
    }

    /// Deletes a record. One that was never written leaves no trace.
    fn unwrite(&mut self, key: Arc<str>) {
        if self.unwritten.remove(&key).is_none() {
            self.unwritten.insert(key, None);
        }
    }
}

fn key_of(prefix: &str, id: &CallId) -> Arc<str> {
    format!("{prefix}{id}").into()
}

fn read_record(records: &mut OrderedMap<CallId, Json>, id: CallId, record: &Json) {
    if record.is_null() {
        records.remove(&id);
    } else {
        records.insert(id, record.clone());
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

fn to_count(value: &Json) -> u32 {
    let count = value.as_number().unwrap_or_default();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count; the cast saturates"
    )]
    let count = count as u32;
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Json {
        Json::parse(text).unwrap()
    }

    fn defaults(text: &str) -> JsonObject {
        object(text).as_object().cloned().unwrap()
    }

    fn session() -> SessionId {
        SessionId::parse("co_zA_session_zB").unwrap()
    }

    #[test]
    fn r1_state_context_and_cursor_are_written_together() {
        let mut memory = Memory::first(&defaults(r#"{"a":1}"#));
        memory.take_unwritten();
        memory.set_place(CURRENT_STATE, &"busy".into());
        memory.set_context(&object(r#"{"a":2}"#));
        let cursor = Cursor {
            handled: 3,
            is_aligned: true,
        };
        memory.set_cursor(&session(), cursor);
        let keys: Vec<String> = memory
            .take_unwritten()
            .keys()
            .map(ToString::to_string)
            .collect();
        assert_eq!(keys, ["_currentState", "a", "_inbox/co_zA_session_zB"]);
        assert!(!memory.has_unwritten());
    }

    #[test]
    fn what_is_stored_covers_the_defaults_and_bookkeeping_stays_hidden() {
        let mut memory = Memory::default();
        let stored = object(
            r#"{"a":2,"_currentState":"busy","_inbox/co_zA_session_zB":4,"_call/x":{"tool":"@t"}}"#,
        );
        memory.read(&defaults(r#"{"a":1,"b":1}"#), &stored);
        assert_eq!(memory.visible().to_string(), r#"{"a":2,"b":1}"#);
        assert_eq!(*memory.state(), "busy".into());
        assert_eq!(memory.cursor(&session()), 4);
        assert_eq!(memory.calls().len(), 1);
    }

    #[test]
    fn a_call_that_answers_in_its_own_task_leaves_no_trace() {
        let mut memory = Memory::default();
        let call = CallId::new("x");
        memory.begin_call(&call, Json::empty_object());
        memory.end_call(&call);
        assert!(!memory.has_unwritten());
    }

    #[test]
    fn a_query_result_is_shown_but_never_written() {
        let mut memory = Memory::default();
        let item = object(r#"{"id":"co_zA"}"#);
        assert!(memory.set_result(&"list".into(), vec![item.clone()].into()));
        assert!(
            !memory.set_result(&"list".into(), vec![item].into()),
            "the same items"
        );
        memory.set_context(&object(r#"{"list":[],"other":1}"#));
        assert_eq!(
            memory
                .visible()
                .get("list")
                .unwrap()
                .as_array()
                .unwrap()
                .len(),
            1
        );
        assert!(!memory.take_unwritten().contains_key("list"));
    }
}
