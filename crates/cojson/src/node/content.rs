//! What a node knows of one value's content: its transactions, opened and judged, and the view that shows them.
//!
//! It grows with the log: each transaction is opened once. When the owning group's verdicts change, the transactions
//! are judged again; only if one comes out differently, or a key appeared, is the value read anew. Views take
//! transactions in any order, but for lists, which are rebuilt when something comes late; so only lists keep the
//! opened changes beside their view.

use std::sync::Arc;

use super::opening::{merge_source, open};
use super::shown::Shown;
use crate::access::{Access, Logs, Role};
use crate::collections::{SortedMap, SortedSet};
use crate::crypto::{KeySecret, NonceMaterial};
use crate::header::{Header, Ruleset, ValueType};
use crate::ids::{CoId, KeyId, SessionId, Timestamp};
use crate::json::Json;
use crate::transaction::Transaction;
use crate::value_log::ValueLog;
use crate::view::{Applied, MergeSource, Position, TransactionId, ValidTransaction};

/// One transaction that could be opened.
struct Entry {
    position: Position,
    /// Without its changes, unless they are kept.
    transaction: ValidTransaction,
    /// Of the transactions that name the same key here, only the first counts.
    first_writer_key: Option<Arc<str>>,
    is_accepted: bool,
}

/// The content of one value.
pub(super) struct Content {
    /// As they were read; after a rebuild in the total order.
    entries: Vec<Entry>,
    /// How much of each session was read.
    read: SortedMap<SessionId, u32>,
    /// What the last merged transaction of each session came from.
    merged: SortedMap<SessionId, MergeSource>,
    /// The keys that were looked for, with what was found.
    keys: SortedMap<KeyId, Option<KeySecret>>,
    /// The state of the owning group that the verdicts are from.
    generation: u64,
    /// Whether a rebuild must be possible without reading the value anew.
    keeps_changes: bool,
    has_first_writer_keys: bool,
    latest: Option<(Timestamp, TransactionId)>,
    shown: Shown,
    is_stale: bool,
}

/// What a value's transactions are judged by.
struct Judge<'a, L> {
    access: &'a mut Access,
    logs: &'a L,
    /// Whether only those who administer the group may delete items.
    restricts_deletion: bool,
    /// The group, or the value itself if it is one; `None` if anyone may write.
    owner: Option<&'a CoId>,
    /// For a group: the transactions that its history accepted.
    accepted: Option<SortedSet<TransactionId>>,
}

impl Content {
    /// Nothing of a value yet.
    pub(super) fn new(header: &Header) -> Self {
        Self {
            entries: Vec::new(),
            read: SortedMap::new(),
            merged: SortedMap::new(),
            keys: SortedMap::new(),
            generation: 0,
            keeps_changes: is_list(header),
            has_first_writer_keys: false,
            latest: None,
            shown: Shown::empty(&header.value_type),
            is_stale: true,
        }
    }

    /// Forgets all that was read, to read it anew.
    fn reset(&mut self, header: &Header, keeps_changes: bool) {
        *self = Self {
            generation: self.generation,
            keeps_changes: keeps_changes || is_list(header),
            ..Self::new(header)
        };
    }

    /// The view.
    pub(super) fn shown(&self) -> &Shown {
        &self.shown
    }

    /// When and where the latest accepted transaction was made.
    pub(super) fn latest(&self) -> Option<&(Timestamp, TransactionId)> {
        self.latest.as_ref()
    }

    /// Whether nothing has come since the last refresh that it may have to show otherwise.
    pub(super) fn is_fresh(&self) -> bool {
        !self.is_stale
    }

    /// Takes note that the log grew, or that the group's verdicts or keys changed.
    pub(super) fn mark_stale(&mut self) {
        self.is_stale = true;
    }

    /// Takes in what the log and the owning group have become.
    pub(super) fn refresh(
        &mut self,
        log: &ValueLog,
        access: &mut Access,
        logs: &impl Logs,
        generation: u64,
    ) {
        let mut judge = Judge::new(log, access, logs);
        if generation != self.generation {
            self.generation = generation;
            self.judge_again(&mut judge, log);
        }
        self.read_on(&mut judge, log);
        self.is_stale = false;
    }

    /// Takes in a transaction that we have just written and that was checked to be allowed.
    pub(super) fn append_own(&mut self, transaction: ValidTransaction) {
        let session = transaction.id.session.clone();
        self.read.insert(session, transaction.id.index + 1);
        self.add(vec![Entry {
            position: transaction.position(),
            transaction,
            first_writer_key: None,
            is_accepted: true,
        }]);
    }

    fn judge_again<L: Logs>(&mut self, judge: &mut Judge<'_, L>, log: &ValueLog) {
        let keys = &self.keys;
        let has_new_keys = keys.iter().any(|(key, found)| judge.key(key) != *found);
        let entries = &self.entries;
        if has_new_keys
            || entries
                .iter()
                .any(|entry| judge.accepts(&entry.transaction) != entry.is_accepted)
        {
            self.reset(log.header(), self.keeps_changes);
        }
    }

    fn read_on<L: Logs>(&mut self, judge: &mut Judge<'_, L>, log: &ValueLog) {
        let mut new = Vec::new();
        for session_log in log.sessions() {
            let session = session_log.session();
            let from = self.read.get(session).copied().unwrap_or_default();
            let transactions = (0..).zip(session_log.transactions());
            for (index, transaction) in transactions.skip(from as usize) {
                let id = TransactionId {
                    session: session.clone(),
                    index,
                };
                new.extend(self.read_one(judge, log.id(), id, transaction));
            }
            if session_log.len() > from {
                self.read.insert(session.clone(), session_log.len());
            }
        }
        if !self.keeps_changes && has_first_writer_keys(&new) {
            self.reset(log.header(), true);
            self.read_on(judge, log);
        } else {
            self.add(new);
        }
    }

    fn read_one<L: Logs>(
        &mut self,
        judge: &mut Judge<'_, L>,
        value: &CoId,
        id: TransactionId,
        transaction: &Transaction,
    ) -> Option<Entry> {
        let place = NonceMaterial::Transaction {
            value,
            session: &id.session,
            index: id.index,
        };
        let opened = open(transaction, &place, self.key_for(judge, transaction))?;
        let made_at = transaction.made_at();
        let source = merge_source(&opened.meta, made_at, self.merged.get(&id.session));
        if let Some(source) = &source {
            self.merged.insert(id.session.clone(), source.clone());
        }
        let transaction = ValidTransaction {
            id,
            made_at,
            changes: opened.changes,
            source,
        };
        Some(Entry {
            position: transaction.position(),
            is_accepted: judge.accepts(&transaction),
            transaction,
            first_writer_key: match opened.meta.get("fww") {
                Some(Json::String(key)) => Some(Arc::clone(key)),
                _ => None,
            },
        })
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

    fn add(&mut self, mut new: Vec<Entry>) {
        new.sort_by(|left, right| left.position.cmp(&right.position));
        self.has_first_writer_keys |= has_first_writer_keys(&new);
        let must_rebuild = self.has_first_writer_keys || !self.show(&new);
        for mut entry in new {
            self.note_latest(&entry);
            if !self.keeps_changes {
                entry.transaction.changes = Vec::new();
            }
            self.entries.push(entry);
        }
        if must_rebuild {
            self.rebuild();
        }
    }

    fn note_latest(&mut self, entry: &Entry) {
        let made = (entry.transaction.made_at, entry.transaction.id.clone());
        if entry.is_accepted && self.latest.as_ref().is_none_or(|latest| *latest < made) {
            self.latest = Some(made);
        }
    }

    /// Shows the accepted ones; `false` if the view has to be rebuilt for that.
    fn show(&mut self, new: &[Entry]) -> bool {
        new.iter()
            .filter(|entry| entry.is_accepted)
            .all(|entry| self.shown.apply(&entry.transaction) == Applied::Shown)
    }

    fn rebuild(&mut self) {
        self.entries
            .sort_by(|left, right| left.position.cmp(&right.position));
        self.shown.clear();
        let mut first_writers = SortedSet::new();
        for entry in &self.entries {
            let key = entry.first_writer_key.as_ref();
            if entry.is_accepted && key.is_none_or(|key| first_writers.insert(Arc::clone(key))) {
                // In order, so that nothing can be outdated.
                let _ = self.shown.apply(&entry.transaction);
            }
        }
    }
}

impl<'a, L: Logs> Judge<'a, L> {
    fn new(log: &'a ValueLog, access: &'a mut Access, logs: &'a L) -> Self {
        let header = log.header();
        let is_group = header.has_members();
        let owner = if is_group {
            Some(log.id())
        } else {
            header.owner()
        };
        let accepted = owner.filter(|_| is_group).map(|group| {
            let history = access.history(logs, group);
            history.map_or_else(SortedSet::new, |history| {
                history.accepted().iter().cloned().collect()
            })
        });
        Self {
            access,
            logs,
            restricts_deletion: is_list(header)
                && matches!(
                    header.ruleset,
                    Ruleset::OwnedByGroup {
                        restrict_deletion: Some(true),
                        ..
                    }
                ),
            owner,
            accepted,
        }
    }

    fn key(&mut self, key: &KeyId) -> Option<KeySecret> {
        self.access.key(self.logs, self.owner?, key)
    }

    /// Whether its author was allowed to make it, when it was really made.
    fn accepts(&mut self, transaction: &ValidTransaction) -> bool {
        if let Some(accepted) = &self.accepted {
            return accepted.contains(&transaction.id);
        }
        let Some(owner) = self.owner else {
            return true;
        };
        let author = transaction.id.session.author();
        let role = self
            .access
            .role_of(self.logs, owner, author, transaction.made_at);
        is_dated_honestly(transaction)
            && role.is_some_and(Role::can_write)
            && (!self.restricts_deletion
                || !deletes(transaction)
                || role.is_some_and(Role::can_administer))
    }
}

fn is_list(header: &Header) -> bool {
    matches!(
        header.value_type,
        ValueType::CoList | ValueType::CoPlainText
    )
}

fn has_first_writer_keys(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| entry.first_writer_key.is_some())
}

fn deletes(transaction: &ValidTransaction) -> bool {
    let mut operations = transaction.changes.iter().map(|change| change.get("op"));
    operations.any(|op| op.and_then(Json::as_str) == Some("del"))
}

/// A merge that claims to come from the future would let a revoked member write after all.
fn is_dated_honestly(transaction: &ValidTransaction) -> bool {
    transaction
        .source
        .as_ref()
        .is_none_or(|source| source.position.made_at <= transaction.made_at)
}
