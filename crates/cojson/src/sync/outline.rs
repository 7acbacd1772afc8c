//! Values that are not held whole: storage says how long their sessions are, and what is needed of them is read later.
//!
//! Here too: writes that storage refused because another server wrote meanwhile. What storage has is looked up again, and it
//! is storage's log that counts.

use super::durability::NotThisValue;
use super::effect::{OutlinedSession, StoredOutline, WriteId};
use super::entry::{DurableEnd, Entry, Record};
use super::lookup::Seek;
use super::rejection::Rejection;
use super::replica::Replica;
use crate::access::Members;
use crate::ids::CoId;
use crate::value_log::ValueLog;

impl Replica {
    /// How much storage has of a value, in answer to [`Effect::Load`](super::Effect::Load): for values that are too long
    /// to be held. Groups and accounts, which are needed to judge others, are loaded whole.
    pub fn outlined(&mut self, id: &CoId, stored: StoredOutline) {
        let was_doubted = self.forget_doubted(id);
        let merged = self.merge_outline(id, stored);
        self.take_load(id, Some(merged), was_doubted);
    }

    /// A write was refused since storage has something else of these values than was thought. They are looked up again,
    /// and everyone who is subscribed is told what storage has, to send what it lacks; the others go into the next write
    /// as after a failure.
    pub fn store_refused(&mut self, id: WriteId, doubted: &[CoId]) {
        if !self.retry_write(id) {
            return;
        }
        for id in doubted {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.record = Record::Doubted;
                self.seek(id, Seek::appeared());
            }
        }
        self.reject(None, None, Rejection::StoreFailed);
        self.write_again();
        self.work_off();
    }

    fn merge_outline(&mut self, id: &CoId, stored: StoredOutline) -> Result<bool, NotThisValue> {
        let Ok(log) = ValueLog::checked(id, stored.header) else {
            self.reject(None, Some(id), Rejection::StoredWrongId);
            return Err(NotThisValue);
        };
        let mut grew = !self.entries.contains_key(id);
        let entry = self
            .entries
            .get_or_insert_with(id.clone(), || Entry::new(log));
        entry.header_durable = true;
        let mut is_left_over = false;
        for session in &stored.sessions {
            if entry.has_room_for(&session.session) {
                grew |= entry.take_outline(session);
            } else {
                is_left_over = true;
            }
        }
        self.erase_again(id, is_left_over);
        Ok(grew)
    }

    /// Storage says what it has of a value of which it refused a write: that counts, and what was here is forgotten.
    /// Returns whether it was so.
    pub(super) fn forget_doubted(&mut self, id: &CoId) -> bool {
        let is_doubted = self
            .entries
            .get(id)
            .is_some_and(|entry| entry.record == Record::Doubted);
        if is_doubted {
            self.forget_tombstones(id);
        }
        if is_doubted && let Some(entry) = self.entries.remove(id) {
            self.cache.unlist(id);
            self.cache.forget(&entry);
            self.dirty.remove(id);
            // Who may write was judged by what is forgotten.
            self.members = Members::default();
        }
        is_doubted
    }
}

impl Entry {
    /// Takes in how much storage has of a session. Returns whether that is more than was here.
    fn take_outline(&mut self, stored: &OutlinedSession) -> bool {
        let OutlinedSession {
            session,
            count,
            last_signature,
        } = stored;
        self.depend_on_author(session);
        let grew = self.log.outline(session, *count, *last_signature);
        let end = DurableEnd {
            count: *count,
            signature: *last_signature,
        };
        self.note_durable(session, end);
        grew
    }
}
