//! What a machine keeps on disk: it survives a crash, is read whole, in outline or in parts, and can be damaged.

use std::collections::BTreeMap;

use cojson::ids::{CoId, SessionId};
use cojson::known_state::KnownState;
use cojson::session_log::SessionLog;
use cojson::sync::{OutlinedSession, ReadRequest, Segment, StoredLog, StoredOutline, WriteBatch};
use cojson::transaction::Transaction;

/// What is on disk.
#[derive(Clone, Default)]
pub struct Disk {
    pub values: BTreeMap<CoId, StoredLog>,
    /// Sessions that cannot be read beyond so many transactions, although their outline says that there are more.
    pub damaged: BTreeMap<SessionId, u32>,
    /// The most bytes that were read at once.
    pub read_bytes_most: usize,
}

impl Disk {
    pub fn write(&mut self, batch: &WriteBatch) {
        for value in &batch.values {
            if !self.values.contains_key(&value.id) {
                let header = value.header.clone().expect("a first write has the header");
                let segments = Vec::new();
                self.values
                    .insert(value.id.clone(), StoredLog { header, segments });
            }
            let stored = self.values.get_mut(&value.id).unwrap();
            stored.take(value);
        }
    }

    /// How many transactions of a session are on disk without a gap.
    pub fn count(&self, id: &CoId, session: &SessionId) -> u32 {
        let mut segments: Vec<&Segment> = match self.values.get(id) {
            Some(stored) => stored.segments.iter().collect(),
            None => return 0,
        };
        segments.retain(|segment| segment.session == *session);
        segments.sort_by_key(|segment| segment.content.after);
        segments.iter().fold(0, |have, segment| {
            let end = segment.content.end() as u32;
            if segment.content.after <= have {
                have.max(end)
            } else {
                have
            }
        })
    }

    pub fn assert_covers(&self, state: &KnownState) {
        assert!(
            !state.header || self.values.contains_key(&state.id),
            "R2: header of {}",
            state.id
        );
        for (session, count) in &state.sessions {
            let stored = self.count(&state.id, session);
            assert!(stored >= *count, "R2: {} has {stored} of {count}", state.id);
        }
    }

    /// The sessions of a value, as far as they are without a gap.
    pub fn logs(&self, id: &CoId) -> BTreeMap<SessionId, SessionLog> {
        let mut logs: BTreeMap<SessionId, SessionLog> = BTreeMap::new();
        let stored = self.values.get(id).into_iter();
        let mut segments: Vec<&Segment> = stored.flat_map(|stored| &stored.segments).collect();
        segments.sort_by_key(|segment| (segment.content.after, segment.content.end()));
        for Segment { session, content } in segments {
            let log = logs.entry(session.clone());
            let log = log.or_insert_with(|| SessionLog::new(session.clone()));
            let _ = log.restore(content.clone());
        }
        logs.retain(|_, log| !log.is_empty());
        logs
    }

    pub fn state_of(&self, id: &CoId) -> KnownState {
        let logs = self.logs(id).into_iter();
        KnownState {
            id: id.clone(),
            header: self.values.contains_key(id),
            sessions: logs.map(|(session, log)| (session, log.len())).collect(),
        }
    }

    pub fn outline(&self, id: &CoId) -> StoredOutline {
        let sessions = self
            .logs(id)
            .into_iter()
            .map(|(session, log)| OutlinedSession {
                session,
                count: log.len(),
                last_signature: *log.last_signature().unwrap(),
            });
        StoredOutline {
            header: self.values[id].header.clone(),
            sessions: sessions.collect(),
        }
    }

    /// The first piece of the first session, and what fits of the rest.
    pub fn read(&mut self, request: &ReadRequest) -> Vec<Segment> {
        let logs = self.logs(&request.value);
        let mut segments = Vec::new();
        let mut bytes = 0;
        for (session, after) in &request.from {
            let Some(log) = logs.get(session) else {
                continue;
            };
            let readable = self.damaged.get(session).copied().unwrap_or(u32::MAX);
            for content in log.content_since(*after, request.bytes_max.min(100 << 10)) {
                if bytes >= request.bytes_max || content.end() > readable as usize {
                    break;
                }
                let transactions = content.new_transactions.iter();
                bytes += transactions.map(Transaction::content_bytes).sum::<usize>();
                let session = session.clone();
                segments.push(Segment { session, content });
            }
        }
        self.read_bytes_most = self.read_bytes_most.max(bytes);
        segments
    }
}
