//! The actors that the command line names: files of definitions, or ids of published ones.

use std::convert::Infallible;
use std::fmt::{Display, Formatter};
use std::path::PathBuf;
use std::str::FromStr;

use cojson::ids::CoId;
use cojson::json::Json;

/// Where a definition is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefinitionSource {
    /// In a file of JSON.
    File(PathBuf),
    /// In a value that somebody has published, live.
    Published(CoId),
}

/// A file that holds no definition. Names the setting that is to be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("AGENT_MAIA_ACTORS={path}: expected a file of an actor's definition (JSON): {detail}")]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub detail: String,
}

impl FromStr for DefinitionSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let published = CoId::parse(text).map(Self::Published);
        Ok(published.unwrap_or_else(|_| Self::File(text.into())))
    }
}

impl Display for DefinitionSource {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Published(id) => id.fmt(f),
        }
    }
}

/// Reads a file.
pub(crate) fn read_file(path: &PathBuf) -> Result<Json, FileError> {
    let wrong = |detail: String| FileError {
        path: path.clone(),
        detail,
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    Json::parse(&text).map_err(|error| wrong(error.to_string()))
}
