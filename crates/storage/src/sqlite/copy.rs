//! Copying a file while a server writes to it: what the copy holds is the file as it was when the copy began.
//!
//! Reading goes by a connection of its own that holds one moment of the file, so writers wait for nothing and the copy
//! never has to start anew.

use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ffi};

use super::{OpenError, SqliteStorage};

/// The pages that are copied between two tellings.
const PAGES_PER_STEP: i32 = 4_096;

/// Copies a file to a new one, durable when this returns, and tells after each step how many pages are done of how many.
///
/// # Errors
/// When the file cannot be read, or the new one cannot be written.
pub fn copy(from: &Path, to: &Path, tell: &mut dyn FnMut(u64, u64)) -> Result<(), OpenError> {
    let source = SqliteStorage::snapshot(from)?;
    let unwritable = |cause| OpenError::Database {
        path: to.to_owned(),
        cause,
    };
    let mut target = Connection::open(to).map_err(unwritable)?;
    copy_pages(&source.connection, &mut target, tell).map_err(unwritable)?;
    // One file, with nothing beside it: the write-ahead log is the server's.
    let is_single = target.pragma_update(None, "journal_mode", "DELETE");
    is_single.map_err(unwritable)
}

fn copy_pages(
    source: &Connection,
    target: &mut Connection,
    tell: &mut dyn FnMut(u64, u64),
) -> rusqlite::Result<()> {
    target.pragma_update(None, "synchronous", "FULL")?;
    let backup = Backup::new(source, target)?;
    loop {
        let step = backup.step(PAGES_PER_STEP)?;
        let progress = backup.progress();
        let total = u64::try_from(progress.pagecount).unwrap_or_default();
        let left = u64::try_from(progress.remaining).unwrap_or_default();
        tell(total.saturating_sub(left), total);
        match step {
            StepResult::More => {}
            StepResult::Done => return Ok(()),
            _ => return Err(busy()),
        }
    }
}

/// Nobody else has the new file, and the old one is read as it was: neither should ever be.
fn busy() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None)
}
