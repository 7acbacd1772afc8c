//! What can go wrong with the disk, told apart by what the caller can do about it.

use wasm_bindgen::{JsCast, JsValue};

use crate::error::{Told, describe};

/// Why the storage did not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StorageError {
    /// There is no IndexedDB, or the browser refuses it.
    #[error(
        "The browser refuses IndexedDB here ({}). Allow this site to store data, leave private browsing, or open with storage: \"memory\".",
        describe(cause)
    )]
    Unavailable {
        /// What it threw.
        cause: JsValue,
    },
    /// The disk or the site's share of it is full.
    #[error(
        "The disk space for this site is used up ({}). Free space and try again; nothing of this change was stored.",
        describe(cause)
    )]
    Quota {
        /// What it threw.
        cause: JsValue,
    },
    /// A newer version of the application has converted the database.
    #[error(
        "The database was written by a newer version of this application. Reload the page to get it."
    )]
    Newer,
    /// Another page holds the database in a form that must go first.
    #[error("Another tab keeps the database from opening. Close this application's other tabs.")]
    Blocked,
    /// Closed by `close`, or because another page deletes or converts the database.
    #[error("The database is closed: {why}.")]
    Closed {
        /// Who closed it.
        why: &'static str,
    },
    /// The site's data was deleted while the application ran.
    #[error("The stored data was deleted while the application was open. Reload the page.")]
    Wiped,
    /// Anything else, after one more try.
    #[error("The database failed: {}.", describe(cause))]
    Failed {
        /// What it threw.
        cause: JsValue,
    },
}

impl Told for StorageError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "PLEIONE_E_STORAGE_UNAVAILABLE",
            Self::Quota { .. } => "PLEIONE_E_STORAGE_QUOTA",
            Self::Newer => "PLEIONE_E_STORAGE_NEWER",
            Self::Blocked => "PLEIONE_E_STORAGE_BLOCKED",
            Self::Closed { .. } => "PLEIONE_E_STORAGE_CLOSED",
            Self::Wiped => "PLEIONE_E_STORAGE_WIPED",
            Self::Failed { .. } => "PLEIONE_E_STORAGE_FAILED",
        }
    }

    fn cause(&self) -> Option<JsValue> {
        match self {
            Self::Unavailable { cause } | Self::Quota { cause } | Self::Failed { cause } => {
                Some(cause.clone())
            }
            _ => None,
        }
    }
}

impl StorageError {
    /// The error for what IndexedDB threw while the database was open.
    pub(super) fn from_thrown(cause: JsValue) -> Self {
        if name_of(&cause) == "QuotaExceededError" {
            Self::Quota { cause }
        } else {
            Self::Failed { cause }
        }
    }

    /// The error for what IndexedDB threw at opening.
    pub(super) fn from_open(cause: JsValue) -> Self {
        match name_of(&cause).as_str() {
            "VersionError" => Self::Newer,
            "QuotaExceededError" => Self::Quota { cause },
            _ => Self::Unavailable { cause },
        }
    }

    /// Whether trying again is of no use.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Closed { .. } | Self::Wiped | Self::Newer)
    }

    /// Whether a fresh connection may help: the old one was lost under us.
    pub(super) fn may_be_a_lost_connection(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

/// The exception's name; empty if it has none.
fn name_of(thrown: &JsValue) -> String {
    thrown
        .dyn_ref::<web_sys::DomException>()
        .map_or_else(String::new, web_sys::DomException::name)
}
