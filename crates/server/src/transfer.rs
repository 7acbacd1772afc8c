//! Moving logs: out of a store into a file, and from a file or another store into a store.
//!
//! What moves is a stream of records ([`record`]), each of which fits in memory; nothing here grows with the data. A store
//! is read as it is at one moment ([`source`]); what comes in is verified, session by session, before it is written
//! ([`import`]), so neither a damaged file nor a forged one brings in what its author did not sign. All of it can be done
//! twice: what is there already is compared and left alone. The form of the file is told in `docs/moving-logs.md`.

pub mod account_keys;
pub mod backup;
mod book;
pub mod command;
pub mod error;
pub mod export_file;
pub mod import;
pub mod output;
pub mod progress;
pub mod record;
pub mod source;

pub use error::TransferError;
