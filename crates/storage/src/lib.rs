//! Storage: where logs are kept so that an acknowledged transaction outlives the process.
//!
//! [`Storage`] is what a back end does: tell what it has of a value, read a session piece by piece, write batches. It is
//! synchronous. No method's memory follows the data: a caller that reads in pieces holds what it asked for and no more.
//! Every back end passes the suite in `conformance`. A back end never verifies (the replica did) and never interprets what
//! transactions say. Which one is used, and on which thread, is the host's.

mod error;
pub mod memory;
mod notes;
#[cfg(feature = "pglite")]
pub mod pglite;
mod pieces;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod sqlite;
mod through;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;

use cojson::crypto::Signature;
use cojson::header::Header;
use cojson::ids::{CoId, SessionId};
use cojson::session_log::SessionContent;
use cojson::sync::{Segment, StoredLog, WriteBatch};

pub use error::{Damage, LoadError, WriteError};
pub use notes::{NoteChange, Notes};

/// How much of a session [`Storage::whole`] reads at once.
const WHOLE_READ_BYTES: usize = 1 << 20;

/// A back end. Only one thread uses it.
pub trait Storage: Send {
    /// What is kept of a value, without its transactions, or `None` if nothing is.
    ///
    /// # Errors
    /// When the value's record cannot be read at all. Other values are not affected.
    fn outline(&mut self, id: &CoId) -> Result<Option<Outline>, LoadError>;

    /// A session's transactions from the first `after` on, in pieces that end at a signature: at least one, and no more
    /// once they reach `bytes_max` bytes of changes. Without any, there is nothing more to be read. The next read goes on
    /// where the last piece ends.
    ///
    /// # Errors
    /// When the database does not answer. Damage is told in the answer.
    fn read(
        &mut self,
        id: &CoId,
        session: &SessionId,
        after: u32,
        bytes_max: usize,
    ) -> Result<Stretch, LoadError>;

    /// The ids of values after `after` (from the first, if it is `None`) in the order of their text, at most `count_max`.
    ///
    /// # Errors
    /// When the database does not answer.
    fn ids(&mut self, after: Option<&CoId>, count_max: usize) -> Result<Vec<CoId>, LoadError>;

    /// How many values there are. It may read all of their ids.
    ///
    /// # Errors
    /// When the database does not answer.
    fn count(&mut self) -> Result<u64, LoadError>;

    /// How much is kept, and which values are the largest, at most `largest_max` of them. It reads everything: for an
    /// operator's look, not for a server under load.
    ///
    /// # Errors
    /// When the database does not answer.
    fn stats(&mut self, largest_max: usize) -> Result<Stats, LoadError>;

    /// Makes these batches durable, in one commit: one answer each, in order. A batch is written as a whole or not at
    /// all, and one that cannot be written keeps no other from being written. What is already kept may be written again.
    fn write(&mut self, batches: &[WriteBatch]) -> Vec<Result<(), WriteError>>;

    /// Everything that is kept of a value whose outline was read: for values that are known to be small.
    ///
    /// # Errors
    /// When the database does not answer.
    fn whole(&mut self, id: &CoId, outline: Outline) -> Result<Loaded, LoadError> {
        let mut loaded = Loaded {
            log: StoredLog {
                header: outline.header,
                segments: Vec::new(),
            },
            damage: outline.damage,
        };
        for SessionOutline { session, count, .. } in outline.sessions {
            let mut after = 0;
            while after < count {
                let Stretch { pieces, damage } =
                    self.read(id, &session, after, WHOLE_READ_BYTES)?;
                let end = pieces.last().map_or(after, end_of);
                loaded
                    .log
                    .segments
                    .extend(pieces.into_iter().map(|content| Segment {
                        session: session.clone(),
                        content,
                    }));
                if let Some(damage) = damage {
                    loaded.note(damage);
                    break;
                }
                if end == after {
                    break;
                }
                after = end;
            }
        }
        Ok(loaded)
    }
}

/// What is kept of a value, without its transactions.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// The value's header.
    pub header: Header,
    /// Its sessions that have transactions, in no particular order.
    pub sessions: Vec<SessionOutline>,
    /// The sessions whose record is seen to be damaged without reading their transactions.
    pub damage: Vec<Damage>,
}

/// What is kept of a session, without its transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOutline {
    /// The session.
    pub session: SessionId,
    /// How many transactions there are. A damaged one among them is only found when they are read.
    pub count: u32,
    /// The signature over all of them.
    pub last_signature: Signature,
    /// How many bytes of changes they have at least. Tables of classic stores know no more.
    pub bytes_least: u64,
}

/// A stretch of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// Its pieces in order, without a gap: each goes on where the one before it ends.
    pub pieces: Vec<SessionContent>,
    /// Why there are no more, if they should be.
    pub damage: Option<Damage>,
}

/// How much is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Values.
    pub values: u64,
    /// Sessions of all values.
    pub sessions: u64,
    /// Transactions of all sessions.
    pub transactions: u64,
    /// Bytes of transactions, as they are kept.
    pub bytes: u64,
    /// The values with the most bytes of transactions, the largest first.
    pub largest: Vec<(CoId, u64)>,
}

/// A value's log as far as it can be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The readable part.
    pub log: StoredLog,
    /// The sessions that could be read only in part, up to the last signature before the damage.
    pub damage: Vec<Damage>,
}

impl Loaded {
    /// Adds damage of a session unless some of it is told already.
    fn note(&mut self, damage: Damage) {
        let is_told = |told: &Damage| told.session == damage.session;
        if !self.damage.iter().any(is_told) {
            self.damage.push(damage);
        }
    }
}

/// How many transactions the session has with this piece.
fn end_of(content: &SessionContent) -> u32 {
    u32::try_from(content.end()).unwrap_or(u32::MAX)
}
