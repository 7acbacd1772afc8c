//! What the commands that move logs are told: which file, and which store.

use std::path::PathBuf;

use clap::Args;

use super::value::SettingError;
use super::{BookPlace, RawBook, RawLog, RawStorage, StorageSettings};
use crate::log::LogSettings;

/// What is said to `export` and `import`.
#[derive(Args, Clone, Debug)]
pub struct RawTransfer {
    /// The file; `-` for standard output or input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    storage: RawStorage,
    #[command(flatten)]
    log: RawLog,
}

/// What is said to `backup`.
#[derive(Args, Clone, Debug)]
pub struct RawBackup {
    #[command(flatten)]
    transfer: RawTransfer,
    #[command(flatten)]
    book: RawBook,
}

/// What is said to `restore`.
#[derive(Args, Clone, Debug)]
pub struct RawRestore {
    #[command(flatten)]
    backup: RawBackup,
    /// Add to a store that is not empty: what it lacks comes in, nothing of it is overwritten
    #[arg(long)]
    merge: bool,
}

/// A file and a store.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferSettings {
    /// The file; `-` for standard output or input.
    pub file: PathBuf,
    /// The store.
    pub storage: StorageSettings,
    /// What is told meanwhile, and how.
    pub log: LogSettings,
}

/// A file, a store, and its book of tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupSettings {
    /// The file and the store.
    pub transfer: TransferSettings,
    /// Where it is noted which tokens are good.
    pub book: BookPlace,
}

/// A file, a store with its book, and whether that may have something already.
#[derive(Clone, Debug, PartialEq)]
pub struct RestoreSettings {
    /// The file and the store.
    pub backup: BackupSettings,
    /// It may.
    pub merges: bool,
}

impl TryFrom<RawTransfer> for TransferSettings {
    type Error = SettingError;

    fn try_from(raw: RawTransfer) -> Result<Self, SettingError> {
        Ok(Self {
            file: raw.file,
            storage: raw.storage.try_into()?,
            log: raw.log.into(),
        })
    }
}

impl TryFrom<RawBackup> for BackupSettings {
    type Error = SettingError;

    fn try_from(raw: RawBackup) -> Result<Self, SettingError> {
        Ok(Self {
            book: raw.book.place(&raw.transfer.storage)?,
            transfer: raw.transfer.try_into()?,
        })
    }
}

impl TryFrom<RawRestore> for RestoreSettings {
    type Error = SettingError;

    fn try_from(raw: RawRestore) -> Result<Self, SettingError> {
        Ok(Self {
            backup: raw.backup.try_into()?,
            merges: raw.merge,
        })
    }
}
