//! The folders that are served as pages.

use std::path::{Path, PathBuf};

use clap::Args;

/// What is said about pages.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Pages")]
pub struct RawPages {
    /// A folder whose files are served at `/`
    #[arg(long, env = "WWW_DIR", value_name = "PATH")]
    www_dir: Option<PathBuf>,
    /// A folder whose files are served at `/pkg/` [default: `pkg` beside the pages]
    #[arg(long, env = "PKG_DIR", value_name = "PATH")]
    pkg_dir: Option<PathBuf>,
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

impl RawPages {
    /// The pages that are to be served, if any.
    pub(super) fn checked(self) -> Option<PageSettings> {
        let pkg_is_named = self.pkg_dir.is_some();
        self.www_dir.map(|www| PageSettings {
            pkg: self.pkg_dir.unwrap_or_else(|| beside(&www)),
            pkg_is_named,
            www,
        })
    }
}

/// `www` may be written with a trailing slash or as `.`, so "beside" is its parent only when it has one.
fn beside(www: &Path) -> PathBuf {
    match www.parent() {
        Some(parent) if www.file_name().is_some() => parent.join("pkg"),
        _ => www.join("../pkg"),
    }
}
