//! Storage in one `SQLite` file, in the tables of classic CoJSON stores ([`schema`]): such a file can be opened as it is.
//!
//! A commit is on the disk when `write` returns (write-ahead log, `synchronous=FULL`). Only one process may write to the
//! file: a second would not see what the first one's replica holds in memory, so it is locked ([`lock`]). Others may read
//! it meanwhile, as it was at one moment ([`SqliteStorage::snapshot`]), or copy it ([`copy`]).

mod copy;
mod lock;
mod notes;
mod read;
mod schema;
mod survey;
mod write;

use std::path::{Path, PathBuf};

use cojson::ids::{CoId, SessionId};
use cojson::sync::WriteBatch;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::{LoadError, NoteChange, Notes, Outline, Stats, Storage, Stretch, WriteError};
use lock::FileLock;

pub use copy::copy;

/// A file that cannot be used as storage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It cannot be opened or made, or it is no `SQLite` database, or another process has it open.
    #[error("{path}: {cause}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What `SQLite` says.
        cause: rusqlite::Error,
    },
    /// It may not be written.
    #[error("{path} and its folder may not be written by this process")]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// Another process serves it.
    #[error("{path} is locked: another server, or an import into it, has it open")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be locked.
    #[error("{path} cannot be locked for this process: {cause}")]
    Lock {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// It cannot be read as it is.
    #[error(
        "{path} has schema version {found}; a file that is only read needs {oldest} at least: open a copy of it for writing once"
    )]
    TooOld {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The oldest version that is read without bringing it up to date.
        oldest: i64,
    },
    /// It was written by a later version of the format.
    #[error("{path} has schema version {found}; this program reads up to {known}")]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that is known here.
        known: i64,
    },
}

/// An open file.
#[derive(Debug)]
pub struct SqliteStorage {
    connection: Connection,
    /// Let go of after the connection is closed. None of a snapshot.
    _lock: Option<FileLock>,
}

impl SqliteStorage {
    /// Opens the file, makes it if it is missing, and brings its tables up to date.
    ///
    /// # Errors
    /// When the file cannot be opened, is not `SQLite`'s, is open elsewhere or is of a later version.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let database = |cause| OpenError::Database {
            path: path.to_owned(),
            cause,
        };
        let lock = FileLock::take(path)?;
        let mut connection = Connection::open(path).map_err(database)?;
        if connection.is_readonly(MAIN_DB).map_err(database)? {
            let path = path.to_owned();
            return Err(OpenError::ReadOnly { path });
        }
        schema::configure(&connection).map_err(database)?;
        match schema::migrate(&mut connection).map_err(database)? {
            found if found > schema::VERSION => Err(OpenError::TooNew {
                path: path.to_owned(),
                found,
                known: schema::VERSION,
            }),
            _ => Ok(Self {
                connection,
                _lock: Some(lock),
            }),
        }
    }

    /// Opens the file to read it as it is now, whatever is written to it meanwhile. It takes no write.
    ///
    /// # Errors
    /// When there is no such file, it is not `SQLite`'s or of a version that cannot be read as it is.
    pub fn snapshot(path: &Path) -> Result<Self, OpenError> {
        let database = |cause| OpenError::Database {
            path: path.to_owned(),
            cause,
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(database)?;
        let path = path.to_owned();
        match schema::hold(&connection).map_err(database)? {
            found if found > schema::VERSION => Err(OpenError::TooNew {
                path,
                found,
                known: schema::VERSION,
            }),
            found if found < schema::OLDEST_READABLE => Err(OpenError::TooOld {
                path,
                found,
                oldest: schema::OLDEST_READABLE,
            }),
            _ => Ok(Self {
                connection,
                _lock: None,
            }),
        }
    }
}

impl Storage for SqliteStorage {
    fn outline(&mut self, id: &CoId) -> Result<Option<Outline>, LoadError> {
        read::outline(&self.connection, id)
    }

    fn read(
        &mut self,
        id: &CoId,
        session: &SessionId,
        after: u32,
        bytes_max: usize,
    ) -> Result<Stretch, LoadError> {
        read::read(&self.connection, id, session, after, bytes_max)
    }

    fn ids(&mut self, after: Option<&CoId>, count_max: usize) -> Result<Vec<CoId>, LoadError> {
        survey::ids(&self.connection, after, count_max)
    }

    fn count(&mut self) -> Result<u64, LoadError> {
        survey::count(&self.connection)
    }

    fn stats(&mut self, largest_max: usize) -> Result<Stats, LoadError> {
        survey::stats(&self.connection, largest_max)
    }

    fn write(&mut self, batches: &[WriteBatch]) -> Vec<Result<(), WriteError>> {
        write::write(&mut self.connection, batches).unwrap_or_else(|error| {
            // Nothing was committed, so no batch was, whatever became of it in the transaction.
            batches.iter().map(|_| Err(error.clone())).collect()
        })
    }
}

impl Notes for SqliteStorage {
    fn notes(&mut self, prefix: &str) -> Result<Vec<(String, String)>, LoadError> {
        notes::notes(&self.connection, prefix)
    }

    fn change_notes(&mut self, change: &NoteChange) -> Result<(), WriteError> {
        notes::change(&mut self.connection, change)
    }
}

#[cfg(test)]
mod tests;
