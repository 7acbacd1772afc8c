//! Who may connect, and who may write.

use std::path::PathBuf;

use clap::Args;
use cojson::sync::WriteRule;

use super::storage::{RawStorage, StorageSettings};
use super::value::{Secret, SettingError, value};
use crate::guard::origin::Origins;

/// What is said about access.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Access")]
pub struct RawAccess {
    /// Who may write: `open`, whoever signs what it writes, as readers judge by themselves; or `members`, those to whom the
    /// group of a value gives the right. Deletions are an admin's in both
    #[arg(long = "write", env = "SYNC_MAIA_WRITE", value_name = "WHO", default_value = "open",
        value_parser = value(WRITE_ALLOWED, parse_write))]
    write: WriteRule,
    /// Who may connect: `none`, everybody; or `token`, who shows a token that was made with `pleione-sync token new` or
    /// signed by a key that is trusted
    #[arg(long = "auth", env = "SYNC_MAIA_AUTH", value_name = "HOW", default_value = "none",
        value_parser = value(AUTH_ALLOWED, parse_auth))]
    needs_token: bool,
    #[command(flatten)]
    book: RawBook,
    /// The origins whose pages may connect: `any`, or a list (`https://app.example,same`); `same` is the one that the
    /// server is reached under
    #[arg(long, env = "SYNC_MAIA_ORIGINS", value_name = "LIST", default_value = "any",
        value_parser = value(ORIGINS_ALLOWED, Origins::parse))]
    origins: Origins,
}

/// What is said about where tokens are noted.
#[derive(Args, Clone, Debug)]
pub struct RawBook {
    /// The file that says which keys sign tokens and which tokens are revoked [default: the database, if it is
    /// `postgres`; else `DB_PATH` with `.tokens` behind it]
    #[arg(long, env = "SYNC_MAIA_AUTH_FILE", value_name = "PATH")]
    auth_file: Option<PathBuf>,
}

const WRITE_ALLOWED: &str = "`open` or `members`";
const AUTH_ALLOWED: &str = "`none` or `token`";
const ORIGINS_ALLOWED: &str =
    "`any`, or origins separated by commas: `https://app.example,http://localhost:5173,same`";

fn parse_write(text: &str) -> Option<WriteRule> {
    match text {
        "open" => Some(WriteRule::AdminsDelete),
        "members" => Some(WriteRule::MembersWrite),
        _ => None,
    }
}

fn parse_auth(text: &str) -> Option<bool> {
    match text {
        "none" => Some(false),
        "token" => Some(true),
        _ => None,
    }
}

/// Who may do what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessSettings {
    /// Who may write.
    pub write: WriteRule,
    /// Where it is noted which tokens are good, if one is needed to connect.
    pub tokens: Option<BookPlace>,
    /// Whose pages may connect.
    pub origins: Origins,
}

/// Where it is noted which keys sign tokens, and which tokens are revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookPlace {
    /// In a file.
    File(PathBuf),
    /// In the database that the logs are in.
    Postgres {
        /// Where it is, and with which name and password it is opened.
        url: Secret,
        /// The certificates that vouch for it, if not the system's.
        root_certificate: Option<PathBuf>,
    },
}

impl RawBook {
    /// Where it is, for logs that are kept there.
    pub(crate) fn place(self, storage: &RawStorage) -> Result<BookPlace, SettingError> {
        if let Some(path) = self.auth_file {
            return Ok(BookPlace::File(path));
        }
        Ok(match StorageSettings::try_from(storage.clone())? {
            StorageSettings::Postgres {
                url,
                root_certificate,
            } => BookPlace::Postgres {
                url,
                root_certificate,
            },
            _ => BookPlace::File(storage.beside(".tokens")),
        })
    }
}

impl RawAccess {
    /// The settings, for logs that are kept there.
    pub(super) fn checked(self, storage: &RawStorage) -> Result<AccessSettings, SettingError> {
        let tokens = self.needs_token.then(|| self.book.place(storage));
        Ok(AccessSettings {
            write: self.write,
            tokens: tokens.transpose()?,
            origins: self.origins,
        })
    }
}
