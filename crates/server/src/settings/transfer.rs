//! What the commands that move logs are told: which file, and which store.

use std::path::PathBuf;

use clap::Args;

use super::value::SettingError;
use super::{RawLog, RawStorage, StorageSettings};
use crate::log::LogSettings;

/// What is said to `export`, `import` and `backup`.
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

/// What is said to `restore`.
#[derive(Args, Clone, Debug)]
pub struct RawRestore {
    #[command(flatten)]
    transfer: RawTransfer,
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

/// A file, a store, and whether that may have something already.
#[derive(Clone, Debug, PartialEq)]
pub struct RestoreSettings {
    /// The file and the store.
    pub transfer: TransferSettings,
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

impl TryFrom<RawRestore> for RestoreSettings {
    type Error = SettingError;

    fn try_from(raw: RawRestore) -> Result<Self, SettingError> {
        Ok(Self {
            transfer: raw.transfer.try_into()?,
            merges: raw.merge,
        })
    }
}
