//! Values that are not held whole: storage says how long their sessions are, and what is needed of them is read later.
//!
//! Here too: news of a value in storage, where another server wrote to it, and writes that storage refused because of
//! that. Either way what storage has is looked up again, and it is storage's log that counts.

use std::collections::BTreeMap;

use super::durability::NotThisValue;
use super::effect::{OutlinedSession, Segment, StoredOutline, WriteId};
use super::entry::{DurableEnd, Entry};
use super::lookup::Seek;
use super::rejection::Rejection;
use super::replica::Replica;
use crate::ids::{CoId, SessionId};
use crate::value_log::ValueLog;

impl Replica {
    /// How much storage has of a value, in answer to [`Effect::Load`](super::Effect::Load): for values that are too long
    /// to be held. Groups and accounts, which are needed to judge others, are loaded whole.
    pub fn outlined(&mut self, id: &CoId, stored: StoredOutline) {
        let merged = self.merge_outline(id, stored);
        self.take_load(id, Some(merged));
    }

    /// Storage has news of a value that this replica did not write: another server did. What is in memory of it is
    /// brought up to that, and told to the peers that are subscribed.
    pub fn appeared(&mut self, id: &CoId) {
        if self.entries.contains_key(id) || self.lookups.contains_key(id) {
            self.seek(id, Seek::appeared());
            self.work_off();
        }
    }

    /// A write was refused since storage has something else of these values than was thought. They are looked up again
    /// before the next write of them; the others go into the next write as after a failure.
    pub fn store_refused(&mut self, id: WriteId, doubted: &[CoId]) {
        if !self.retry_write(id) {
            return;
        }
        for id in doubted {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.is_doubted = true;
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
        let entry = self.entries.entry(id.clone());
        let entry = entry.or_insert_with(|| Entry::new(log));
        entry.header_durable = true;
        for session in &stored.sessions {
            grew |= entry.take_outline(session);
        }
        self.settle_doubt(id, &stored.sessions);
        Ok(grew)
    }

    /// It is known now how much storage has of a value of which it refused a write: of the rest, what is here is written
    /// again, and what is not is asked for again.
    pub(super) fn settle_doubt(&mut self, id: &CoId, stored: &[OutlinedSession]) {
        let Some(entry) = self.entries.get_mut(id).filter(|entry| entry.is_doubted) else {
            return;
        };
        entry.is_doubted = false;
        entry.header_durable &= !stored.is_empty();
        let is_lost = entry.lower_to(stored);
        self.dirty.insert(id.clone());
        if is_lost {
            self.correct_subscribers(id);
        }
    }
}

/// How far the sessions of these segments reach.
pub(super) fn ends_of(segments: &[Segment]) -> Vec<OutlinedSession> {
    let mut ends: BTreeMap<&SessionId, OutlinedSession> = BTreeMap::new();
    for Segment { session, content } in segments {
        let end = OutlinedSession {
            session: session.clone(),
            count: super::message::content_end(content),
            last_signature: content.last_signature,
        };
        let known = ends.entry(session).or_insert_with(|| end.clone());
        if known.count < end.count {
            *known = end;
        }
    }
    ends.into_values().collect()
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

    /// Storage has less than was thought: what is still here is not durable, and what is not is lost. Returns whether
    /// something is lost.
    fn lower_to(&mut self, stored: &[OutlinedSession]) -> bool {
        let mut is_lost = false;
        for (session, count) in self.durable_ends() {
            let kept = stored.iter().find(|stored| stored.session == session);
            let end = kept.map(|kept| DurableEnd {
                count: kept.count,
                signature: kept.last_signature,
            });
            if end.is_some_and(|end| end.count >= count) {
                continue;
            }
            self.lower_durable(&session, end);
            if let Some(log) = self.log.session_mut(&session)
                && log.start() > end.map_or(0, |end| end.count)
            {
                log.lose(end.map(|end| (end.count, end.signature)));
                is_lost = true;
            }
        }
        is_lost
    }
}
