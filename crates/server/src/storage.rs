//! Storage as this server uses it: the back ends of the crate `storage`, which of them a setting names, [`worker`], the
//! thread that one runs on and where the batches that wait become one commit, and [`measured`], what it takes.

pub mod measured;
pub mod worker;

use std::path::Path;

#[cfg(test)]
pub(crate) use ::storage::conformance;
#[cfg(feature = "pglite")]
pub(crate) use ::storage::pglite;
pub use ::storage::{
    Damage, LoadError, Loaded, Outline, SessionOutline, Stats, Storage, Stretch, WriteError,
    memory, postgres, sqlite,
};

use crate::settings::StorageSettings;

/// Storage could not be opened. Names the setting that is to be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file cannot be used.
    #[error("DB_PATH: expected an SQLite file, or a place for one, for this process alone: {0}")]
    Sqlite(#[from] sqlite::OpenError),
    /// The database cannot be used.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
    /// The folder cannot be used.
    #[cfg(feature = "pglite")]
    #[error("DB_PATH={0}")]
    Pglite(#[from] pglite::OpenError),
    /// This binary was built without the back end.
    #[cfg(not(feature = "pglite"))]
    #[error(
        "SYNC_MAIA_STORAGE={kind}: expected a back end that this binary was built with; build it with `--features {kind}`"
    )]
    NotBuilt {
        /// The back end.
        kind: &'static str,
    },
    /// Memory has nothing to be read.
    #[error("SYNC_MAIA_STORAGE=in-memory: expected a back end that keeps something")]
    NothingKept,
}

/// Opens the back end that the settings name.
///
/// # Errors
/// When it cannot be opened, is not a database of ours, or is not part of this binary.
pub fn open(settings: &StorageSettings) -> Result<Box<dyn Storage>, OpenError> {
    Ok(match settings {
        StorageSettings::InMemory => Box::<memory::MemoryStorage>::default(),
        StorageSettings::Sqlite { path } => Box::new(sqlite::SqliteStorage::open(path)?),
        StorageSettings::Pglite { path } => open_pglite(path)?,
        StorageSettings::Postgres {
            url,
            root_certificate,
        } => Box::new(postgres::PostgresStorage::open(
            url.reveal(),
            root_certificate.as_deref(),
        )?),
    })
}

/// Opens the back end that the settings name to read it as it is now, while a server may write to it. It takes no write.
/// `PGlite` alone must be nobody else's meanwhile.
///
/// # Errors
/// When it cannot be opened, or there is nothing of ours in it.
pub fn snapshot(settings: &StorageSettings) -> Result<Box<dyn Storage>, OpenError> {
    Ok(match settings {
        StorageSettings::InMemory => return Err(OpenError::NothingKept),
        StorageSettings::Sqlite { path } => Box::new(sqlite::SqliteStorage::snapshot(path)?),
        StorageSettings::Pglite { path } => open_pglite(path)?,
        StorageSettings::Postgres {
            url,
            root_certificate,
        } => Box::new(postgres::PostgresStorage::snapshot(
            url.reveal(),
            root_certificate.as_deref(),
        )?),
    })
}

#[cfg(feature = "pglite")]
fn open_pglite(path: &Path) -> Result<Box<dyn Storage>, OpenError> {
    Ok(Box::new(pglite::PgliteStorage::open(path)?))
}

#[cfg(not(feature = "pglite"))]
fn open_pglite(_path: &Path) -> Result<Box<dyn Storage>, OpenError> {
    Err(OpenError::NotBuilt { kind: "pglite" })
}
