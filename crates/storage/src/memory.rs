//! Storage that is gone with the process: for tests and demonstrations. It acknowledges what it does not keep.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use cojson::header::Header;
use cojson::ids::{CoId, SessionId};
use cojson::session_log::SessionContent;
use cojson::sync::{Segment, ValueWrite, WriteBatch};
use cojson::transaction::content_bytes_of;

use super::{
    LoadError, NoteChange, Notes, Outline, SessionOutline, Stats, Storage, Stretch, WriteError,
    end_of,
};

/// Logs in memory. Transactions are shared with the replica, not copied.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    values: BTreeMap<CoId, Value>,
    notes: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Value {
    header: Header,
    sessions: HashMap<SessionId, Session>,
}

/// A session's pieces, each of which goes on where the one before it ends.
#[derive(Debug, Default)]
struct Session {
    pieces: Vec<SessionContent>,
    bytes: u64,
}

impl Storage for MemoryStorage {
    fn outline(&mut self, id: &CoId) -> Result<Option<Outline>, LoadError> {
        Ok(self.values.get(id).map(|value| Outline {
            header: value.header.clone(),
            sessions: value.sessions.iter().filter_map(session_outline).collect(),
            damage: Vec::new(),
        }))
    }

    fn read(
        &mut self,
        id: &CoId,
        session: &SessionId,
        after: u32,
        bytes_max: usize,
    ) -> Result<Stretch, LoadError> {
        let value = self.values.get(id);
        let session = value.and_then(|value| value.sessions.get(session));
        Ok(Stretch {
            pieces: session.map_or_else(Vec::new, |session| session.since(after, bytes_max)),
            damage: None,
        })
    }

    fn ids(&mut self, after: Option<&CoId>, count_max: usize) -> Result<Vec<CoId>, LoadError> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.values.range::<CoId, _>((start, Bound::Unbounded));
        Ok(rest.map(|(id, _)| id.clone()).take(count_max).collect())
    }

    fn count(&mut self) -> Result<u64, LoadError> {
        Ok(self.values.len() as u64)
    }

    fn stats(&mut self, largest_max: usize) -> Result<Stats, LoadError> {
        let mut stats = Stats::default();
        for (id, value) in &self.values {
            let sessions = value.sessions.values();
            let bytes = sessions.clone().map(|session| session.bytes).sum();
            stats.values += 1;
            stats.sessions += value.sessions.len() as u64;
            stats.transactions += sessions
                .map(|session| u64::from(session.count()))
                .sum::<u64>();
            stats.bytes += bytes;
            stats.largest.push((id.clone(), bytes));
        }
        stats
            .largest
            .sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        stats.largest.truncate(largest_max);
        Ok(stats)
    }

    fn write(&mut self, batches: &[WriteBatch]) -> Vec<Result<(), WriteError>> {
        batches
            .iter()
            .map(|batch| self.write_batch(batch))
            .collect()
    }
}

impl Notes for MemoryStorage {
    fn notes(&mut self, prefix: &str) -> Result<Vec<(String, String)>, LoadError> {
        let notes = self.notes.range(prefix.to_owned()..);
        let notes = notes.take_while(|(key, _)| key.starts_with(prefix));
        Ok(notes
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn change_notes(&mut self, change: &NoteChange) -> Result<(), WriteError> {
        self.notes.extend(change.put.iter().cloned());
        self.notes.retain(|key, _| !change.forget.contains(key));
        Ok(())
    }
}

impl MemoryStorage {
    fn write_batch(&mut self, batch: &WriteBatch) -> Result<(), WriteError> {
        // All is checked before anything is taken, so that a refused batch leaves no trace.
        for write in &batch.values {
            self.check(write)?;
        }
        for write in &batch.values {
            self.take(write);
        }
        Ok(())
    }

    fn check(&self, write: &ValueWrite) -> Result<(), WriteError> {
        let id = &write.id;
        let value = self.values.get(id);
        if value.is_none() && write.header.is_none() {
            return Err(WriteError::NoHeader { id: id.clone() });
        }
        let mut counts: HashMap<&SessionId, u32> = HashMap::new();
        for Segment { session, content } in &write.segments {
            let is_kept = !write.erases || session.is_delete();
            let kept = value.filter(|_| is_kept);
            let kept = kept.and_then(|value| value.sessions.get(session));
            let have = counts
                .entry(session)
                .or_insert_with(|| kept.map_or(0, Session::count));
            if content.after > *have {
                return Err(WriteError::Gap {
                    id: id.clone(),
                    session: session.clone(),
                    have: *have,
                    after: content.after,
                });
            }
            if let Some(index) = kept.and_then(|kept| kept.first_difference(content)) {
                return Err(WriteError::Fork {
                    id: id.clone(),
                    session: session.clone(),
                    index,
                });
            }
            *have = end_of(content).max(*have);
        }
        Ok(())
    }

    fn take(&mut self, write: &ValueWrite) {
        if let (false, Some(header)) = (self.values.contains_key(&write.id), &write.header) {
            let value = Value {
                header: header.clone(),
                sessions: HashMap::new(),
            };
            self.values.insert(write.id.clone(), value);
        }
        let Some(value) = self.values.get_mut(&write.id) else {
            return;
        };
        if write.erases {
            value.sessions.retain(|session, _| session.is_delete());
        }
        for Segment { session, content } in &write.segments {
            let session = value.sessions.entry(session.clone()).or_default();
            session.take(content);
        }
    }
}

impl Session {
    fn count(&self) -> u32 {
        self.pieces.last().map_or(0, end_of)
    }

    /// The pieces from a transaction on, as long as they are shorter than this together.
    fn since(&self, after: u32, bytes_max: usize) -> Vec<SessionContent> {
        let mut bytes = 0;
        let first = self.pieces.partition_point(|piece| end_of(piece) <= after);
        let rest = self.pieces.get(first..).unwrap_or_default().iter();
        let pieces = rest.map_while(|piece| {
            let is_enough = bytes >= bytes_max && bytes > 0;
            bytes += content_bytes_of(&piece.new_transactions);
            (!is_enough).then(|| part_after(piece, after))
        });
        pieces.collect()
    }

    /// The first transaction that is here and is another one in this content.
    fn first_difference(&self, content: &SessionContent) -> Option<u32> {
        let kept = self.since(content.after, usize::MAX);
        let kept = kept.iter().flat_map(|piece| &piece.new_transactions);
        let pairs = kept.zip(&content.new_transactions);
        let same = pairs.clone().take_while(|(kept, new)| kept == new).count();
        let is_different = pairs.count() > same;
        is_different.then(|| {
            content
                .after
                .saturating_add(u32::try_from(same).unwrap_or(u32::MAX))
        })
    }

    fn take(&mut self, content: &SessionContent) {
        let have = self.count();
        if end_of(content) > have {
            let new = part_after(content, have);
            self.bytes += content_bytes_of(&new.new_transactions) as u64;
            self.pieces.push(new);
        }
    }
}

fn session_outline((session, kept): (&SessionId, &Session)) -> Option<SessionOutline> {
    kept.pieces.last().map(|last| SessionOutline {
        session: session.clone(),
        count: end_of(last),
        last_signature: last.last_signature,
        bytes_least: kept.bytes,
    })
}

/// The part of a piece that comes after the first `after` transactions of its session.
fn part_after(piece: &SessionContent, after: u32) -> SessionContent {
    let known = after.saturating_sub(piece.after);
    let new = piece.new_transactions.get(known as usize..);
    SessionContent {
        after: piece.after.saturating_add(known),
        new_transactions: new.unwrap_or_default().to_vec(),
        last_signature: piece.last_signature,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance;

    #[test]
    fn memory_storage_conforms() {
        conformance::check_storage(&mut || Box::<MemoryStorage>::default());
        conformance::check_notes(&mut MemoryStorage::default());
    }
}
