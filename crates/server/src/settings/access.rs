//! Who may write.

use clap::Args;
use cojson::sync::WriteRule;

use super::value::value;

/// What is said about access.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Access")]
pub struct RawAccess {
    /// Who may write: `open`, whoever signs what it writes, as readers judge by themselves; or `members`, those to whom the
    /// group of a value gives the right. Deletions are an admin's in both
    #[arg(long = "write", env = "SYNC_MAIA_WRITE", value_name = "WHO", default_value = "open",
        value_parser = value(WRITE_ALLOWED, parse_write))]
    write: WriteRule,
}

const WRITE_ALLOWED: &str = "`open` or `members`";

fn parse_write(text: &str) -> Option<WriteRule> {
    match text {
        "open" => Some(WriteRule::AdminsDelete),
        "members" => Some(WriteRule::MembersWrite),
        _ => None,
    }
}

/// Who may do what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessSettings {
    /// Who may write.
    pub write: WriteRule,
}

impl From<RawAccess> for AccessSettings {
    fn from(raw: RawAccess) -> Self {
        Self { write: raw.write }
    }
}
