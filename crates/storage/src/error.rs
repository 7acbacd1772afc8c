//! What can go wrong with storage, as values: damage of a record, a value that cannot be read, a batch that was not kept.

use cojson::ids::{CoId, SessionId};

/// A session whose record is damaged. Peers that have the rest send it again, and writing it mends the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("session {session} is readable up to transaction {readable} of {expected}: {detail}")]
pub struct Damage {
    /// The session, as it is written in the record.
    pub session: String,
    /// How many transactions could be read.
    pub readable: u32,
    /// How many there should be.
    pub expected: u32,
    /// What stands where the next one should be.
    pub detail: String,
}

/// A value that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The value's header is not one.
    #[error("the stored header of {id} is damaged: {detail}")]
    DamagedHeader {
        /// The value.
        id: CoId,
        /// What is wrong with it.
        detail: String,
    },
    /// The database answers, but cannot read it.
    #[error("the database cannot be read: {detail}")]
    Database {
        /// What the database says.
        detail: String,
    },
    /// The database does not answer: nothing can be read.
    #[error("the database does not answer: {detail}")]
    Away {
        /// What stands in the way.
        detail: String,
    },
}

impl LoadError {
    /// Whether nothing at all can be read.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Away { .. })
    }
}

impl From<rusqlite::Error> for LoadError {
    fn from(error: rusqlite::Error) -> Self {
        let detail = error.to_string();
        Self::Database { detail }
    }
}

/// A batch that could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Transactions of a value whose header was never written.
    #[error("{id} has no stored header, so its transactions cannot be kept")]
    NoHeader {
        /// The value.
        id: CoId,
    },
    /// Transactions that do not follow those that are kept.
    #[error(
        "{id}: transactions from {after} on do not follow the {have} that are kept of {session}"
    )]
    Gap {
        /// The value.
        id: CoId,
        /// The session.
        session: SessionId,
        /// How many are kept.
        have: u32,
        /// Where the new ones start.
        after: u32,
    },
    /// Another transaction is kept where this one should stand. What is kept stays: both cannot be true to one session.
    #[error(
        "{id}: transaction {index} of {session} is kept already and is another one: the session has forked"
    )]
    Fork {
        /// The value.
        id: CoId,
        /// The session.
        session: SessionId,
        /// The first transaction that differs.
        index: u32,
    },
    /// The database did not take it: a full disk, a read-only file, an I/O error. Nothing of the commit was kept.
    #[error("the database did not take the write: {detail}")]
    Database {
        /// What the database says.
        detail: String,
    },
}

impl WriteError {
    /// The value of which something else is kept than was thought; the others of the batch have nothing to do with it.
    pub fn value(&self) -> Option<&CoId> {
        match self {
            Self::NoHeader { id } | Self::Gap { id, .. } | Self::Fork { id, .. } => Some(id),
            Self::Database { .. } => None,
        }
    }
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        let detail = error.to_string();
        Self::Database { detail }
    }
}
