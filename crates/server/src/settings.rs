//! Settings: what flags and the environment say (raw) made into what the server runs on (checked types).
//!
//! Every setting is one field of a raw group: its flag, its variable, its default, what it may say, its help. A value that
//! stands alone is checked as it is read; what must fit together is checked where the group becomes its settings. A flag
//! goes before its variable; an empty variable counts as not set. Pure but for reading the environment: whether a path or
//! an address can be used is found out when the server starts.

mod access;
mod limits;
mod operator;
mod pages;
mod stats;
mod storage;
mod tls;
mod transfer;
mod wakeups;

use std::net::{IpAddr, SocketAddr};

use clap::Args;

pub use access::{AccessSettings, BookPlace, RawAccess, RawBook};
pub use limits::LimitSettings;
pub use operator::OperatorSettings;
pub use pages::{PageSettings, RawPages};
pub use service::log::RawLog;
use service::setting as value;
pub(crate) use service::setting::with_environment;
pub use service::setting::{Secret, SettingError};
pub use stats::{RawStats, StatsSettings};
pub use storage::{RawStorage, StorageSettings};
pub use tls::{RawTls, TlsSettings};
pub use transfer::{
    BackupSettings, RawBackup, RawRestore, RawTransfer, RestoreSettings, TransferSettings,
};
pub use wakeups::WakeupSettings;

use crate::guard::address::TrustedProxies;
use crate::log::LogSettings;
use value::{number, value};

/// What the server is told, by flags and variables.
#[derive(Args, Clone, Debug)]
pub struct RawSettings {
    /// The IP address it listens on; `127.0.0.1` for this machine alone
    #[arg(long, env = "BIND_ADDRESS", value_name = "IP", default_value = "0.0.0.0",
        value_parser = value(BIND_ADDRESS_ALLOWED, |text| text.parse::<IpAddr>().ok()))]
    bind_address: IpAddr,
    /// The port; 0 for any free one: the start line says which
    #[arg(long, env = "PORT", value_name = "NUMBER", default_value = "4203",
        value_parser = number::<u16>(0..=u16::MAX, "a number (0: any free port)"))]
    port: u16,
    /// Networks whose proxies say in `X-Forwarded-For` whom they forward for: `10.0.0.0/8,127.0.0.1`
    #[arg(long, env = "TRUSTED_PROXIES", value_name = "NETWORKS",
        value_parser = value(PROXIES_ALLOWED, TrustedProxies::parse))]
    trusted_proxies: Option<TrustedProxies>,
    #[command(flatten)]
    storage: RawStorage,
    #[command(flatten)]
    wakeups: WakeupSettings,
    #[command(flatten)]
    pages: RawPages,
    #[command(flatten)]
    access: RawAccess,
    #[command(flatten)]
    tls: RawTls,
    #[command(flatten)]
    limits: LimitSettings,
    #[command(flatten)]
    operator: OperatorSettings,
    #[command(flatten)]
    log: RawLog,
}

const BIND_ADDRESS_ALLOWED: &str =
    "an IP address (`0.0.0.0` for all, `127.0.0.1` for this machine alone)";

const PROXIES_ALLOWED: &str =
    "IP addresses or networks, separated by commas: `10.0.0.0/8,127.0.0.1`";

/// What the server runs on.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Whose word for a client's address counts.
    pub proxies: TrustedProxies,
    /// Where logs are kept.
    pub storage: StorageSettings,
    /// How it hears of others that share its storage.
    pub wakeups: WakeupSettings,
    /// The pages it serves, if any.
    pub pages: Option<PageSettings>,
    /// Who may do what.
    pub access: AccessSettings,
    /// The certificate that it shows, if it speaks TLS itself.
    pub tls: Option<TlsSettings>,
    /// What clients may cost.
    pub limits: LimitSettings,
    /// Where it is looked at.
    pub operator: OperatorSettings,
    /// What it says of itself, and how.
    pub log: LogSettings,
}

impl TryFrom<RawSettings> for Settings {
    type Error = SettingError;

    fn try_from(raw: RawSettings) -> Result<Self, SettingError> {
        Ok(Self {
            listen: SocketAddr::new(raw.bind_address, raw.port),
            proxies: raw.trusted_proxies.unwrap_or_default(),
            access: raw.access.checked(&raw.storage)?,
            storage: raw.storage.try_into()?,
            wakeups: raw.wakeups,
            pages: raw.pages.checked(),
            tls: raw.tls.checked()?,
            limits: raw.limits,
            operator: raw.operator,
            log: raw.log.into(),
        })
    }
}

#[cfg(test)]
mod tests;
