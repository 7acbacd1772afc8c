//! What goes wrong while the database is asked, and whether asking again may help.

use tokio_postgres::error::SqlState;

use crate::{LoadError, WriteError};

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Another server wrote the same session in between; nothing of ours was kept.
    #[error("another server writes the same sessions")]
    Raced,
    /// It says no, or the connection broke.
    #[error("{}", told(.0))]
    Database(#[from] tokio_postgres::Error),
    /// There is no connection to it.
    #[error("no connection: {0}")]
    Connection(String),
    /// It takes too long.
    #[error("the database does not answer in time")]
    TimedOut,
    /// The record of the value is damaged.
    #[error(transparent)]
    Record(LoadError),
}

/// What helps when a statement that was prepared is not there, or one is that was not.
const POOLER_CURE: &str =
    " (is there a pooler between transactions? Then SYNC_MAIA_DB_URL must say `pgbouncer=true`)";

/// The library tells a database's error by its kind alone; what the database says is its cause.
fn told(error: &tokio_postgres::Error) -> String {
    let lost_statement = [
        &SqlState::INVALID_SQL_STATEMENT_NAME,
        &SqlState::DUPLICATE_PSTATEMENT,
    ];
    let is_lost = |code| lost_statement.contains(&code);
    let cure = error.code().filter(|code| is_lost(*code));
    let cure = cure.map_or("", |_| POOLER_CURE);
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}{cure}"),
        None => error.to_string(),
    }
}

impl From<deadpool_postgres::PoolError> for Failure {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => Self::Connection(told(&error)),
            other => Self::Connection(other.to_string()),
        }
    }
}

impl Failure {
    /// Whether it only tells that something failed before it in the same transaction.
    pub(super) fn is_echo(&self) -> bool {
        let code = match self {
            Self::Database(error) => error.code(),
            _ => None,
        };
        code == Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
    }

    /// Whether the database cannot be asked anything.
    fn is_away(&self) -> bool {
        match self {
            Self::Connection(_) | Self::TimedOut => true,
            Self::Database(error) => error.is_closed() || error.code().is_none_or(is_leaving),
            Self::Raced | Self::Record(_) => false,
        }
    }

    /// Whether asking again may help: somebody else was faster, or the database is away for a moment.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Raced | Self::Connection(_) => true,
            Self::Database(error) => error.is_closed() || error.code().is_none_or(is_passing),
            Self::TimedOut | Self::Record(_) => false,
        }
    }
}

/// A server that stops or starts, or has no room.
fn is_leaving(code: &SqlState) -> bool {
    let codes = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
    ];
    codes.contains(code)
}

/// A row that somebody else made first, an order of locks that cannot be, or a database that is away for a moment.
fn is_passing(code: &SqlState) -> bool {
    let codes = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_TABLE,
    ];
    codes.contains(code) || is_leaving(code)
}

impl From<Failure> for LoadError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Record(error) => error,
            away if away.is_away() => Self::Away {
                detail: away.to_string(),
            },
            other => Self::Database {
                detail: other.to_string(),
            },
        }
    }
}

impl From<Failure> for WriteError {
    fn from(failure: Failure) -> Self {
        Self::Database {
            detail: failure.to_string(),
        }
    }
}
