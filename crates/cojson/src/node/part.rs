//! One log of those that a value's content is read from: its own, or for a branch also its source's.
//!
//! Each transaction is opened once. What is needed to read on where the last reading ended is kept here.

use std::sync::Arc;

use super::judge::Judge;
use super::opening::{Opener, counts, merge_source};
use crate::access::{Logs, WriteKey};
use crate::collections::SortedMap;
use crate::crypto::KeySecret;
use crate::ids::{CoId, KeyId, SessionId, Timestamp};
use crate::json::Json;
use crate::session_log::SessionLog;
use crate::transaction::Transaction;
use crate::value_log::ValueLog;
use crate::view::{CopyId, MapChange, Position, TransactionId, ValidTransaction};

/// So many transactions of each session.
pub(super) type Counts = SortedMap<SessionId, u32>;

/// One transaction that could be opened.
pub(super) struct Entry {
    /// Without its changes, unless they are kept.
    pub(super) transaction: ValidTransaction,
    /// In their stead those of a map that does not keep them, until it has taken them.
    pub(super) map_changes: Vec<Option<MapChange>>,
    /// Of the transactions that name the same key here, only the first counts.
    pub(super) first_writer_key: Option<Arc<str>>,
    pub(super) is_accepted: bool,
    /// Which of the logs it stands in, counted from the value's own.
    pub(super) part: usize,
}

/// How far one log was read.
#[derive(Default)]
pub(super) struct Part {
    /// The state of the owning group that the verdicts are from.
    pub(super) generation: u64,
    /// How much of each session was read.
    pub(super) read: Counts,
    /// The keys that were looked for, with what was found.
    keys: SortedMap<KeyId, Option<KeySecret>>,
    /// What each session merged.
    copies: SortedMap<SessionId, Copies>,
    /// How much of its source a branch shows; `None` until its beginning was read.
    pub(super) branch_point: Option<Counts>,
    /// How much of each branch was merged.
    pub(super) merges: SortedMap<Arc<str>, Counts>,
    /// Whether an admin deleted the value.
    pub(super) is_deleted: bool,
}

/// What one session merged.
#[derive(Default)]
struct Copies {
    /// The last one's index, and where it stands.
    last: Option<(u32, Position)>,
    /// Of each time the one that stands last.
    last_at: SortedMap<Timestamp, Position>,
}

/// A log that is being read.
pub(super) struct Reading<'a, L> {
    log: &'a ValueLog,
    pub(super) judge: Judge<'a, L>,
    /// Its place among the logs that the value is read from.
    pub(super) place: usize,
    /// Whether it is read as a map that does not keep the changes.
    reads_map: bool,
    /// The value's id, if it is a branch.
    branch: Option<Arc<str>>,
}

impl<'a, L: Logs> Reading<'a, L> {
    pub(super) fn new(
        log: &'a ValueLog,
        judge: Judge<'a, L>,
        place: usize,
        reads_map: bool,
    ) -> Self {
        let source = log.header().branch_source();
        Self {
            log,
            judge,
            place,
            reads_map,
            branch: source.map(|_| log.id().into()),
        }
    }
}

impl Part {
    /// Whether a key appeared that was looked for in vain, or one that was found is gone.
    pub(super) fn has_other_keys<L: Logs>(&self, judge: &mut Judge<'_, L>) -> bool {
        let mut keys = self.keys.iter();
        keys.any(|(key, found)| judge.key(key) != *found)
    }

    /// Reads what is new; of a source no more than a branch shows of it.
    pub(super) fn read_on<L: Logs>(
        &mut self,
        reading: &mut Reading<'_, L>,
        shown: Option<&Counts>,
    ) -> Vec<Entry> {
        let mut new = Vec::new();
        for session_log in reading.log.sessions() {
            let session = session_log.session();
            let end = shown.map_or(u32::MAX, |counts| {
                counts.get(session).copied().unwrap_or_default()
            });
            let end = end.min(session_log.len());
            let from = self.read.get(session).copied().unwrap_or_default();
            if from < end {
                new.reserve((end - from) as usize);
                let mut opener = Opener::new(reading.log.id(), session, reading.reads_map);
                new.extend(
                    (from..end).filter_map(|index| {
                        self.read_one(reading, &mut opener, session_log, index)
                    }),
                );
                self.read.insert(session.clone(), end);
            }
        }
        new
    }

    fn read_one<L: Logs>(
        &mut self,
        reading: &mut Reading<'_, L>,
        opener: &mut Opener,
        session_log: &SessionLog,
        index: u32,
    ) -> Option<Entry> {
        let transaction = session_log.transactions().get(index as usize)?;
        let session = session_log.session();
        let key = self.key_for(&mut reading.judge, transaction);
        let content = opener.open(transaction, index, key)?;
        let id = TransactionId {
            session: session.clone(),
            index,
        };
        let made_at = transaction.made_at();
        let source = self.position(reading, session_log, index, &content.meta);
        let transaction = ValidTransaction {
            id,
            made_at,
            changes: content.changes,
            source: source.map(Box::new),
        };
        let is_accepted = reading.judge.accepts(&transaction);
        if is_accepted && !content.meta.is_null() {
            self.note_branches(&content.meta);
            self.is_deleted |= session.is_delete() && deletes(&content.meta, reading.log.id());
        }
        Some(Entry {
            transaction,
            map_changes: content.map_changes,
            first_writer_key: match content.meta.get("fww") {
                Some(Json::String(key)) => Some(Arc::clone(key)),
                _ => None,
            },
            is_accepted,
            part: reading.place,
        })
    }

    /// Where a transaction stands in the total order, if that is not told by its own place alone.
    fn position<L: Logs>(
        &mut self,
        reading: &Reading<'_, L>,
        session_log: &SessionLog,
        index: u32,
        meta: &Json,
    ) -> Option<Position> {
        let session = session_log.session();
        let branch = &reading.branch;
        let made_at = made_at_of(session_log, index);
        let previous = || self.previous(session_log, index, branch.clone());
        let source = (!meta.is_null())
            .then(|| merge_source(meta, made_at, previous))
            .flatten();
        if let Some(source) = source {
            let id = TransactionId {
                session: session.clone(),
                index,
            };
            let copy = Position {
                copy: Some(CopyId::new(id, branch.clone())),
                ..source
            };
            return Some(self.note_copy(session_log, index, copy, branch.clone()));
        }
        let copies = self.copies.get(session);
        let copy = copies.and_then(|copies| copies.last_at.get(&made_at));
        if branch.is_none() && copy.is_none() {
            return None;
        }
        let own = position_of(session_log, index, branch.clone());
        Some(match copy {
            Some(copy) => own.not_before(copy),
            None => own,
        })
    }

    /// Takes note of a copy; it stands behind all of its time that come before it in its session.
    fn note_copy(
        &mut self,
        session_log: &SessionLog,
        index: u32,
        copy: Position,
        branch: Option<Arc<str>>,
    ) -> Position {
        let made_at = copy.made_at;
        let before = last_made_at(session_log, index, made_at);
        let before = before.map(|before| position_of(session_log, before, branch));
        let copy = match &before {
            Some(before) => copy.not_before(before),
            None => copy,
        };
        let session = session_log.session().clone();
        let copies = self.copies.get_or_default(session);
        let last_at = copies.last_at.get_or_insert_with(made_at, || copy.clone());
        let copy = copy.not_before(last_at);
        if copy > *last_at {
            *last_at = copy.clone();
        }
        copies.last = Some((index, copy.clone()));
        copy
    }

    /// Where the transaction before it in its session stands, by its source if it was merged.
    fn previous(
        &self,
        session_log: &SessionLog,
        index: u32,
        branch: Option<Arc<str>>,
    ) -> Option<Position> {
        let index = index.checked_sub(1)?;
        let copies = self.copies.get(session_log.session());
        match copies.and_then(|copies| copies.last.as_ref()) {
            Some((last, copy)) if *last == index => Some(copy.clone()),
            _ => Some(position_of(session_log, index, branch)),
        }
    }

    /// Where a branch begins, and what was merged of one.
    fn note_branches(&mut self, meta: &Json) {
        if let Some(from) = meta.get("from") {
            raise(self.branch_point.get_or_insert_default(), counts(from));
        }
        if let Some(merged) = meta.get("merged")
            && let Some(Json::String(branch)) = meta.get("branch")
        {
            let known = self.merges.get_or_default(Arc::clone(branch));
            raise(known, counts(merged));
        }
    }

    /// Takes note of a key that was not looked for: what is encrypted with it is unreadable once it cannot be found.
    pub(super) fn note_key(&mut self, key: &WriteKey) {
        if !self.keys.contains_key(&key.id) {
            self.keys.insert(key.id.clone(), Some(key.secret.clone()));
        }
    }

    fn key_for<L: Logs>(
        &mut self,
        judge: &mut Judge<'_, L>,
        transaction: &Transaction,
    ) -> Option<&KeySecret> {
        let Transaction::Private { key_used, .. } = transaction else {
            return None;
        };
        let look_for = || judge.key(key_used);
        let key = self.keys.get_or_insert_with(key_used.clone(), look_for);
        key.as_ref()
    }
}

fn made_at_of(session_log: &SessionLog, index: u32) -> Timestamp {
    let transaction = session_log.transactions().get(index as usize);
    transaction.map_or(Timestamp::default(), Transaction::made_at)
}

/// Where a transaction stands that is no copy.
fn position_of(session_log: &SessionLog, index: u32, branch: Option<Arc<str>>) -> Position {
    Position {
        made_at: made_at_of(session_log, index),
        id: TransactionId {
            session: session_log.session().clone(),
            index,
        },
        branch,
        behind: None,
        copy: None,
    }
}

/// The last before an index that was made at a time, in a session whose clock never went back.
fn last_made_at(session_log: &SessionLog, index: u32, time: Timestamp) -> Option<u32> {
    let before = session_log.transactions().get(..index as usize)?;
    let end = before.partition_point(|transaction| transaction.made_at() <= time);
    let last = u32::try_from(end).ok()?.checked_sub(1)?;
    (made_at_of(session_log, last) == time).then_some(last)
}

/// Whether a transaction of a delete session is the tombstone of that value.
fn deletes(meta: &Json, id: &CoId) -> bool {
    meta.get("deleted").and_then(Json::as_str) == Some(id.as_str())
}

/// The greater count of each session.
fn raise(counts: &mut Counts, others: impl Iterator<Item = (SessionId, u32)>) {
    for (session, other) in others {
        let count = counts.get_or_default(session);
        *count = other.max(*count);
    }
}

#[cfg(test)]
mod tests;
