//! The commands `backup` and `restore`: a store into a file while servers write to it, and a file into an empty store.
//!
//! What a backup has is the store as it was at one moment after it was asked for, so everything that was acknowledged before
//! is in it. An `SQLite` file is copied page by page and is one again; a `PostgreSQL` database is exported from one snapshot.
//! Restoring is importing, so a backup goes into any back end, verified.
//!
//! The book of tokens goes into a file beside the backup's, and from there into the book that the other store has: what is
//! revoked in either is revoked. The key that signs tokens is none of it: it is a secret, and no server's.

use std::path::Path;

use super::book;
use super::command::{export_to, import_from, is_standard, told};
use super::error::TransferError;
use super::output::Unfinished;
use super::progress::{Progress, Unit, say};
use crate::settings::{BackupSettings, RestoreSettings, StorageSettings, TransferSettings};
use crate::storage::{self, OpenError, sqlite};

/// Backs a store up, and its book of tokens, if it has one.
///
/// # Errors
/// When that fails; a file that had the name before is still there then.
pub fn backup(settings: &BackupSettings) -> Result<(), TransferError> {
    let TransferSettings { file, storage, .. } = &settings.transfer;
    match storage {
        StorageSettings::Sqlite { path } if !is_standard(file) => {
            copy_sqlite(path, file)?;
            say(&format!("backed up to {}", file.display()));
        }
        others => {
            let mut source = storage::snapshot(others)?;
            let read = export_to(source.as_mut(), file, "backing up")?;
            told("backed up", &read)?;
        }
    }
    // Standard output has no file beside it: who backs up into a pipe keeps the book by itself.
    if is_standard(file) {
        return Ok(());
    }
    book::back_up(&settings.book, file)
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

/// Puts a backup, or anything else that can be imported, into a store that is empty, and what is beside it into the store's
/// book of tokens.
///
/// # Errors
/// When that fails, or the store is not empty and it was not said that this is meant.
pub fn restore(settings: &RestoreSettings) -> Result<(), TransferError> {
    let BackupSettings { transfer, book } = &settings.backup;
    let TransferSettings { file, storage, .. } = transfer;
    let mut target = storage::open(storage)?;
    let is_empty = target.ids(None, 1)?.is_empty();
    if !is_empty && !settings.merges {
        return Err(TransferError::NotEmpty { path: file.clone() });
    }
    let read = import_from(file, target.as_mut(), "restoring")?;
    if !is_standard(file) {
        book::restore(file, book)?;
    }
    told("restored", &read)
}
