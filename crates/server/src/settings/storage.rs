//! Where logs are kept.

use std::path::PathBuf;

use clap::Args;

use super::value::{Secret, SettingError, secret, value};

/// The back ends by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StorageKind {
    /// `in-memory`
    InMemory,
    /// `sqlite`
    Sqlite,
    /// `pglite`
    Pglite,
    /// `postgres`
    Postgres,
}

impl StorageKind {
    /// What this build has. The name of what it lacks is known all the same: then the start says how to build it in.
    const ALLOWED: &str = if cfg!(feature = "pglite") {
        "`in-memory`, `sqlite`, `pglite` or `postgres`"
    } else {
        "`in-memory`, `sqlite` or `postgres`"
    };
    const HELP: &str = if cfg!(feature = "pglite") {
        "Where logs are kept: `sqlite`, a file; `postgres`, a database that several servers may share; `pglite`, a database \
         within this process; or `in-memory`, nowhere"
    } else {
        "Where logs are kept: `sqlite`, a file; `postgres`, a database that several servers may share; or `in-memory`, nowhere"
    };

    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "in-memory" => Self::InMemory,
            "sqlite" => Self::Sqlite,
            "pglite" => Self::Pglite,
            "postgres" => Self::Postgres,
            _ => return None,
        })
    }
}

/// What is said about storage.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Storage")]
pub struct RawStorage {
    #[arg(long = "storage", env = "SYNC_MAIA_STORAGE", value_name = "KIND", default_value = "sqlite", help = StorageKind::HELP,
        value_parser = value(StorageKind::ALLOWED, StorageKind::parse))]
    storage: StorageKind,
    #[arg(long, env = "DB_PATH", value_name = "PATH", default_value = "./local-sync.db", help = PATH_HELP)]
    db_path: PathBuf,
    /// The database of `postgres`: `postgres://user:password@host/name`
    #[arg(long, env = "SYNC_MAIA_DB_URL", value_name = "URL",
        value_parser = secret(DB_URL_ALLOWED, parse_db_url))]
    db_url: Option<Secret>,
    /// A file of certificates (PEM) that vouch for the database's; else the system's do
    #[arg(long, env = "SYNC_MAIA_DB_ROOT_CERT", value_name = "PATH")]
    db_root_cert: Option<PathBuf>,
}

const PATH_HELP: &str = if cfg!(feature = "pglite") {
    "The SQLite file, or PGlite's folder; made if it is missing"
} else {
    "The SQLite file; made if it is missing"
};

pub(super) const DB_URL_ALLOWED: &str = "`postgres://user:password@host/name`";

pub(super) fn parse_db_url(text: &str) -> Option<Secret> {
    let is_url = ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    is_url.then(|| Secret::new(text))
}

/// Where logs are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageSettings {
    /// Nowhere: they are gone when the process ends.
    InMemory,
    /// In an `SQLite` file.
    Sqlite {
        /// The file; made if it is missing.
        path: PathBuf,
    },
    /// In a folder of `PGlite`, within this process.
    Pglite {
        /// The folder; made if it is missing.
        path: PathBuf,
    },
    /// In a database that speaks `PostgreSQL`'s protocol.
    Postgres {
        /// Where it is, and with which name and password it is opened.
        url: Secret,
        /// The certificates that vouch for it, if not the system's.
        root_certificate: Option<PathBuf>,
    },
}

impl RawStorage {
    /// A file beside the database's: its name with this behind it.
    pub(crate) fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.db_path.clone().into_os_string();
        name.push(ending);
        name.into()
    }
}

impl StorageSettings {
    /// Whether other servers may write there too, so that a write can be refused for what one of them wrote first.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres { .. })
    }
}

impl TryFrom<RawStorage> for StorageSettings {
    type Error = SettingError;

    fn try_from(raw: RawStorage) -> Result<Self, SettingError> {
        let path = raw.db_path;
        Ok(match raw.storage {
            StorageKind::InMemory => Self::InMemory,
            StorageKind::Sqlite => Self::Sqlite { path },
            StorageKind::Pglite => Self::Pglite { path },
            StorageKind::Postgres => match raw.db_url {
                Some(url) => Self::Postgres {
                    url,
                    root_certificate: raw.db_root_cert,
                },
                None => return Err(SettingError::new("SYNC_MAIA_DB_URL", "", DB_URL_ALLOWED)),
            },
        })
    }
}
