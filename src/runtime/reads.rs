//! Reading from storage: all values that a task asked for in one transaction, and who waits for them.

use std::rc::Rc;

use cojson::ids::CoId;
use cojson::sync::{Segment, StoredLog};

use super::error::{Failure, RuntimeError};
use super::host::Host;
use super::waiters::Wish;
use crate::futures::spawn_local;
use crate::storage::{
    self, DecodeError, SEGMENTS_PER_SESSION_MAX, Storage, StorageError, StoredRows,
};
use crate::tabs::retire_session;

/// The most values that are read in one transaction: what the database returns is in memory twice for a moment.
const VALUES_PER_READ: usize = 2_000;

/// Something stored cannot be read.
const STORAGE_DAMAGED: &str = "PLEIONE_E_STORAGE_DAMAGED";

/// How long after a failed read it is tried again.
const RETRY_MS: u32 = 1_000;

impl Host {
    /// Reads what this task asked for.
    pub(crate) fn read_wanted(self: &Rc<Self>) {
        let mut ids = self.reads.wanted.take();
        while !ids.is_empty() {
            let rest = ids.split_off(ids.len().min(VALUES_PER_READ));
            self.read(ids);
            ids = rest;
        }
    }

    fn read(self: &Rc<Self>, ids: Vec<CoId>) {
        let host = Rc::clone(self);
        let under_way = &self.reads.under_way;
        under_way.set(under_way.get() + 1);
        spawn_local(async move {
            let found = host.storage.read(&ids).await;
            let under_way = &host.reads.under_way;
            under_way.set(under_way.get() - 1);
            match found {
                Ok(found) => host.answer(&ids, &found).await,
                Err(error) => host.read_failed(ids, &error),
            }
        });
    }

    async fn answer(self: &Rc<Self>, ids: &[CoId], found: &[StoredRows]) {
        for (id, rows) in ids.iter().zip(found) {
            match decode(id, rows) {
                Ok(Decoded { log, is_damaged }) if is_damaged => {
                    self.answer_damaged(id, log).await;
                }
                Ok(Decoded { log, .. }) => self.answer_one(id, log),
                // Unanswered: taking it for unknown would let this session begin it anew, and fork.
                Err(error) => {
                    self.tell_problem(STORAGE_DAMAGED, &error.to_string(), Some(id.as_str()));
                }
            }
        }
    }

    fn answer_one(self: &Rc<Self>, id: &CoId, log: Option<StoredLog>) {
        if let Some(log) = &log {
            compact_crowded(&self.storage, id, &log.segments);
        }
        let _ = self.input(|engine| engine.node_mut().loaded(id, log));
    }

    /// Some of the value's records cannot be read, which is told. What others wrote, the server has again. With what we
    /// wrote, our session would begin anew in the middle, and fork: it is retired, and the value stays unanswered until
    /// the next opening, which takes another session.
    async fn answer_damaged(self: &Rc<Self>, id: &CoId, log: Option<StoredLog>) {
        let damaged = self.storage.damaged_sessions(id).await;
        let is_ours =
            |session: &String| self.own_sessions.iter().any(|own| own.as_str() == session);
        if damaged.is_ok_and(|sessions| !sessions.iter().any(is_ours)) {
            self.tell_damaged(id, "the server is asked for them again");
            self.answer_one(id, log);
            return;
        }
        self.tell_damaged(
            id,
            "open again to go on in a new session; what the server has comes back",
        );
        let [session, _] = &self.own_sessions;
        if let Err(error) = retire_session(&self.storage, session).await {
            self.problem(&error);
        }
    }

    fn tell_damaged(&self, id: &CoId, cure: &str) {
        let message = format!("some of what is stored of {id} cannot be read: {cure}");
        self.tell_problem(STORAGE_DAMAGED, &message, Some(id.as_str()));
    }

    /// A failed read is no answer either; it is asked again, and who waits is told.
    fn read_failed(self: &Rc<Self>, ids: Vec<CoId>, error: &StorageError) {
        if self.is_closed() {
            return;
        }
        self.problem(error);
        self.waiters.reject(
            |wish| match wish {
                Wish::Shown(id) | Wish::Known(id) => ids.contains(id),
                wish => *wish == Wish::Answered,
            },
            || RuntimeError::from(error.clone()).into(),
        );
        if error.is_final() {
            return;
        }
        self.reads.wanted.borrow_mut().extend(ids);
        self.schedule_in(RETRY_MS).forget();
    }

    /// Nobody has the value now: who waits for it, or for what it rules, is told. While the server may still say
    /// otherwise they wait on.
    pub(crate) fn note_unavailable(self: &Rc<Self>, id: &CoId) {
        if self.awaits_sync.get() {
            self.absent.borrow_mut().insert(id.clone());
            return;
        }
        self.waiters.reject(
            |wish| *wish == Wish::Shown(id.clone()),
            || Failure::Unavailable { id: id.clone() }.into(),
        );
        let is_ruled = |wish: &Wish| match wish {
            Wish::Shown(value) => self
                .engine(|engine| {
                    let log = engine.node().log(value);
                    log.is_some_and(|log| log.header().owner() == Some(id))
                })
                .unwrap_or_default(),
            _ => false,
        };
        self.waiters
            .reject(is_ruled, || Failure::Unreadable { id: id.clone() }.into());
    }
}

/// What was read of one value.
struct Decoded {
    /// None if nothing is stored.
    log: Option<StoredLog>,
    /// Whether some records cannot be read.
    is_damaged: bool,
}

fn decode(id: &CoId, rows: &StoredRows) -> Result<Decoded, DecodeError> {
    let records = rows.segments.iter();
    let segments: Vec<Segment> = records
        .filter_map(|record| storage::segment(record))
        .map(|record| Segment {
            session: record.session,
            content: record.content,
        })
        .collect();
    let is_damaged = segments.len() < rows.segments.len();
    let header = rows.header.as_ref();
    let header = header
        .map(|header| storage::header(id, header))
        .transpose()?;
    Ok(Decoded {
        log: header.map(|header| StoredLog { header, segments }),
        is_damaged,
    })
}

/// Packs the sessions that have too many segments, in the background. Segments come session by session.
fn compact_crowded(storage: &Storage, id: &CoId, segments: &[Segment]) {
    for session in segments.chunk_by(|left, right| left.session == right.session) {
        if let [first, ..] = session
            && session.len() > SEGMENTS_PER_SESSION_MAX
        {
            storage.compact_soon(id.clone(), first.session.to_string());
        }
    }
}
