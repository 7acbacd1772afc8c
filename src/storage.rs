//! The disk of a runtime: headers, segments of session logs, and what this device keeps for itself.
//!
//! [`Storage`] promises that a write is all there or not at all, that it is durable when `write` returns, and that what
//! was written can be read by every other tab from then on. It never interprets what it keeps beyond the record's form,
//! and never waits for anything but the database inside a transaction.
//!
//! One write is one `IndexedDB` transaction with one put per new header and one per touched session; see
//! [`Durability`] for what "durable" means when the machine itself goes down.

mod compaction;
mod connection;
mod error;
mod indexed_db;
mod memory;
mod record;

use std::cell::Cell;
use std::rc::Rc;

use cojson::ids::{CoId, SessionId};
use wasm_bindgen::JsValue;

use crate::futures::spawn_local;

pub use error::StorageError;
pub use indexed_db::IndexedDb;
pub use memory::Memory;
pub use record::{DecodeError, Record, header, header_row, segment, segment_row};

/// The most sessions' segments one value's session may have before they are packed together at a load.
pub const SEGMENTS_PER_SESSION_MAX: usize = 64;

/// How far a write is driven before it counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Handed to the operating system: outlives the tab and the browser, not a power failure. For what was received,
    /// which the server still has.
    Relaxed,
    /// Driven to the medium: outlives a power failure too. For what was written here: a transaction that another
    /// machine has seen must never be missing here, else this session would be continued differently (R2).
    Strict,
}

/// A value's header as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderRow {
    /// Whose.
    pub id: CoId,
    /// Its JSON text.
    pub bytes: Vec<u8>,
}

/// One piece of a session's log as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentRow {
    /// Of which value.
    pub id: CoId,
    /// Of which session.
    pub session: String,
    /// The index of its first transaction.
    pub after: u32,
    /// Transactions and signature, packed.
    pub bytes: Vec<u8>,
}

/// What one write stores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// New headers.
    pub headers: Vec<HeaderRow>,
    /// Deleted values: before the new segments are put, those of all their sessions go but of such as are made for a
    /// tombstone.
    pub erased: Vec<CoId>,
    /// New segments.
    pub segments: Vec<SegmentRow>,
    /// Keys of this device that are to be there, without a value.
    pub notes: Vec<String>,
}

/// What a read of one value found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredRows {
    /// The header's text; nothing is known of the value without.
    pub header: Option<Vec<u8>>,
    /// The segments' records, in the order of session and index.
    pub segments: Vec<Vec<u8>>,
}

/// What was done so far, for benchmarks and tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StorageStats {
    /// Transactions that wrote.
    pub writes: u32,
    /// Records put in them.
    pub puts: u32,
    /// Transactions that read values.
    pub reads: u32,
    /// Connections opened, reopenings included.
    pub connections: u32,
    /// Sessions whose segments were packed together.
    pub compactions: u32,
}

/// Counts, shared by the parts of a storage.
#[derive(Default)]
pub(crate) struct Counters(Cell<StorageStats>);

impl Rows {
    fn count(&self) -> u32 {
        let count = self.headers.len() + self.segments.len() + self.notes.len();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

impl Counters {
    fn count_write(&self, rows: &Rows) {
        self.count(|stats| {
            stats.writes += 1;
            stats.puts += rows.count();
        });
    }

    fn count(&self, change: impl FnOnce(&mut StorageStats)) {
        let mut stats = self.0.get();
        change(&mut stats);
        self.0.set(stats);
    }
}

/// A storage: the browser's database, or memory that ends with the runtime.
#[derive(Clone)]
pub enum Storage {
    /// The browser's database of one name.
    IndexedDb(Rc<IndexedDb>),
    /// Nothing is kept.
    Memory(Rc<Memory>),
}

impl Storage {
    /// Opens the database of that name, making it if it is not there.
    pub async fn open(name: &str) -> Result<Self, StorageError> {
        Ok(Self::IndexedDb(Rc::new(IndexedDb::open(name).await?)))
    }

    /// A storage that ends with the runtime.
    pub fn memory() -> Self {
        Self::Memory(Rc::default())
    }

    /// Whether what is written outlives the runtime.
    pub fn is_persistent(&self) -> bool {
        matches!(self, Self::IndexedDb(_))
    }

    /// Stores all rows or none; they are durable when this returns.
    pub async fn write(&self, rows: &Rows, durability: Durability) -> Result<(), StorageError> {
        match self {
            Self::IndexedDb(database) => database.write(rows, durability).await,
            Self::Memory(memory) => memory.write(rows),
        }
    }

    /// Reads many values at one moment: one entry per id, in the ids' order.
    pub async fn read(&self, ids: &[CoId]) -> Result<Vec<StoredRows>, StorageError> {
        match self {
            Self::IndexedDb(database) => database.read(ids).await,
            Self::Memory(memory) => memory.read(ids),
        }
    }

    /// The sessions that a value has records of which cannot be read.
    pub async fn damaged_sessions(&self, id: &CoId) -> Result<Vec<String>, StorageError> {
        let Self::IndexedDb(database) = self else {
            return Ok(Vec::new());
        };
        let mut sessions = Vec::new();
        for (session, record) in database.read_segments(id).await? {
            if segment(&record).is_none() && !sessions.contains(&session) {
                sessions.push(session);
            }
        }
        Ok(sessions)
    }

    /// Reads what this device keeps under a key.
    pub async fn device(&self, key: &str) -> Result<Option<String>, StorageError> {
        match self {
            Self::IndexedDb(database) => database.device(key).await,
            Self::Memory(memory) => memory.device(key),
        }
    }

    /// All that this device keeps under keys that begin so: the keys' rests.
    pub async fn device_keys(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        match self {
            Self::IndexedDb(database) => database.device_keys(prefix).await,
            Self::Memory(memory) => memory.device_keys(prefix),
        }
    }

    /// What is kept under the key; `fresh` is kept and returned if nothing was. However many tabs ask at once, all
    /// get the same.
    pub async fn device_or_put(&self, key: &str, fresh: &str) -> Result<String, StorageError> {
        match self {
            Self::IndexedDb(database) => database.device_or_put(key, fresh).await,
            Self::Memory(memory) => memory.device_or_put(key, fresh),
        }
    }

    /// Forgets what this device keeps under these keys.
    pub async fn forget_device(&self, keys: &[String]) -> Result<(), StorageError> {
        match self {
            Self::IndexedDb(database) => database.forget_device(keys).await,
            Self::Memory(memory) => memory.forget_device(keys),
        }
    }

    /// Packs the segments of a crowded session together, in the background.
    pub fn compact_soon(&self, id: CoId, session: String) {
        if let Self::IndexedDb(database) = self {
            let database = Rc::clone(database);
            // A failure loses nothing: the segments stay as they were, and the next load tries again.
            spawn_local(async move { drop(database.compact(&id, &session).await) });
        }
    }

    /// Counts so far.
    pub fn stats(&self) -> StorageStats {
        match self {
            Self::IndexedDb(database) => database.counters().0.get(),
            Self::Memory(memory) => memory.counters().0.get(),
        }
    }

    /// Ends the connection; every later call fails.
    pub fn close(&self) {
        match self {
            Self::IndexedDb(database) => database.close(),
            Self::Memory(memory) => memory.close(),
        }
    }
}

/// Whether a session is made for a tombstone, which outlives a deletion.
fn is_tombstone(session: &str) -> bool {
    SessionId::parse(session).is_ok_and(|session| session.is_delete())
}

/// Asks the browser, once per page, not to evict this site's data. What it answers changes nothing here.
pub fn ask_for_persistence() {
    thread_local!(static ASKED: Cell<bool> = const { Cell::new(false) });
    let Some(window) = web_sys::window() else {
        return;
    };
    let storage = js_sys::Reflect::get(&window.navigator(), &"storage".into());
    if ASKED.replace(true) || storage.is_ok_and(|storage: JsValue| storage.is_undefined()) {
        return;
    }
    if let Ok(answer) = window.navigator().storage().persist() {
        spawn_local(async move { drop(wasm_bindgen_futures::JsFuture::from(answer).await) });
    }
}
