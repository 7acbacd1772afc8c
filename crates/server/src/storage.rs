//! Storage: where logs are kept so that an acknowledged transaction outlives the process.
//!
//! [`Storage`] is what a back end does: read a value's log, write batches. It is synchronous; [`worker`] runs one on a
//! thread of its own and makes the batches that wait one commit. Every back end passes the suite in `conformance`.
//! A back end never verifies (the replica did) and never interprets what transactions say.

pub mod memory;
pub mod sqlite;
pub mod worker;

#[cfg(test)]
pub(crate) mod conformance;

use cojson::ids::{CoId, SessionId};
use cojson::sync::{StoredLog, WriteBatch};

use crate::settings::StorageSettings;

/// A back end. Only one thread uses it.
pub trait Storage: Send {
    /// What is kept of a value, or `None` if nothing is.
    ///
    /// # Errors
    /// When the value's record cannot be read at all. Other values are not affected.
    fn load(&mut self, id: &CoId) -> Result<Option<Loaded>, LoadError>;

    /// Makes these batches durable, in one commit: one answer each, in order. A batch is written as a whole or not at
    /// all, and one that cannot be written keeps no other from being written. What is already kept may be written again.
    fn write(&mut self, batches: &[WriteBatch]) -> Vec<Result<(), WriteError>>;
}

/// A value's log as far as it can be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The readable part.
    pub log: StoredLog,
    /// The sessions that could be read only in part, up to the last signature before the damage.
    pub damage: Vec<Damage>,
}

/// A session whose record is damaged. Peers that have the rest send it again, and writing it mends the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("session {session} is readable up to transaction {readable} of {expected}: {detail}")]
pub struct Damage {
    /// The session, as it is written in the record.
    pub session: String,
    /// How many transactions could be read.
    pub readable: u32,
    /// How many there should be.
    pub expected: u32,
    /// What stands where the next one should be.
    pub detail: String,
}

/// A value that could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The value's header is not one.
    #[error("the stored header of {id} is damaged: {detail}")]
    DamagedHeader {
        /// The value.
        id: CoId,
        /// What is wrong with it.
        detail: String,
    },
    /// The database does not answer.
    #[error("the database cannot be read: {0}")]
    Database(#[from] rusqlite::Error),
}

/// A batch that could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Transactions of a value whose header was never written.
    #[error("{id} has no stored header, so its transactions cannot be kept")]
    NoHeader {
        /// The value.
        id: CoId,
    },
    /// Transactions that do not follow those that are kept.
    #[error(
        "{id}: transactions from {after} on do not follow the {have} that are kept of {session}"
    )]
    Gap {
        /// The value.
        id: CoId,
        /// The session.
        session: SessionId,
        /// How many are kept.
        have: u32,
        /// Where the new ones start.
        after: u32,
    },
    /// The database did not take it: a full disk, a read-only file, an I/O error. Nothing of the commit was kept.
    #[error("the database did not take the write: {detail}")]
    Database {
        /// What the database says.
        detail: String,
    },
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        let detail = error.to_string();
        Self::Database { detail }
    }
}

/// Storage could not be opened. Names the setting that is to be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file cannot be used.
    #[error("DB_PATH: expected an SQLite file, or a place for one, for this process alone: {0}")]
    Sqlite(#[from] sqlite::OpenError),
    /// This binary was built without the back end.
    #[error("SYNC_MAIA_STORAGE={kind}: expected a back end that this binary was built with")]
    NotBuilt {
        /// The back end.
        kind: &'static str,
    },
}

/// Opens the back end that the settings name.
///
/// # Errors
/// When it cannot be opened, is not a database of ours, or is not part of this binary.
pub fn open(settings: &StorageSettings) -> Result<Box<dyn Storage>, OpenError> {
    Ok(match settings {
        StorageSettings::InMemory => Box::<memory::MemoryStorage>::default(),
        StorageSettings::Sqlite { path } => Box::new(sqlite::SqliteStorage::open(path)?),
        StorageSettings::Pglite { .. } => return Err(OpenError::NotBuilt { kind: "pglite" }),
        StorageSettings::Postgres { .. } => return Err(OpenError::NotBuilt { kind: "postgres" }),
    })
}
