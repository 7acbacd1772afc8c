//! What a commit is to change, worked out from what the database has: pure, so that every refusal is found before anything
//! is written. The database is then changed only if it still has what was read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};

use cojson::crypto::Signature;
use cojson::header::Header;
use cojson::ids::{CoId, SessionId};
use cojson::json::Wire as _;
use cojson::session_log::{CHECKPOINT_BYTES, SessionContent};
use cojson::sync::{Segment, ValueWrite, WriteBatch};
use cojson::transaction::{Transaction, content_bytes_of};

use super::schema::SEGMENT_BYTES;
use crate::{WriteError, end_of};

/// A session of a value.
pub(super) type Name<'a> = (&'a CoId, &'a SessionId);

/// What the database has of what is to be written.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The headers of the values, as text.
    pub(super) headers: HashMap<String, String>,
    /// The sessions, by value and session.
    pub(super) sessions: HashMap<(String, String), KeptSession>,
    /// Of the sessions that are written over, the segments that are written over, in order.
    pub(super) segments: HashMap<i64, Vec<KeptSegment>>,
}

/// A session's row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KeptSession {
    pub(super) key: i64,
    pub(super) count: u32,
    pub(super) bytes: u64,
    pub(super) bytes_since_signature: u64,
    /// Its last signature is none.
    pub(super) is_damaged: bool,
}

/// A segment's row. Without transactions it is damaged.
#[derive(Debug)]
pub(super) struct KeptSegment {
    pub(super) start: u32,
    pub(super) count: u32,
    pub(super) transactions: Option<Vec<Transaction>>,
}

/// What is to become of a session.
#[derive(Clone, Debug)]
pub(super) struct Planned<'a> {
    /// What the database has of it, if it has it.
    pub(super) before: Option<KeptSession>,
    /// What it is to have.
    pub(super) after: KeptSession,
    /// The signature over all, if it changes.
    pub(super) last_signature: Option<Signature>,
    /// New rows.
    pub(super) segments: Vec<NewSegment<'a>>,
    /// Rows that are damaged and get their transactions back.
    pub(super) mended: Vec<NewSegment<'a>>,
}

/// A segment's new row.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewSegment<'a> {
    pub(super) start: u32,
    pub(super) transactions: &'a [Transaction],
    pub(super) signature: Option<Signature>,
}

/// All that a commit changes.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    kept: &'a Kept,
    /// New or mended headers.
    pub(super) headers: BTreeMap<&'a CoId, &'a Header>,
    /// Deleted values, of which all sessions but those that are made for a tombstone go before anything is written.
    pub(super) erased: BTreeSet<&'a CoId>,
    /// The sessions that change.
    pub(super) sessions: BTreeMap<Name<'a>, Planned<'a>>,
    /// The answer to each batch, if the commit succeeds.
    pub(super) results: Vec<Result<(), WriteError>>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(kept: &'a Kept, batches: &'a [WriteBatch]) -> Self {
        let mut plan = Self {
            kept,
            headers: BTreeMap::new(),
            erased: BTreeSet::new(),
            sessions: BTreeMap::new(),
            results: Vec::with_capacity(batches.len()),
        };
        for batch in batches {
            let result = plan.take(batch);
            plan.results.push(result);
        }
        plan
    }

    /// Whether nothing is to be changed: all of it is there.
    pub(super) fn is_empty(&self) -> bool {
        self.headers.is_empty()
            && self.erased.is_empty()
            && self.sessions.values().all(Planned::is_unchanged)
    }

    /// Takes a batch in as a whole, or not at all.
    fn take(&mut self, batch: &'a WriteBatch) -> Result<(), WriteError> {
        let mut headers = BTreeMap::new();
        let mut sessions = BTreeMap::new();
        for write in &batch.values {
            self.take_header(write, &mut headers)?;
            for Segment { session, content } in &write.segments {
                let name = (&write.id, session);
                let is_erased = write.erases && !session.is_delete();
                let planned = sessions
                    .entry(name)
                    .or_insert_with(|| self.planned(name, is_erased));
                planned.take(self.kept, name, content)?;
            }
        }
        self.headers.extend(headers);
        for write in batch.values.iter().filter(|write| write.erases) {
            self.erased.insert(&write.id);
            self.sessions
                .retain(|(id, session), _| *id != &write.id || session.is_delete());
        }
        self.sessions.extend(sessions);
        Ok(())
    }

    fn take_header(
        &self,
        write: &'a ValueWrite,
        headers: &mut BTreeMap<&'a CoId, &'a Header>,
    ) -> Result<(), WriteError> {
        let id = &write.id;
        let kept = self.kept.headers.get(id.as_str());
        match &write.header {
            None if kept.is_none() && !self.headers.contains_key(id) => {
                Err(WriteError::NoHeader { id: id.clone() })
            }
            Some(header) if kept.is_none_or(|kept| !is_text_of(kept, header)) => {
                headers.insert(id, header);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn planned(&self, name: Name<'a>, is_erased: bool) -> Planned<'a> {
        if let Some(planned) = self.sessions.get(&name).filter(|_| !is_erased) {
            return planned.clone();
        }
        let is_gone = is_erased || (self.erased.contains(name.0) && !name.1.is_delete());
        let kept = (name.0.as_str().to_owned(), name.1.as_str().to_owned());
        let before = self.kept.sessions.get(&kept).filter(|_| !is_gone).copied();
        let new = || KeptSession {
            key: random_key(),
            ..KeptSession::default()
        };
        Planned {
            before,
            after: before.unwrap_or_else(new),
            last_signature: None,
            segments: Vec::new(),
            mended: Vec::new(),
        }
    }
}

fn is_text_of(text: &str, header: &Header) -> bool {
    header.to_text() == text
}

/// A number that no other session has, as far as chance goes; two that meet are refused by the database and drawn again.
fn random_key() -> i64 {
    let random = RandomState::new().build_hasher().finish() >> 1;
    i64::try_from(random).unwrap_or_default()
}

impl<'a> Planned<'a> {
    fn is_unchanged(&self) -> bool {
        self.last_signature.is_none() && self.segments.is_empty() && self.mended.is_empty()
    }

    fn take(
        &mut self,
        kept: &Kept,
        (id, session): Name<'a>,
        content: &'a SessionContent,
    ) -> Result<(), WriteError> {
        let have = self.after.count;
        if content.after > have {
            return Err(WriteError::Gap {
                id: id.clone(),
                session: session.clone(),
                have,
                after: content.after,
            });
        }
        let rows = kept.segments.get(&self.after.key);
        let rows = rows.map(Vec::as_slice).unwrap_or_default();
        if let Some(index) = self.first_difference(rows, content) {
            return Err(WriteError::Fork {
                id: id.clone(),
                session: session.clone(),
                index,
            });
        }
        self.mend(rows, content);
        if end_of(content) > have {
            self.append(content);
        } else if end_of(content) == have && self.after.is_damaged {
            self.last_signature = Some(content.last_signature);
        }
        Ok(())
    }

    /// The first transaction that is kept, or is about to be, and is another one in this content.
    fn first_difference(&self, rows: &[KeptSegment], content: &SessionContent) -> Option<u32> {
        let known = (content.after..self.after.count).zip(&content.new_transactions);
        let different = |(index, new): &(u32, &Transaction)| {
            let kept = rows.iter().find_map(|row| row.transaction(*index));
            let kept =
                kept.or_else(|| self.segments.iter().find_map(|new| new.transaction(*index)));
            kept.is_some_and(|kept| kept != *new)
        };
        let mut known = known;
        known.find(different).map(|(index, _)| index)
    }

    /// Fills what is damaged or missing of the database's rows from this content: the replica verified it.
    fn mend(&mut self, rows: &[KeptSegment], content: &'a SessionContent) {
        let Some(before) = self.before else { return };
        let end = end_of(content).min(before.count);
        let mut next = content.after;
        for row in rows {
            if let (true, Some(new)) = (next < row.start, part(content, next, row.start)) {
                self.segments.push(new);
            }
            let is_damaged = row.transactions.is_none();
            if let (true, Some(new)) = (is_damaged, part(content, row.start, row.end())) {
                self.mended.push(new);
            }
            next = next.max(row.end());
        }
        if let (true, Some(new)) = (next < end, part(content, next, end)) {
            self.segments.push(new);
        }
    }

    /// Takes in what comes after all that is there. A signature is kept where the log may be cut.
    fn append(&mut self, content: &'a SessionContent) {
        let have = self.after.count;
        let new = content
            .new_transactions
            .get((have - content.after) as usize..);
        let new = new.unwrap_or_default();
        let bytes = bytes_of(new);
        self.after.count = end_of(content);
        self.after.bytes = self.after.bytes.saturating_add(bytes);
        let pending = self.after.bytes_since_signature.saturating_add(bytes);
        let is_cut = pending > CHECKPOINT_BYTES as u64;
        self.after.bytes_since_signature = if is_cut { 0 } else { pending };
        self.last_signature = Some(content.last_signature);
        let mut start = have;
        for transactions in chunks(new) {
            self.segments.push(NewSegment {
                start,
                transactions,
                signature: None,
            });
            start = start.saturating_add(u32::try_from(transactions.len()).unwrap_or(u32::MAX));
        }
        if let (true, Some(last)) = (is_cut, self.segments.last_mut()) {
            last.signature = Some(content.last_signature);
        }
    }
}

impl KeptSegment {
    fn end(&self) -> u32 {
        self.start.saturating_add(self.count)
    }

    fn transaction(&self, index: u32) -> Option<&Transaction> {
        let place = index.checked_sub(self.start)?;
        self.transactions.as_ref()?.get(place as usize)
    }
}

impl NewSegment<'_> {
    fn transaction(&self, index: u32) -> Option<&Transaction> {
        let place = index.checked_sub(self.start)?;
        self.transactions.get(place as usize)
    }

    pub(super) fn bytes(&self) -> u64 {
        bytes_of(self.transactions)
    }
}

/// These transactions of some content, if it has all of them.
fn part(content: &SessionContent, start: u32, end: u32) -> Option<NewSegment<'_>> {
    let first = start.checked_sub(content.after)? as usize;
    let stop = end.checked_sub(content.after)? as usize;
    Some(NewSegment {
        start,
        transactions: content.new_transactions.get(first..stop)?,
        signature: None,
    })
}

fn bytes_of(transactions: &[Transaction]) -> u64 {
    content_bytes_of(transactions) as u64
}

/// Cuts transactions into segments.
fn chunks(transactions: &[Transaction]) -> Vec<&[Transaction]> {
    let mut chunks = Vec::new();
    let mut rest = transactions;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fitting = rest.iter().take_while(|transaction| {
            let is_first = bytes == 0;
            bytes += transaction.content_bytes().max(1);
            is_first || bytes <= SEGMENT_BYTES
        });
        let (chunk, others) = rest.split_at(fitting.count());
        chunks.push(chunk);
        rest = others;
    }
    chunks
}
