//! The book of tokens beside a backup: which keys are trusted, which tokens are revoked. No secret is in it.

use std::ffi::OsString;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::error::TransferError;
use super::output::Unfinished;
use crate::auth::book::Book;
use crate::auth::shelf::Shelf;
use crate::settings::BookPlace;

/// Writes the book that is there beside a backup. Where there is none, what an earlier backup left goes.
///
/// # Errors
/// When it cannot be read or written.
pub(super) fn back_up(place: &BookPlace, file: &Path) -> Result<(), TransferError> {
    let shelf = Shelf::open(place.clone())?;
    let book = waited(shelf.read())?;
    let path = beside(file);
    if book == Book::default() {
        return match std::fs::remove_file(&path) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => Err(failed(path)(cause)),
            _ => Ok(()),
        };
    }
    let written = Unfinished::begin(&path)?;
    let mut out = written.writer()?;
    let text = serde_json::to_vec_pretty(&book).map_err(std::io::Error::other);
    let told = text.and_then(|text| out.write_all(&text).and_then(|()| out.flush()));
    told.map_err(failed(path))?;
    written.finish()
}

/// Adds the book beside a backup, if there is one, to the one that is there.
///
/// # Errors
/// When it cannot be read, is none, or cannot be added.
pub(super) fn restore(file: &Path, place: &BookPlace) -> Result<(), TransferError> {
    let path = beside(file);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(failed(path)(cause)),
    };
    let book: Book = serde_json::from_str(&text).map_err(|error| TransferError::Damaged {
        path,
        line: error.line() as u64,
        detail: format!("expected the book of tokens that `backup` wrote: {error}"),
    })?;
    let shelf = Shelf::open(place.clone())?;
    waited(shelf.change(|here: &mut Book| Ok::<(), TransferError>(here.merge(book)?)))
}

/// The book's file.
fn beside(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".tokens");
    name.into()
}

fn failed(path: PathBuf) -> impl FnOnce(std::io::Error) -> TransferError {
    move |cause| TransferError::File { path, cause }
}

/// Waits for a shelf, which may be a database.
fn waited<T, E: Into<TransferError>>(
    asked: impl Future<Output = Result<T, E>>,
) -> Result<T, TransferError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(TransferError::System)?;
    runtime.block_on(asked).map_err(Into::into)
}
