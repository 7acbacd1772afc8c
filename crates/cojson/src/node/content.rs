//! What a node knows of one value's content: its transactions, opened and judged, and the view that shows them.
//!
//! It grows with the log: each transaction is opened once. When the owning group's verdicts change, the transactions
//! are judged again; only if one comes out differently, or a key appeared, is the value read anew. Views take
//! transactions in any order, but for lists, which are rebuilt when something comes late; so only lists keep the
//! opened changes beside their view. A branch is read from its source's log too, and so on up.

use std::sync::Arc;

use super::judge::{Judge, is_list};
use super::part::{Counts, Entry, Part, Reading};
use super::shown::Shown;
use crate::access::{Access, Logs, WriteKey};
use crate::collections::SortedSet;
use crate::header::Header;
use crate::ids::Timestamp;
use crate::sync::Replica;
use crate::value_log::ValueLog;
use crate::view::{Applied, Moment, Position, TransactionId, ValidTransaction};

/// A log with the state of the group that rules it.
pub(super) type Ruled<'a> = (&'a ValueLog, u64);

/// What a value's content is read from.
pub(super) struct Sources<'a> {
    /// Its own log, for a branch then its source's, and so on.
    pub(super) lineage: Vec<Ruled<'a>>,
    pub(super) access: &'a mut Access,
    pub(super) logs: &'a Replica,
}

/// The content of one value.
pub(super) struct Content {
    header: Header,
    /// The value's id, if it is a branch.
    branch: Option<Arc<str>>,
    /// As they were read; after a rebuild in the total order.
    entries: Vec<Entry>,
    /// How far each log was read: the value's own, then its source's.
    parts: Vec<Part>,
    /// Whether the entries have their changes: a rebuild must be possible without reading the value anew.
    keeps_changes: bool,
    latest: Option<(Timestamp, TransactionId)>,
    shown: Shown,
    is_stale: bool,
    /// The same with all changes, while somebody looks at the past.
    past: Option<Box<Content>>,
}

impl Content {
    /// Nothing of a value yet.
    pub(super) fn new(header: &Header) -> Self {
        Self {
            header: header.clone(),
            branch: header.branch_source().map(|_| (&header.id()).into()),
            entries: Vec::new(),
            parts: Vec::new(),
            keeps_changes: is_list(header),
            latest: None,
            shown: Shown::empty(header),
            is_stale: true,
            past: None,
        }
    }

    /// Forgets all that was read, to read it anew; but not what is skipped.
    fn reset(&mut self, keeps_changes: bool) {
        let skipped = self.skipped().cloned();
        *self = Self {
            keeps_changes,
            ..Self::new(&self.header)
        };
        self.skip(skipped.unwrap_or_default());
    }

    /// How many of each session's first transactions are not read.
    fn skipped(&self) -> Option<&Counts> {
        match &self.shown {
            Shown::Stream(view) => Some(view.all_skipped()),
            _ => None,
        }
    }

    pub(super) fn has_skipped(&self) -> bool {
        self.skipped().is_some_and(|skipped| !skipped.is_empty())
    }

    /// Lets go of the first transactions of sessions, and does not read them anew.
    pub(super) fn skip(&mut self, counts: Counts) {
        let Shown::Stream(view) = &mut self.shown else {
            return;
        };
        let entries = &mut self.entries;
        for (session, count) in counts {
            if count <= view.skipped(&session) {
                continue;
            }
            entries.retain(|entry| {
                let id = &entry.transaction.id;
                id.session != session || id.index >= count
            });
            if let Some(part) = self.parts.first_mut() {
                let read = part.read.get_or_default(session.clone());
                *read = count.max(*read);
            }
            view.skip(session, count);
        }
        entries.shrink_to_fit();
    }

    /// A log is begun to be read behind what is skipped of it; the last of that tells what follows when it was made.
    fn begin_part(&mut self, log: &ValueLog) -> Part {
        let mut part = Part::default();
        part.read = self.skipped().cloned().unwrap_or_default();
        for (session, count) in &part.read {
            let index = count.saturating_sub(1);
            let session_log = log.session(session);
            let last = session_log.and_then(|log| log.transactions().get(index as usize));
            let id = TransactionId {
                session: session.clone(),
                index,
            };
            let last = last.map(|last| (last.made_at(), id));
            self.latest = self.latest.take().max(last);
        }
        part
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

    /// Takes note that a log grew, or that a group's verdicts or keys changed.
    pub(super) fn mark_stale(&mut self) {
        self.is_stale = true;
    }

    /// What is to be known of the value's own log.
    pub(super) fn own_part(&self) -> Option<&Part> {
        self.parts.first()
    }

    /// Takes in what the logs and the groups that rule them have become.
    pub(super) fn refresh(&mut self, sources: &mut Sources<'_>) {
        while !self.try_refresh(sources) {}
        self.is_stale = false;
    }

    /// `false` if all has to be read anew.
    fn try_refresh(&mut self, sources: &mut Sources<'_>) -> bool {
        let mut new = Vec::new();
        let Sources {
            lineage,
            access,
            logs,
        } = sources;
        if self.parts.len() > lineage.len() {
            // Its source was deleted.
            self.reset(self.keeps_changes);
        }
        let reads_map = !self.keeps_changes && matches!(self.shown, Shown::Map(_));
        for (place, (log, generation)) in lineage.iter().enumerate() {
            let branch_point = place.checked_sub(1).and_then(|place| self.parts.get(place));
            let shown = branch_point.map(|part| part.branch_point.clone().unwrap_or_default());
            if self.parts.len() == place {
                let part = match place {
                    0 => self.begin_part(log),
                    _ => Part::default(),
                };
                // Only a branch has more than one.
                self.parts.reserve_exact(1);
                self.parts.push(part);
            }
            let mut reading = Reading::new(log, Judge::new(log, access, *logs), place, reads_map);
            if !self.is_judged_alike(&mut reading, *generation) {
                self.reset(self.keeps_changes);
                return false;
            }
            if let Some(part) = self.parts.get_mut(place) {
                part.generation = *generation;
                new.extend(part.read_on(&mut reading, shown.as_ref()));
            }
        }
        if !self.keeps_changes && has_first_writer_keys(&new) {
            self.reset(true);
            return false;
        }
        if self.parts.first().is_some_and(|part| part.is_deleted) {
            self.bury();
        } else {
            self.add(new);
        }
        true
    }

    /// Lets go of what the value was.
    fn bury(&mut self) {
        self.entries = Vec::new();
        self.past = None;
        self.shown = Shown::Deleted;
    }

    fn is_judged_alike<L: Logs>(&self, reading: &mut Reading<'_, L>, generation: u64) -> bool {
        let (place, judge) = (reading.place, &mut reading.judge);
        let Some(part) = self.parts.get(place) else {
            return true;
        };
        part.generation == generation
            || (!part.is_deleted
                && !part.has_other_keys(judge)
                && self
                    .entries
                    .iter()
                    .filter(|entry| entry.part == place)
                    .all(|entry| judge.accepts(&entry.transaction) == entry.is_accepted))
    }

    /// Takes in a transaction that we have just written and that was checked to be allowed.
    pub(super) fn append_own(&mut self, mut transaction: ValidTransaction, key: Option<&WriteKey>) {
        if self.branch.is_some() {
            transaction.source = Some(Box::new(Position {
                branch: self.branch.clone(),
                ..transaction.position()
            }));
        }
        let session = transaction.id.session.clone();
        if let Some(part) = self.parts.first_mut() {
            part.read.insert(session, transaction.id.index + 1);
            if let Some(key) = key {
                part.note_key(key);
            }
        }
        self.add(vec![Entry {
            transaction,
            map_changes: Vec::new(),
            first_writer_key: None,
            is_accepted: true,
            part: 0,
        }]);
    }

    fn add(&mut self, mut new: Vec<Entry>) {
        if new.is_empty() {
            return;
        }
        sort(&mut new);
        let must_rebuild = has_first_writer_keys(&new) || !self.show(&mut new);
        self.past = None;
        for entry in &mut new {
            self.note_latest(entry);
            if !self.keeps_changes {
                entry.transaction.changes = Vec::new();
                entry.map_changes = Vec::new();
            }
        }
        if self.entries.is_empty() {
            self.entries = new;
        } else {
            self.entries.append(&mut new);
        }
        if must_rebuild {
            self.shown = self.view(|_| true);
        }
    }

    fn note_latest(&mut self, entry: &Entry) {
        let ValidTransaction { id, made_at, .. } = &entry.transaction;
        // A session may write to a source and its branch: there its indexes tell no order.
        let made_at = made_at.plus_ms(u64::from(entry.part > 0));
        let is_later = |latest: &(Timestamp, TransactionId)| (latest.0, &latest.1) < (made_at, id);
        if entry.is_accepted && self.latest.as_ref().is_none_or(is_later) {
            self.latest = Some((made_at, id.clone()));
        }
    }

    /// Shows the accepted ones; `false` if the view has to be rebuilt for that.
    fn show(&mut self, new: &mut [Entry]) -> bool {
        let mut accepted = new.iter_mut().filter(|entry| entry.is_accepted);
        accepted.all(|entry| {
            let transaction = &entry.transaction;
            let applied = if transaction.is_dated_honestly() {
                let map_changes = std::mem::take(&mut entry.map_changes);
                self.shown.take(transaction, map_changes)
            } else {
                self.shown.apply_lost(transaction)
            };
            applied == Applied::Shown
        })
    }

    /// The view of some of the transactions, which must have their changes.
    fn view(&mut self, is_included: impl Fn(&Entry) -> bool) -> Shown {
        let mut shown = Shown::empty(&self.header);
        for (entry, is_lost) in self.accepted() {
            if is_included(entry) {
                // In order, so that nothing can be outdated.
                let _ = if is_lost {
                    shown.apply_lost(&entry.transaction)
                } else {
                    shown.apply(&entry.transaction)
                };
            }
        }
        shown
    }

    /// The accepted transactions in the total order, each with whether it does not count, as another wrote first or it is
    /// misdated.
    fn accepted(&mut self) -> impl Iterator<Item = (&Entry, bool)> {
        sort(&mut self.entries);
        let mut first_writers = SortedSet::new();
        let accepted = self.entries.iter().filter(|entry| entry.is_accepted);
        accepted.map(move |entry| {
            let key = entry.first_writer_key.as_ref();
            let is_second =
                key.is_some_and(|key| !first_writers.insert((entry.part, Arc::clone(key))));
            (entry, is_second || !entry.transaction.is_dated_honestly())
        })
    }

    /// What counts of its transactions, in the total order; of a branch perhaps without those of its source.
    pub(super) fn edits(
        &mut self,
        sources: &mut Sources<'_>,
        with_source: bool,
    ) -> Vec<ValidTransaction> {
        let whole = self.with_changes(sources);
        let counts = |entry: &Entry| with_source || entry.part == 0;
        let edits = whole
            .accepted()
            .filter(|(entry, is_lost)| counts(entry) && !is_lost);
        edits.map(|(entry, _)| entry.transaction.clone()).collect()
    }

    /// What it showed at a moment. A branch's frontier tells of its own log: of its source it shows what it always does.
    pub(super) fn at(&mut self, moment: &Moment, sources: &mut Sources<'_>) -> Shown {
        let is_frontier = matches!(moment, Moment::Frontier(_));
        let whole = self.with_changes(sources);
        whole.view(|entry| (is_frontier && entry.part > 0) || moment.has_seen(&entry.transaction))
    }

    /// The same content with the changes of all transactions.
    fn with_changes(&mut self, sources: &mut Sources<'_>) -> &mut Self {
        if self.keeps_changes {
            return self;
        }
        let header = &self.header;
        self.past.get_or_insert_with(|| {
            let mut past = Box::new(Self::new(header));
            past.keeps_changes = true;
            past.refresh(sources);
            past
        })
    }
}

/// Puts transactions into the total order, in which they mostly are: a session's come one after the other. In the browser's
/// module, whose library is built for size, sorting does not see that by itself.
fn sort(entries: &mut [Entry]) {
    if !entries.is_sorted_by(|left, right| left.transaction.order() <= right.transaction.order()) {
        entries.sort_by(|left, right| left.transaction.order().cmp(&right.transaction.order()));
    }
}

fn has_first_writer_keys(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| entry.first_writer_key.is_some())
}
