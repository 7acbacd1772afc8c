//! Storage: what is written when, and what becomes of it.
//!
//! At most one write is under way; what changes meanwhile goes into the next one. So "durable" always means a prefix
//! of every session, and a write that fails is simply part of the next.

use super::RELAY;
use super::effect::{Effect, Segment, StoredLog, WriteBatch, WriteId};
use super::entry::{Entry, Record, StoreMarks, end_of};
use super::lookup::Seek;
use super::message::ContentMessage;
use super::rejection::Rejection;
use super::replica::Replica;
use crate::collections::SortedMap;
use crate::crypto::SignerSecret;
use crate::ids::{CoId, SessionId};
use crate::session_log::{SessionContent, StageError};
use crate::value_log::ValueLog;

/// A write under way: how far each value is durable once it is done.
#[derive(Debug)]
pub(super) struct InFlight {
    id: WriteId,
    pub(super) marks: SortedMap<CoId, StoreMarks>,
    pub(super) order: Vec<CoId>,
}

/// Storage holds something else under the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotThisValue;

impl Replica {
    /// Signs each touched local session once and asks for one write of all that is new, local or received. While a
    /// write is under way the next follows it by itself.
    pub fn flush(&mut self, signer: impl Fn(&SessionId) -> Option<SignerSecret>) {
        for (id, session) in std::mem::take(&mut self.unsigned) {
            self.sign(&id, session, &signer);
        }
        if self.in_flight.is_some() {
            self.flush_again = true;
        } else {
            self.write();
        }
    }

    /// Whether all that was signed or received is durable, and nothing is unsigned.
    pub fn is_settled(&self) -> bool {
        self.is_settled_but_for(&[])
    }

    /// The same of all values but these.
    pub fn is_settled_but_for(&self, ids: &[CoId]) -> bool {
        let in_flight = self.in_flight.iter().flat_map(|write| write.marks.keys());
        let unsigned = self.unsigned.iter().map(|(id, _)| id);
        let mut unsettled = unsigned.chain(self.dirty.iter()).chain(in_flight);
        unsettled.all(|id| ids.contains(id))
    }

    /// A write is durable: its transactions may be sent and acknowledged. Anything but the write under way is ignored.
    pub fn stored(&mut self, id: WriteId) {
        let Some(write) = self.in_flight.take_if(|write| write.id == id) else {
            return;
        };
        self.write_failed = false;
        for (id, marks) in &write.marks {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.header_durable = true;
                for (session, end) in &marks.ends {
                    entry.note_durable(session, *end);
                }
                if let Some(erasure) = marks.erasure {
                    entry.erasure.note_durable(erasure);
                }
            }
            self.touch(id);
            self.recount_uploads(id);
        }
        for id in &write.order {
            self.publish(id);
        }
        self.write_again();
        self.work_off();
    }

    /// A write failed. Its transactions stay in memory, unsent and unacknowledged, and go into the next write.
    pub fn store_failed(&mut self, id: WriteId) {
        if self.retry_write(id) {
            self.reject(None, None, Rejection::StoreFailed);
            self.write_again();
        }
    }

    /// Puts what a write had into the next one; `false` if it is not the one under way.
    pub(super) fn retry_write(&mut self, id: WriteId) -> bool {
        let Some(write) = self.in_flight.take_if(|write| write.id == id) else {
            return false;
        };
        self.write_failed = true;
        let newer = std::mem::take(&mut self.dirty);
        self.dirty.extend(write.order);
        self.dirty.extend(newer);
        true
    }

    /// Takes in what another tab of the same database has made durable. It was verified there; it is told to peers
    /// and not stored again. A value that is not in memory is read from storage if it is wanted.
    pub fn absorb(&mut self, content: ContentMessage) {
        let id = content.id;
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.header_durable = true;
            let (mut is_torn, mut is_left_over) = (false, false);
            for (session, content) in content.new {
                if entry.has_room_for(&session) {
                    is_torn |= !absorb_session(entry, &session, content);
                } else {
                    is_left_over = true;
                }
            }
            self.erase_again(&id, is_left_over);
            if is_torn {
                self.effect(Effect::Load(id.clone()));
            }
            self.changed(&id);
            self.recount_uploads(&id);
            self.publish(&id);
        } else if self.lookups.contains_key(&id) {
            self.seek(&id, Seek::appeared());
        }
        self.work_off();
    }

    /// Takes in what storage has of a value. Returns whether anything of it was new here.
    pub(super) fn merge_stored(
        &mut self,
        id: &CoId,
        stored: StoredLog,
    ) -> Result<bool, NotThisValue> {
        let StoredLog {
            header,
            mut segments,
        } = stored;
        let Ok(log) = ValueLog::checked(id, header) else {
            self.reject(None, Some(id), Rejection::StoredWrongId);
            return Err(NotThisValue);
        };
        Self::sort_segments(&mut segments);
        let mut grew = !self.entries.contains_key(id);
        let entry = self
            .entries
            .get_or_insert_with(id.clone(), || Entry::new(log));
        entry.header_durable = true;
        let mut torn = Vec::new();
        let mut is_left_over = false;
        for segment in segments {
            if !entry.has_room_for(&segment.session) {
                is_left_over = true;
                continue;
            }
            match restore(entry, segment) {
                Ok(is_new) => grew |= is_new,
                Err(reason) if torn.last() == Some(&reason) => {}
                Err(reason) => torn.push(reason),
            }
        }
        self.erase_again(id, is_left_over);
        for reason in torn {
            self.reject(None, Some(id), reason);
        }
        Ok(grew)
    }

    fn sign(
        &mut self,
        id: &CoId,
        session: SessionId,
        signer: &impl Fn(&SessionId) -> Option<SignerSecret>,
    ) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        let Some(log) = entry.log.session_mut(&session) else {
            // The value was deleted meanwhile.
            return;
        };
        if let Some(secret) = signer(&session) {
            log.sign(&secret);
            self.dirty.insert(id.clone());
        } else {
            self.unsigned.insert((id.clone(), session.clone()));
            self.reject(None, Some(id), Rejection::NoSigner { session });
        }
    }

    pub(super) fn write_again(&mut self) {
        if std::mem::take(&mut self.flush_again) {
            self.write();
        }
    }

    /// Asks for a write of everything that is not durable.
    fn write(&mut self) {
        let mut values = Vec::new();
        let mut marks = SortedMap::new();
        let mut order = Vec::new();
        for id in std::mem::take(&mut self.dirty) {
            let entry = self.entries.get(&id);
            if RELAY && entry.is_some_and(|entry| entry.record == Record::Doubted) {
                self.dirty.insert(id);
                continue;
            }
            if let Some((write, ends)) =
                entry.and_then(|entry| entry.unstored(self.config.piece_bytes_max))
            {
                values.push(write);
                marks.insert(id.clone(), ends);
                order.push(id);
            }
        }
        if values.is_empty() {
            return;
        }
        self.writes += 1;
        let id = WriteId(self.writes);
        self.in_flight = Some(InFlight { id, marks, order });
        self.effect(Effect::Store(WriteBatch { id, values }));
        if RELAY {
            self.send_ahead();
        }
    }
}

/// Takes in a stored segment. Returns whether any of it was new, or how it does not fit.
fn restore(entry: &mut Entry, segment: Segment) -> Result<bool, Rejection> {
    let Segment { session, content } = segment;
    let end = end_of(&content);
    entry.add_dependencies(&session, &content);
    match entry.log.restore(&session, content) {
        Ok(_) => {
            entry.note_durable(&session, end);
            Ok(true)
        }
        Err(StageError::NothingNew { .. }) => {
            entry.note_durable(&session, end);
            Ok(false)
        }
        Err(StageError::Gap { have, .. }) => Err(Rejection::StoredGap { session, have }),
        Err(other) => Err(Rejection::BadContent {
            session,
            detail: other.to_string(),
        }),
    }
}

/// Takes in another tab's content of a session. Returns whether it follows what is here.
fn absorb_session(entry: &mut Entry, session: &SessionId, content: SessionContent) -> bool {
    let segment = Segment {
        session: session.clone(),
        content,
    };
    !matches!(restore(entry, segment), Err(Rejection::StoredGap { .. }))
}
