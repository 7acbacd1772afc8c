//! The notes on what the server does not have yet.
//!
//! A value of which something of ours is not confirmed by the server is noted before it is written: a later start loads and
//! sends it, whether an actor looks at it or not. Notes are taken back when the host ends and the server has everything; one
//! too many costs a read at the next start.

use std::collections::BTreeSet;

use cojson::ids::{CoId, SessionId};
use cojson::sync::{ValueWrite, WriteBatch};
use storage::{LoadError, NoteChange, Notes};

use super::Host;
use crate::store::Ask;

const UNSYNCED: &str = "unsynced:";

/// The values that earlier runs may not have sent.
pub(super) fn unsynced(notes: &mut dyn Notes) -> Result<BTreeSet<CoId>, LoadError> {
    let found = notes.notes(UNSYNCED)?;
    let id = |(key, _): &(String, String)| CoId::parse(key.strip_prefix(UNSYNCED)?).ok();
    Ok(found.iter().filter_map(id).collect())
}

impl Host {
    /// The notes that a batch needs and that are not there yet.
    pub(super) fn notes_of(&mut self, batch: &WriteBatch) -> NoteChange {
        if !self.is_persistent || self.sync.is_none() {
            return NoteChange::default();
        }
        let own = batch.values.iter().filter(|write| self.is_own(write));
        let own: Vec<CoId> = own.map(|write| write.id.clone()).collect();
        let fresh = own.into_iter().filter(|id| self.marked.insert(id.clone()));
        NoteChange {
            put: fresh.map(|id| (key_of(&id), String::new())).collect(),
            forget: Vec::new(),
        }
    }

    /// Whether we wrote to the value, or nobody did yet: we made it.
    fn is_own(&self, write: &ValueWrite) -> bool {
        let mut sessions = write.segments.iter().map(|segment| &segment.session);
        (write.segments.is_empty() && !write.erases)
            || sessions.any(|session| self.is_own_session(session))
    }

    /// Whether a session is ours: those that the node writes in, and those in which we delete.
    fn is_own_session(&self, session: &SessionId) -> bool {
        let node = self.engine.node();
        node.writes_in(session) || session.is_deletion_by(node.account_id())
    }

    /// Takes back the notes on what the server has by now.
    pub(super) fn take_back_notes(&mut self) {
        if self.line.is_none() {
            return;
        }
        let node = self.engine.node();
        let pending: BTreeSet<&CoId> = node.replica().pending_values().collect();
        let is_confirmed = |id: &&CoId| node.is_loaded(id) && !pending.contains(id);
        let confirmed = self.marked.iter().filter(is_confirmed).map(key_of);
        let forget: Vec<String> = confirmed.collect();
        if !forget.is_empty() {
            let put = Vec::new();
            self.ask(Ask::Note(NoteChange { put, forget }));
        }
    }
}

fn key_of(id: &CoId) -> String {
    format!("{UNSYNCED}{id}")
}
