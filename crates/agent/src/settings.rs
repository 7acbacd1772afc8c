//! Settings: what flags and the environment say (raw) made into what the agent runs on (checked types).
//!
//! Every setting is one field of the raw form: its flag, its variable, its default, what it may say, its help. A flag goes
//! before its variable; an empty variable counts as not set.

mod http;
mod sync_address;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use cojson::crypto::AgentSecret;
use cojson::ids::CoId;
use service::log::{LogSettings, RawLog};
use service::setting::{CliError, Secret, secret, value, with_environment};

pub use http::{HostRule, HttpToolSettings, RawHttpTool};
pub use sync_address::SyncAddress;

use crate::definitions::DefinitionSource;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "pleione-agent",
    version,
    about = "The headless host: runs an account's actors without a screen",
    after_help = "Every setting is a flag or a variable; the flag goes first.",
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<RawCommand>,
    #[command(flatten)]
    run: RawSettings,
}

/// The commands.
#[derive(Debug, Subcommand)]
enum RawCommand {
    /// Make the secret of a new account, and print it with the account's id as variables
    Account,
}

/// What the process was asked to do.
#[derive(Debug)]
pub enum Command {
    /// Host actors until told to stop.
    Run(Box<Settings>),
    /// Make the secret of a new account.
    Account,
}

/// What the agent is told, by flags and variables.
#[derive(Args, Clone, Debug)]
struct RawSettings {
    /// The account it must be; the secret's, or else it does not start
    #[arg(long, env = "AGENT_MAIA_AGENT_ACCOUNT_ID", value_name = "ID",
        value_parser = value("an account's id (co_z…)", |text| CoId::parse(text).ok()))]
    account_id: Option<CoId>,
    /// The account's secret [default: the one that storage keeps, or else a new one that it keeps from then on]
    #[arg(long, env = "AGENT_MAIA_AGENT_SECRET", value_name = "SECRET",
        value_parser = secret(SECRET_ALLOWED, parse_secret))]
    agent_secret: Option<Secret>,
    /// The name in the account's profile
    #[arg(long, env = "AGENT_MAIA_PROFILE_NAME", value_name = "NAME")]
    profile_name: Option<String>,
    /// Where logs are kept: `sqlite`, a file; `pglite`, a database within this process; or `in-memory`, nowhere
    #[arg(long = "storage", env = "AGENT_MAIA_STORAGE", value_name = "KIND", default_value = "sqlite",
        value_parser = value(StorageKind::ALLOWED, StorageKind::parse))]
    storage: StorageKind,
    /// The `SQLite` file, or `PGlite`'s folder; made if it is missing
    #[arg(
        long,
        env = "AGENT_MAIA_DB_PATH",
        value_name = "PATH",
        default_value = "./local-agent.db"
    )]
    db_path: PathBuf,
    /// The sync server: `sync.example.org`, `localhost:4203`, or a whole address; without one nothing is synced
    #[arg(long, env = "AGENT_MAIA_SYNC_DOMAIN", value_name = "DOMAIN",
        value_parser = value(SyncAddress::ALLOWED, SyncAddress::parse))]
    sync_domain: Option<SyncAddress>,
    /// An actor to host: a file of its definition (JSON), or the id of a published one; may be given several times, or
    /// separated by commas [default: every definition that the account has published]
    #[arg(
        long = "actor",
        env = "AGENT_MAIA_ACTORS",
        value_name = "FILE|ID",
        value_delimiter = ','
    )]
    actors: Vec<DefinitionSource>,
    /// Where `/health`, `/profile` and `/trigger` are served; port 0 for any free one
    #[arg(long, env = "AGENT_MAIA_HTTP_ADDRESS", value_name = "IP:PORT", default_value = "127.0.0.1:4204",
        value_parser = value("an IP address and a port (`127.0.0.1:4204`)", |text| text.parse::<SocketAddr>().ok()))]
    http_address: SocketAddr,
    /// Whoever shows this token may read `/profile` and post to `/trigger`; without one nobody may
    #[arg(long, env = "AGENT_MAIA_HTTP_TOKEN", value_name = "TOKEN",
        value_parser = secret(TOKEN_ALLOWED, parse_token))]
    http_token: Option<Secret>,
    #[command(flatten)]
    http_tool: RawHttpTool,
    #[command(flatten)]
    log: RawLog,
}

const SECRET_ALLOWED: &str = "an agent's secret (sealerSecret_z…/signerSecret_z…)";

fn parse_secret(text: &str) -> Option<Secret> {
    AgentSecret::parse(text).ok().map(|_| Secret::new(text))
}

/// The fewest characters of a token.
const TOKEN_CHARS_MIN: usize = 16;

const TOKEN_ALLOWED: &str = "at least 16 visible characters without spaces";

fn parse_token(text: &str) -> Option<Secret> {
    let is_visible = text.chars().all(|character| character.is_ascii_graphic());
    (is_visible && text.len() >= TOKEN_CHARS_MIN).then(|| Secret::new(text))
}

/// The back ends by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StorageKind {
    /// `in-memory`
    InMemory,
    /// `sqlite`
    Sqlite,
    /// `pglite`
    Pglite,
}

impl StorageKind {
    const ALLOWED: &str = "`in-memory`, `sqlite` or `pglite`";

    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "in-memory" => Self::InMemory,
            "sqlite" => Self::Sqlite,
            "pglite" => Self::Pglite,
            _ => return None,
        })
    }
}

/// Where logs are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageSettings {
    /// Nowhere: they are gone when the process ends.
    InMemory,
    /// In an `SQLite` file.
    Sqlite(PathBuf),
    /// In a folder of `PGlite`, within this process.
    Pglite(PathBuf),
}

/// What the agent runs on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The account that it must be, if that is said.
    pub account_id: Option<CoId>,
    /// Whose secret it has, if that is said.
    pub agent_secret: Option<Secret>,
    /// The name in the profile.
    pub profile_name: Option<String>,
    /// Where logs are kept.
    pub storage: StorageSettings,
    /// The sync server.
    pub sync: Option<SyncAddress>,
    /// The actors that are named; none for all that the account has published.
    pub actors: Vec<DefinitionSource>,
    /// Where it answers by HTTP.
    pub http_address: SocketAddr,
    /// Who may ask more than its health.
    pub http_token: Option<Secret>,
    /// What the tool `@http/request` may do.
    pub http_tool: HttpToolSettings,
    /// What it says of itself, and how.
    pub log: LogSettings,
}

impl From<RawSettings> for Settings {
    fn from(raw: RawSettings) -> Self {
        Self {
            account_id: raw.account_id,
            agent_secret: raw.agent_secret,
            profile_name: raw.profile_name,
            storage: match raw.storage {
                StorageKind::InMemory => StorageSettings::InMemory,
                StorageKind::Sqlite => StorageSettings::Sqlite(raw.db_path),
                StorageKind::Pglite => StorageSettings::Pglite(raw.db_path),
            },
            sync: raw.sync_domain,
            actors: raw.actors,
            http_address: raw.http_address,
            http_token: raw.http_token,
            http_tool: raw.http_tool.into(),
            log: raw.log.into(),
        }
    }
}

impl Command {
    /// What this process was started for.
    ///
    /// # Errors
    /// When a setting or the command line cannot be used, and when help was asked for.
    pub fn from_process() -> Result<Self, CliError> {
        Self::from_arguments(std::env::args_os(), true)
    }

    pub(crate) fn from_arguments(
        arguments: impl IntoIterator<Item = impl Into<std::ffi::OsString> + Clone>,
        reads_environment: bool,
    ) -> Result<Self, CliError> {
        let mut command = with_environment(Cli::command(), |_| reads_environment);
        let matches = command.try_get_matches_from_mut(arguments)?;
        let cli = Cli::from_arg_matches(&matches)?;
        Ok(match cli.command {
            Some(RawCommand::Account) => Self::Account,
            None => Self::Run(Box::new(cli.run.into())),
        })
    }
}

#[cfg(test)]
mod tests;
