//! What an actor keeps under names of its own: calls under way, events for later, dead letters, queries, answers given once.

use std::sync::Arc;

use cojson::collections::OrderedMap;
use cojson::json::Json;

use super::{CALL_PREFIX, LETTER_PREFIX, Memory, QUERY_PREFIX, TIMER_PREFIX};
use crate::machine::CallId;

impl Memory {
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
            .insert(key_of(super::ONCE_PREFIX, key), Some(record));
        while self.once.len() > count_max {
            let Some(oldest) = self.once.first().map(|(oldest, _)| oldest.clone()) else {
                return;
            };
            self.once.remove(&oldest);
            self.unwrite(key_of(super::ONCE_PREFIX, &oldest));
        }
    }
}

pub(super) fn key_of(prefix: &str, id: &CallId) -> Arc<str> {
    format!("{prefix}{id}").into()
}

pub(super) fn read_record(records: &mut OrderedMap<CallId, Json>, id: CallId, record: &Json) {
    if record.is_null() {
        records.remove(&id);
    } else {
        records.insert(id, record.clone());
    }
}
