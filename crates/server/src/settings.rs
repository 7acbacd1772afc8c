//! Settings: what the environment says (raw text) made into what the server runs on (checked types).
//!
//! Pure: reads the environment only in [`RawSettings::from_environment`], never the file system or the network.
//! Whether a path or an address can be used is found out when the server starts.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The port when `PORT` is not set.
pub const PORT_DEFAULT: u16 = 4203;
/// The longest frame that is read when `FRAME_BYTES_MAX` is not set. Genuine clients join what they queued while
/// offline into one frame, so it is far above the largest transaction (1 MiB).
pub const FRAME_BYTES_MAX_DEFAULT: usize = 32 << 20;
/// The smallest bound of a frame: the largest transaction (1 MiB), sealed and quoted, fits in it.
pub const FRAME_BYTES_MAX_LEAST: usize = 4 << 20;
/// The greatest bound of a frame.
pub const FRAME_BYTES_MAX_MOST: usize = 1 << 30;

/// A setting that cannot be used: which, what it said, and what it may say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}={found}: expected {allowed}")]
pub struct SettingError {
    /// The environment variable.
    pub variable: &'static str,
    /// What it held.
    pub found: String,
    /// What it may hold.
    pub allowed: String,
}

/// The settings as text, as the environment gives them. Empty counts as not set.
#[derive(Clone, Debug, Default)]
pub struct RawSettings {
    /// `SYNC_MAIA_STORAGE`
    pub storage: Option<OsString>,
    /// `DB_PATH`
    pub db_path: Option<OsString>,
    /// `BIND_ADDRESS`
    pub bind_address: Option<OsString>,
    /// `PORT`
    pub port: Option<OsString>,
    /// `WWW_DIR`
    pub www_dir: Option<OsString>,
    /// `PKG_DIR`
    pub pkg_dir: Option<OsString>,
    /// `FRAME_BYTES_MAX`
    pub frame_bytes_max: Option<OsString>,
}

impl RawSettings {
    /// What this process was started with.
    pub fn from_environment() -> Self {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    /// What `lookup` says of each variable.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let get = |name| lookup(name).filter(|text| !text.is_empty());
        Self {
            storage: get("SYNC_MAIA_STORAGE"),
            db_path: get("DB_PATH"),
            bind_address: get("BIND_ADDRESS"),
            port: get("PORT"),
            www_dir: get("WWW_DIR"),
            pkg_dir: get("PKG_DIR"),
            frame_bytes_max: get("FRAME_BYTES_MAX"),
        }
    }
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
}

/// The folders that are served as pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageSettings {
    /// Served at `/`.
    pub www: PathBuf,
    /// Served at `/pkg/`.
    pub pkg: PathBuf,
    /// Whether `PKG_DIR` was named; if so it must be there at start.
    pub pkg_is_named: bool,
}

/// What the server runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Where logs are kept.
    pub storage: StorageSettings,
    /// The pages it serves, if any.
    pub pages: Option<PageSettings>,
    /// The longest WebSocket message that is read.
    pub frame_bytes_max: usize,
}

impl TryFrom<&RawSettings> for Settings {
    type Error = SettingError;

    fn try_from(raw: &RawSettings) -> Result<Self, SettingError> {
        let address = parse_address(raw.bind_address.as_ref())?;
        let port = parse_port(raw.port.as_ref())?;
        Ok(Self {
            listen: SocketAddr::new(address, port),
            storage: parse_storage(raw.storage.as_ref(), raw.db_path.as_ref())?,
            pages: raw
                .www_dir
                .as_ref()
                .map(|www| pages(Path::new(www), raw.pkg_dir.as_ref())),
            frame_bytes_max: parse_frame_bytes_max(raw.frame_bytes_max.as_ref())?,
        })
    }
}

fn refuse(variable: &'static str, found: &OsString, allowed: impl Into<String>) -> SettingError {
    SettingError {
        variable,
        found: found.to_string_lossy().chars().take(200).collect(),
        allowed: allowed.into(),
    }
}

fn parse_storage(
    storage: Option<&OsString>,
    db_path: Option<&OsString>,
) -> Result<StorageSettings, SettingError> {
    let path = || db_path.map_or_else(|| "./local-sync.db".into(), PathBuf::from);
    let Some(text) = storage else {
        return Ok(StorageSettings::Sqlite { path: path() });
    };
    match text.to_str() {
        Some("sqlite") => Ok(StorageSettings::Sqlite { path: path() }),
        Some("in-memory") => Ok(StorageSettings::InMemory),
        _ => Err(refuse("SYNC_MAIA_STORAGE", text, "`in-memory` or `sqlite`")),
    }
}

fn parse_address(text: Option<&OsString>) -> Result<IpAddr, SettingError> {
    let Some(text) = text else {
        return Ok(Ipv4Addr::UNSPECIFIED.into());
    };
    let parsed = text.to_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| {
        refuse(
            "BIND_ADDRESS",
            text,
            "an IP address (`0.0.0.0` for all, `127.0.0.1` for this machine alone)",
        )
    })
}

fn parse_port(text: Option<&OsString>) -> Result<u16, SettingError> {
    let Some(text) = text else {
        return Ok(PORT_DEFAULT);
    };
    let parsed = text.to_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| refuse("PORT", text, "a number from 0 to 65535 (0: any free port)"))
}

fn parse_frame_bytes_max(text: Option<&OsString>) -> Result<usize, SettingError> {
    let Some(text) = text else {
        return Ok(FRAME_BYTES_MAX_DEFAULT);
    };
    let allowed = FRAME_BYTES_MAX_LEAST..=FRAME_BYTES_MAX_MOST;
    let parsed = text.to_str().and_then(|text| text.parse().ok());
    parsed
        .filter(|bytes| allowed.contains(bytes))
        .ok_or_else(|| {
            let range = format!(
                "a number of bytes from {} to {}",
                allowed.start(),
                allowed.end()
            );
            refuse("FRAME_BYTES_MAX", text, range)
        })
}

fn pages(www: &Path, pkg: Option<&OsString>) -> PageSettings {
    // `www` may be written with a trailing slash or as `.`, so "beside" is its parent only when it has one.
    let beside = || match www.parent() {
        Some(parent) if www.file_name().is_some() => parent.join("pkg"),
        _ => www.join("../pkg"),
    };
    PageSettings {
        www: www.to_owned(),
        pkg: pkg.map_or_else(beside, PathBuf::from),
        pkg_is_named: pkg.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, SettingError> {
        let raw = RawSettings::from_lookup(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.into())
        });
        Settings::try_from(&raw)
    }

    #[test]
    fn with_nothing_set_logs_are_kept_in_a_file() {
        let settings = settings(&[]).unwrap();
        assert_eq!(settings.listen.to_string(), "0.0.0.0:4203");
        let path = "./local-sync.db".into();
        assert_eq!(settings.storage, StorageSettings::Sqlite { path });
        assert_eq!(settings.pages, None);
        assert_eq!(settings.frame_bytes_max, FRAME_BYTES_MAX_DEFAULT);
    }

    #[test]
    fn every_setting_is_taken_as_written() {
        let settings = settings(&[
            ("SYNC_MAIA_STORAGE", "sqlite"),
            ("DB_PATH", "/data/sync.db"),
            ("BIND_ADDRESS", "::1"),
            ("PORT", "0"),
            ("WWW_DIR", "/srv/www"),
            ("PKG_DIR", "/srv/build"),
            ("FRAME_BYTES_MAX", "8388608"),
        ])
        .unwrap();
        assert_eq!(settings.listen.to_string(), "[::1]:0");
        let path = "/data/sync.db".into();
        assert_eq!(settings.storage, StorageSettings::Sqlite { path });
        let pages = settings.pages.unwrap();
        assert_eq!(pages.pkg, PathBuf::from("/srv/build"));
        assert!(pages.pkg_is_named);
        assert_eq!(settings.frame_bytes_max, 8 << 20);
    }

    #[test]
    fn the_package_is_looked_for_beside_the_pages() {
        for (www, pkg) in [
            ("/srv/www", "/srv/pkg"),
            ("www", "pkg"),
            ("www/", "pkg"),
            ("..", "../../pkg"),
            ("/", "/../pkg"),
        ] {
            let pages = settings(&[("WWW_DIR", www)]).unwrap().pages.unwrap();
            assert_eq!(pages.pkg, PathBuf::from(pkg), "{www}");
        }
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let settings = settings(&[("PORT", ""), ("WWW_DIR", ""), ("SYNC_MAIA_STORAGE", "")]);
        assert_eq!(settings.unwrap().listen.port(), PORT_DEFAULT);
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_it_may_be() {
        for (variable, value, allowed) in [
            ("SYNC_MAIA_STORAGE", "postgres", "`in-memory` or `sqlite`"),
            ("SYNC_MAIA_STORAGE", "SQLite", "`in-memory` or `sqlite`"),
            ("PORT", "65536", "a number from 0 to 65535"),
            ("PORT", "http", "a number from 0 to 65535"),
            ("BIND_ADDRESS", "localhost", "an IP address"),
            ("FRAME_BYTES_MAX", "1024", "from 4194304 to 1073741824"),
        ] {
            let error = settings(&[(variable, value)]).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("{variable}={value}: ")),
                "{error}"
            );
            assert!(error.contains(allowed), "{error}");
        }
    }
}
