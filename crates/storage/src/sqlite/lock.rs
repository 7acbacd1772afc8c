//! Who may write to a file: one process, as long as it holds the file's lock.
//!
//! The lock is the system's, on a file of its own beside the database (`NAME-lock`), so it is gone with the process however
//! that ends, and `SQLite`'s own locks stay free for those who only read.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::OpenError;

/// The lock, held until this is dropped.
#[derive(Debug)]
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock of a database file, if nobody has it.
    pub(super) fn take(database: &Path) -> Result<Self, OpenError> {
        let unlockable = |cause: std::io::Error| {
            let path = database.to_owned();
            match cause.kind() {
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                    OpenError::ReadOnly { path }
                }
                _ => OpenError::Lock { path, cause },
            }
        };
        let mut options = File::options();
        let options = options.write(true).create(true).truncate(false);
        let file = options.open(lock_of(database)).map_err(unlockable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked {
                path: database.to_owned(),
            }),
            Err(TryLockError::Error(cause)) => Err(unlockable(cause)),
        }
    }
}

fn lock_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-lock");
    name.into()
}
