//! How servers that share a database hear of one another.

use clap::Args;

use super::storage::{DB_URL_ALLOWED, parse_db_url};
use super::value::{Secret, number, secret};

/// How servers that share a database hear of one another; each is checked as it is read.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "More than one server")]
pub struct WakeupSettings {
    /// The database of `postgres` past any pooler that does not keep a connection for each client: servers LISTEN to it
    /// [default: the database itself]
    #[arg(long, env = "SYNC_MAIA_DB_DIRECT_URL", value_name = "URL",
        value_parser = secret(DB_URL_ALLOWED, parse_db_url))]
    pub db_direct_url: Option<Secret>,
    /// How often what is in memory is compared with the database, should other servers have told in vain, in seconds
    #[arg(long, env = "SWEEP_SECONDS", value_name = "SECONDS", default_value = "30",
        value_parser = number::<u64>(1..=3_600, "a number of seconds"))]
    pub sweep_seconds: u64,
}
