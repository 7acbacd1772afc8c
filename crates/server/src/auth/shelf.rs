//! Where the book is kept: a file, or a row of the database that several servers share. It is read and changed as a
//! whole; changes of two at once follow one another, and none is lost.

mod postgres;

use std::path::{Path, PathBuf};

use super::book::Book;
use super::key::write_whole;
use crate::settings::BookPlace;
use crate::storage;
use postgres::PostgresShelf;

/// A book that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShelfError {
    /// The file cannot be read or written.
    #[error("SYNC_MAIA_AUTH_FILE={path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// What is there is no book.
    #[error("{place}: expected the book of tokens as `pleione-sync token` writes it: {detail}")]
    Form {
        /// Where it is.
        place: String,
        /// What is wrong.
        detail: String,
    },
    /// The database cannot be used.
    #[error(transparent)]
    Open(#[from] storage::postgres::OpenError),
    /// The database did not do as asked.
    #[error("SYNC_MAIA_DB_URL: the book of tokens cannot be reached: {detail}")]
    Database {
        /// What it says.
        detail: String,
    },
}

/// A place for a book.
#[derive(Debug)]
pub enum Shelf {
    /// In a file.
    File(PathBuf),
    /// In a database.
    Postgres(PostgresShelf),
}

impl Shelf {
    /// The place that is named. Nothing is read yet.
    ///
    /// # Errors
    /// When its name cannot be used.
    pub fn open(place: BookPlace) -> Result<Self, ShelfError> {
        Ok(match place {
            BookPlace::File(path) => Self::File(path),
            BookPlace::Postgres {
                url,
                root_certificate,
            } => Self::Postgres(PostgresShelf::open(
                url.reveal(),
                root_certificate.as_deref(),
            )?),
        })
    }

    /// The book that is there; an empty one if there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read(&self) -> Result<Book, ShelfError> {
        match self {
            Self::File(path) => read_file(path),
            Self::Postgres(row) => row.read().await,
        }
    }

    /// Changes the book, if the change succeeds.
    ///
    /// # Errors
    /// When the book cannot be read or written, or not be changed so.
    pub async fn change<T, E: From<ShelfError>>(
        &self,
        change: impl FnOnce(&mut Book) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::File(path) => change_file(path, change),
            Self::Postgres(row) => row.change(change).await,
        }
    }
}

fn file_error(path: &Path) -> impl Fn(std::io::Error) -> ShelfError {
    move |cause| ShelfError::File {
        path: path.to_owned(),
        cause,
    }
}

fn read_file(path: &Path) -> Result<Book, ShelfError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text, || format!("SYNC_MAIA_AUTH_FILE={}", path.display())),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(Book::default()),
        Err(cause) => Err(file_error(path)(cause)),
    }
}

fn change_file<T, E: From<ShelfError>>(
    path: &Path,
    change: impl FnOnce(&mut Book) -> Result<T, E>,
) -> Result<T, E> {
    let told = file_error(path);
    let mut lock_name = path.to_owned().into_os_string();
    lock_name.push(".lock");
    let lock = std::fs::File::create(lock_name).map_err(&told)?;
    // Held until it is closed, also if the process dies.
    lock.lock().map_err(&told)?;
    let mut book = read_file(path)?;
    let answer = change(&mut book)?;
    write_whole(path, to_text(&book).as_bytes(), false).map_err(&told)?;
    Ok(answer)
}

fn parse(text: &str, place: impl Fn() -> String) -> Result<Book, ShelfError> {
    serde_json::from_str(text).map_err(|error| ShelfError::Form {
        place: place(),
        detail: error.to_string(),
    })
}

/// Strings, numbers and truth values: it has a text.
fn to_text(book: &Book) -> String {
    serde_json::to_string_pretty(book).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::auth::book::Entry;

    #[tokio::test]
    async fn changes_of_many_at_once_are_all_kept() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("tokens");
        let note = |number: usize| {
            let change = |book: &mut Book| {
                book.note(Entry::of(number.to_string(), 1));
                Ok::<(), ShelfError>(())
            };
            change_file(&path, change).unwrap();
        };
        std::thread::scope(|scope| {
            for number in 0..20 {
                scope.spawn(move || note(number));
            }
        });
        let shelf = Shelf::open(BookPlace::File(path.clone())).unwrap();
        assert_eq!(shelf.read().await.unwrap().tokens.len(), 20);
        // One that does not succeed changes nothing.
        let refused = shelf.change(|book: &mut Book| {
            book.tokens.clear();
            Err::<(), ShelfError>(file_error(&path)(std::io::Error::other("no")))
        });
        assert!(refused.await.is_err());
        assert_eq!(shelf.read().await.unwrap().tokens.len(), 20);
    }

    #[tokio::test]
    async fn r12_a_file_that_is_no_book_is_told_and_kept() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("tokens");
        let shelf = Shelf::open(BookPlace::File(path.clone())).unwrap();
        assert_eq!(shelf.read().await.unwrap(), Book::default());
        std::fs::write(&path, "{\"keys\":").unwrap();
        let error = shelf.read().await.unwrap_err().to_string();
        assert!(
            error.starts_with("SYNC_MAIA_AUTH_FILE=") && error.contains("tokens"),
            "{error}"
        );
        let changed = shelf.change(|_| Ok::<(), ShelfError>(())).await;
        assert!(changed.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"keys\":");
    }
}
