//! What the command `stats` is told: which store, and how to tell.

use clap::Args;

use super::value::{SettingError, number};
use super::{RawLog, RawStorage, StorageSettings};
use crate::log::LogSettings;

/// What is said to `stats`.
#[derive(Args, Clone, Debug)]
pub struct RawStats {
    /// Tell it as one line of JSON, bytes as they are
    #[arg(long)]
    json: bool,
    /// How many of the largest values are told
    #[arg(long, value_name = "COUNT", default_value = "10",
        value_parser = number::<usize>(0..=100_000, "a number"))]
    largest: usize,
    #[command(flatten)]
    storage: RawStorage,
    #[command(flatten)]
    log: RawLog,
}

/// A store to be looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct StatsSettings {
    /// Whether machines are told.
    pub is_json: bool,
    /// How many of the largest values.
    pub largest_max: usize,
    /// The store.
    pub storage: StorageSettings,
    /// What is told besides, and how.
    pub log: LogSettings,
}

impl TryFrom<RawStats> for StatsSettings {
    type Error = SettingError;

    fn try_from(raw: RawStats) -> Result<Self, SettingError> {
        Ok(Self {
            is_json: raw.json,
            largest_max: raw.largest,
            storage: raw.storage.try_into()?,
            log: raw.log.into(),
        })
    }
}
