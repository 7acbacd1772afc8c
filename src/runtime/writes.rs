//! What one write stores, how far it must be driven, and the notes on what the server does not have yet.
//!
//! A value of which something is not confirmed by the server is noted with the same write: a later start loads and sends
//! it, whether anybody looks at it or not. Notes are taken back when the page is left and the server has everything;
//! one too many costs a read at the next start.

use std::rc::Rc;

use cojson::collections::SortedSet;
use cojson::ids::{CoId, SessionId};
use cojson::sync::{SyncMessage, WriteBatch, encode_frame};

use super::host::Host;
use crate::storage::{Durability, Rows, StorageError, header_row, segment_row};

const UNSYNCED_KEY: &str = "unsynced:";

impl Host {
    /// The rows of a batch. What we wrote ourselves must outlive a power failure (R2).
    pub(crate) fn rows_of(&self, batch: &WriteBatch) -> (Rows, Durability) {
        let mut rows = Rows::default();
        for write in &batch.values {
            if let Some(header) = &write.header {
                rows.headers.push(header_row(&write.id, header));
            }
            if write.erases {
                rows.erased.push(write.id.clone());
            }
            let segments = write.segments.iter();
            rows.segments.extend(
                segments.map(|segment| segment_row(&write.id, &segment.session, &segment.content)),
            );
        }
        let own = self.own_values(batch);
        let durability = if own.is_empty() {
            Durability::Relaxed
        } else {
            Durability::Strict
        };
        rows.notes = self.fresh_notes(own);
        (rows, durability)
    }

    /// The values of a batch to which we wrote, or which nobody wrote to yet: we made them.
    fn own_values(&self, batch: &WriteBatch) -> SortedSet<CoId> {
        let is_own = |write: &&cojson::sync::ValueWrite| {
            let mut sessions = write.segments.iter().map(|segment| &segment.session);
            (write.segments.is_empty() && !write.erases)
                || sessions.any(|session| self.is_own(session))
        };
        batch
            .values
            .iter()
            .filter(is_own)
            .map(|write| write.id.clone())
            .collect()
    }

    /// Whether a session is ours: those that the node writes in, and those in which we delete.
    fn is_own(&self, session: &SessionId) -> bool {
        let [own, _] = &self.own_sessions;
        let writes_in = self.engine(|engine| engine.node().writes_in(session));
        writes_in.unwrap_or_default() || (session.is_delete() && session.author() == own.author())
    }

    /// The keys of notes that are not there yet.
    fn fresh_notes(&self, own: SortedSet<CoId>) -> Vec<String> {
        if !self.storage.is_persistent() {
            return Vec::new();
        }
        let mut marked = self.marked.borrow_mut();
        let fresh = own.into_iter().filter(|id| marked.insert(id.clone()));
        fresh.map(|id| self.note_key(&id)).collect()
    }

    fn note_key(&self, id: &CoId) -> String {
        let [session, _] = &self.own_sessions;
        format!("{UNSYNCED_KEY}{session}:{id}")
    }

    /// Loads what earlier runs may not have sent.
    pub(crate) async fn load_unsynced(self: &Rc<Self>) -> Result<(), StorageError> {
        let [session, _] = &self.own_sessions;
        let mut ids = SortedSet::new();
        for note in self.storage.device_keys(UNSYNCED_KEY).await? {
            let Some((noted_by, id)) = note.split_once(':') else {
                continue;
            };
            let Ok(id) = CoId::parse(id) else {
                continue;
            };
            if noted_by == session.as_str() {
                self.marked.borrow_mut().insert(id.clone());
            }
            ids.insert(id);
        }
        if self.has_sync {
            let _ = self.input(|engine| ids.iter().for_each(|id| engine.node_mut().load(id)));
        }
        Ok(())
    }

    /// Takes back the notes of this session on what the server has by now.
    pub(crate) async fn take_back_notes(&self) {
        let pending = self.engine(|engine| {
            let pending = engine.node().replica().pending_values();
            pending.cloned().collect::<SortedSet<_>>()
        });
        let (true, Ok(pending)) = (self.has_sync, pending) else {
            return;
        };
        let known = |id: &CoId| {
            let durable = self.engine(|engine| engine.node().is_loaded(id));
            durable.unwrap_or_default() && !pending.contains(id)
        };
        let confirmed: SortedSet<CoId> = self
            .marked
            .borrow()
            .iter()
            .filter(|id| known(id))
            .cloned()
            .collect();
        if confirmed.is_empty() {
            return;
        }
        self.marked
            .borrow_mut()
            .retain(|id| !confirmed.contains(id));
        let keys: Vec<String> = confirmed.iter().map(|id| self.note_key(id)).collect();
        // What could not be taken back is one read too many at the next start.
        let _ = self.storage.forget_device(&keys).await;
    }

    /// Tells the other tabs what is durable now.
    pub(crate) fn tell_tabs(&self, batch: &WriteBatch) {
        if let Some(channel) = &*self.tabs.channel.borrow() {
            let messages: Vec<SyncMessage> = batch
                .to_messages()
                .into_iter()
                .map(SyncMessage::Content)
                .collect();
            channel.post(&encode_frame(&messages));
        }
    }

    /// Counts our transactions among what became durable.
    pub(crate) fn count_transactions(&self, batch: &WriteBatch) {
        let segments = batch.values.iter().flat_map(|write| &write.segments);
        let own = segments.filter(|segment| self.is_own(&segment.session));
        let made: usize = own
            .map(|segment| segment.content.new_transactions.len())
            .sum();
        self.counts.borrow_mut().transactions += made;
    }
}
