//! Storage that is gone with the process: for tests and demonstrations. It acknowledges what it does not keep.

use std::collections::HashMap;

use cojson::header::Header;
use cojson::ids::{CoId, SessionId};
use cojson::session_log::SessionContent;
use cojson::sync::{Segment, StoredLog, ValueWrite, WriteBatch};

use super::{LoadError, Loaded, Storage, WriteError};

/// Logs in memory. Transactions are shared with the replica, not copied.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    values: HashMap<CoId, Value>,
}

#[derive(Debug)]
struct Value {
    header: Header,
    sessions: HashMap<SessionId, Vec<SessionContent>>,
}

impl Value {
    fn count(&self, session: &SessionId) -> u32 {
        let pieces = self.sessions.get(session);
        pieces
            .into_iter()
            .flatten()
            .map(end_of)
            .max()
            .unwrap_or_default()
    }
}

impl Storage for MemoryStorage {
    fn load(&mut self, id: &CoId) -> Result<Option<Loaded>, LoadError> {
        let value = self.values.get(id);
        Ok(value.map(|value| Loaded {
            log: stored_log(value),
            damage: Vec::new(),
        }))
    }

    fn write(&mut self, batches: &[WriteBatch]) -> Vec<Result<(), WriteError>> {
        batches
            .iter()
            .map(|batch| self.write_batch(batch))
            .collect()
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
            let have = counts
                .entry(session)
                .or_insert_with(|| value.map_or(0, |value| value.count(session)));
            if content.after > *have {
                return Err(WriteError::Gap {
                    id: id.clone(),
                    session: session.clone(),
                    have: *have,
                    after: content.after,
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
        for Segment { session, content } in &write.segments {
            let is_known = end_of(content) <= value.count(session);
            if !is_known {
                let pieces = value.sessions.entry(session.clone()).or_default();
                pieces.push(content.clone());
            }
        }
    }
}

fn stored_log(value: &Value) -> StoredLog {
    let segments = value.sessions.iter().flat_map(|(session, pieces)| {
        pieces.iter().map(|content| Segment {
            session: session.clone(),
            content: content.clone(),
        })
    });
    StoredLog {
        header: value.header.clone(),
        segments: segments.collect(),
    }
}

fn end_of(content: &SessionContent) -> u32 {
    let count = u32::try_from(content.new_transactions.len()).unwrap_or(u32::MAX);
    content.after.saturating_add(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::conformance;

    #[test]
    fn memory_storage_conforms() {
        conformance::check_storage(&mut || Box::<MemoryStorage>::default());
    }
}
