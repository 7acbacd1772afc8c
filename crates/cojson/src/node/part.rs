//! One log of those that a value's content is read from: its own, or for a branch also its source's.
//!
//! Each transaction is opened once. What is needed to read on where the last reading ended is kept here.

use std::sync::Arc;

use super::judge::Judge;
use super::opening::{counts, merge_source, open};
use crate::access::{Logs, WriteKey};
use crate::collections::SortedMap;
use crate::crypto::{KeySecret, NonceMaterial};
use crate::ids::{CoId, KeyId, SessionId, Timestamp};
use crate::json::Json;
use crate::session_log::SessionLog;
use crate::transaction::Transaction;
use crate::value_log::ValueLog;
use crate::view::{Position, TransactionId, ValidTransaction};

/// So many transactions of each session.
pub(super) type Counts = SortedMap<SessionId, u32>;

/// One transaction that could be opened.
pub(super) struct Entry {
    /// Without its changes, unless they are kept.
    pub(super) transaction: ValidTransaction,
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
    /// Where the last merged transaction of each session stands, and where it came from.
    merged: SortedMap<SessionId, (u32, Position)>,
    /// How much of its source a branch shows; `None` until its beginning was read.
    pub(super) branch_point: Option<Counts>,
    /// How much of each branch was merged.
    pub(super) merges: SortedMap<Arc<str>, Counts>,
    /// Whether an admin deleted the value.
    pub(super) is_deleted: bool,
}

/// A log that is being read.
pub(super) struct Reading<'a, L> {
    log: &'a ValueLog,
    pub(super) judge: Judge<'a, L>,
    /// Its place among the logs that the value is read from.
    pub(super) place: usize,
    /// The value's id, if it is a branch.
    branch: Option<Arc<str>>,
}

impl<'a, L: Logs> Reading<'a, L> {
    pub(super) fn new(log: &'a ValueLog, judge: Judge<'a, L>, place: usize) -> Self {
        let source = log.header().branch_source();
        Self {
            log,
            judge,
            place,
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
                new.extend(
                    (from..end).filter_map(|index| self.read_one(reading, session_log, index)),
                );
                self.read.insert(session.clone(), end);
            }
        }
        new
    }

    fn read_one<L: Logs>(
        &mut self,
        reading: &mut Reading<'_, L>,
        session_log: &SessionLog,
        index: u32,
    ) -> Option<Entry> {
        let transaction = session_log.transactions().get(index as usize)?;
        let session = session_log.session();
        let place = NonceMaterial::Transaction {
            value: reading.log.id(),
            session,
            index,
        };
        let opened = open(
            transaction,
            &place,
            self.key_for(&mut reading.judge, transaction),
        )?;
        let id = TransactionId {
            session: session.clone(),
            index,
        };
        let made_at = transaction.made_at();
        let mut source = reading.branch.clone().map(|branch| Position {
            made_at,
            id: id.clone(),
            branch: Some(branch),
        });
        if !opened.meta.is_null() {
            let previous = || self.previous(session_log, index, reading.branch.clone());
            if let Some(merged) = merge_source(&opened.meta, made_at, previous) {
                self.merged.insert(session.clone(), (index, merged.clone()));
                source = Some(merged);
            }
        }
        let transaction = ValidTransaction {
            id,
            made_at,
            changes: opened.changes,
            source,
        };
        let is_accepted = reading.judge.accepts(&transaction);
        if is_accepted && !opened.meta.is_null() {
            self.note_branches(&opened.meta);
            self.is_deleted |= session.is_delete() && deletes(&opened.meta, reading.log.id());
        }
        Some(Entry {
            transaction,
            first_writer_key: match opened.meta.get("fww") {
                Some(Json::String(key)) => Some(Arc::clone(key)),
                _ => None,
            },
            is_accepted,
            part: reading.place,
        })
    }

    /// Where the transaction before it in its session stands, by its source if it was merged.
    fn previous(
        &self,
        session_log: &SessionLog,
        index: u32,
        branch: Option<Arc<str>>,
    ) -> Option<Position> {
        let index = index.checked_sub(1)?;
        let session = session_log.session();
        if let Some((at, merged)) = self.merged.get(session)
            && *at == index
        {
            return Some(merged.clone());
        }
        let transaction = session_log.transactions().get(index as usize);
        Some(Position {
            made_at: transaction.map_or(Timestamp::default(), Transaction::made_at),
            id: TransactionId {
                session: session.clone(),
                index,
            },
            branch,
        })
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
        if !self.keys.contains_key(key_used) {
            self.keys.insert(key_used.clone(), judge.key(key_used));
        }
        self.keys.get(key_used)?.as_ref()
    }
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
