//! Why moving logs stopped. What is wrong with one value or session alone stops nothing: it is told and counted.

use std::path::PathBuf;

use crate::auth::book::BookError;
use crate::auth::shelf::ShelfError;
use crate::storage::{LoadError, OpenError, WriteError, sqlite};

/// Why it stopped. What was written until then stays, and is right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file that is imported cannot be opened.
    #[error("the file cannot be imported: {0}")]
    Source(Box<sqlite::OpenError>),
    /// The store cannot be read.
    #[error("the store cannot be read: {0}")]
    Read(#[from] LoadError),
    /// The store takes no more. What it took stays; the same command can be given again.
    #[error("the store takes no more: {0}")]
    Write(WriteError),
    /// A file cannot be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A file is not what was written.
    #[error("{path}, line {line}: {detail}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1 on.
        line: u64,
        /// What is wrong with it, and what to do.
        detail: String,
    },
    /// The book of tokens cannot be read or written. What was moved before stays.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The books cannot be one.
    #[error("the book of tokens: {0}")]
    Book(#[from] BookError),
    /// The system gives no timer or thread.
    #[error("the system refuses what is needed: {0}")]
    System(std::io::Error),
    /// There is something in the store already.
    #[error(
        "the store has logs already; `--merge` adds what {path} has besides, and takes nothing away"
    )]
    NotEmpty {
        /// The file.
        path: PathBuf,
    },
    /// Some of it is not there now.
    #[error("{done}, but not all of it: {count} refused or damaged, as told above")]
    Incomplete {
        /// What was done.
        done: String,
        /// How many sessions or values are missing.
        count: u64,
    },
}
