//! The commands `backup` and `restore`: a store into a file while servers write to it, and a file into an empty store.
//!
//! What a backup has is the store as it was at one moment after it was asked for, so everything that was acknowledged before
//! is in it. An `SQLite` file is copied page by page and is one again; a `PostgreSQL` database is exported from one snapshot.
//! Restoring is importing, so a backup goes into any back end, verified.

use std::path::Path;

use super::command::{export_to, import_from, told};
use super::error::TransferError;
use super::output::Unfinished;
use super::progress::{Progress, Unit, say};
use crate::settings::{RestoreSettings, StorageSettings, TransferSettings};
use crate::storage::{self, OpenError, sqlite};

/// Backs a store up.
///
/// # Errors
/// When that fails; a file that had the name before is still there then.
pub fn backup(settings: &TransferSettings) -> Result<(), TransferError> {
    match &settings.storage {
        StorageSettings::Sqlite { path } if settings.file.as_os_str() != "-" => {
            copy_sqlite(path, &settings.file)?;
            say(&format!("backed up to {}", settings.file.display()));
            Ok(())
        }
        others => {
            let mut source = storage::snapshot(others)?;
            let read = export_to(source.as_mut(), &settings.file, "backing up")?;
            told("backed up", &read)
        }
    }
}

fn copy_sqlite(from: &Path, to: &Path) -> Result<(), TransferError> {
    let file = Unfinished::begin(to)?;
    let mut progress = Progress::begin("backing up", Unit::Pages, None);
    let copied = sqlite::copy(from, file.part(), &mut |done, total| {
        progress.at_of(done, total);
    });
    copied.map_err(OpenError::from)?;
    file.finish()
}

/// Puts a backup, or anything else that can be imported, into a store that is empty.
///
/// # Errors
/// When that fails, or the store is not empty and it was not said that this is meant.
pub fn restore(settings: &RestoreSettings) -> Result<(), TransferError> {
    let TransferSettings { file, storage, .. } = &settings.transfer;
    let mut target = storage::open(storage)?;
    let is_empty = target.ids(None, 1)?.is_empty();
    if !is_empty && !settings.merges {
        return Err(TransferError::NotEmpty { path: file.clone() });
    }
    let read = import_from(file, target.as_mut(), "restoring")?;
    told("restored", &read)
}
