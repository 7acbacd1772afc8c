//! Why something that reached the replica was refused.
//!
//! A refusal never stops anything else; the host counts it by [`Rejection::code`] and may disconnect a peer that
//! collects too many.

use super::authorise::Denial;
use crate::ids::{CoId, SessionId};

/// The reason of a refusal. The text is a sentence for people; [`code`](Self::code) is stable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The header that came with the content is not the one that the id is the hash of.
    #[error("the header's hash is {found}, not the id under which it was sent")]
    WrongId {
        /// The id that the header really has.
        found: CoId,
    },
    /// A session's content does not verify with its author's key.
    #[error("the signature of session {session} does not match its transactions")]
    BadSignature {
        /// The session that was skipped.
        session: SessionId,
    },
    /// A session's author is an account that nobody could give us, or not an account at all.
    #[error("the author of session {session} is unknown, so its signature cannot be checked")]
    UnknownAuthor {
        /// The session that was skipped.
        session: SessionId,
    },
    /// The rules do not let the session's author write this.
    #[error("session {session}: {denial}")]
    NotAllowed {
        /// The session that was skipped.
        session: SessionId,
        /// Why.
        denial: Denial,
    },
    /// The value was deleted, and a peer sent more of it. That is no misdeed: the peer may not know it yet.
    #[error("the value was deleted: nothing of it is taken in any more")]
    Deleted,
    /// A transaction is dated too far ahead of our clock.
    #[error(
        "a transaction of session {session} is dated more than a day ahead; is this device's clock right?"
    )]
    DatedAhead {
        /// The session that was skipped.
        session: SessionId,
    },
    /// A transaction is over 1 MiB.
    #[error("a transaction of session {session} is over the limit of 1 MiB")]
    TransactionTooLarge {
        /// The session that was skipped.
        session: SessionId,
    },
    /// A session's content is malformed in another way.
    #[error("the content of session {session} cannot be taken in: {detail}")]
    BadContent {
        /// The session that was skipped.
        session: SessionId,
        /// What is wrong with it.
        detail: String,
    },
    /// The value has as many sessions as are allowed.
    #[error("the value has {sessions_max} sessions, the most that are allowed")]
    TooManySessions {
        /// The limit.
        sessions_max: usize,
    },
    /// The peer's content waits for dependencies, and there is too much of it.
    #[error(
        "more than {bytes_max} bytes or {messages_max} messages of this peer wait for dependencies"
    )]
    PendingFull {
        /// The limit in bytes.
        bytes_max: usize,
        /// The limit in messages.
        messages_max: usize,
    },
    /// A message depends on more values that are not here than are looked for.
    #[error("the content depends on more than {missing_max} values that are not here")]
    TooManyDependencies {
        /// The limit.
        missing_max: usize,
    },
    /// The peer subscribed to as many values as are allowed.
    #[error("the peer is subscribed to {values_max} values, the most that are allowed")]
    TooManyValues {
        /// The limit.
        values_max: usize,
    },
    /// A `reconcile` names too many values, or too many of them are open.
    #[error("a reconcile batch is too large, or too many are open")]
    ReconcileTooLarge,
    /// A message of a peer that is not connected.
    #[error("the peer is not connected")]
    UnknownPeer,
    /// Storage could not make a batch durable. It stays in memory, is told to nobody, and goes into the next write.
    #[error(
        "storage did not take the write; it is kept in memory and tried again with the next one"
    )]
    StoreFailed,
    /// Storage holds something else under the value's id.
    #[error("what storage holds under this id has another header")]
    StoredWrongId,
    /// What storage holds of a session is torn: it was taken up to the gap, the rest comes again from peers.
    #[error("storage holds session {session} with a gap after {have} transactions")]
    StoredGap {
        /// The torn session.
        session: SessionId,
        /// How many transactions precede the gap.
        have: u32,
    },
    /// A local session has transactions and the host has no key to sign them.
    #[error("there is no key to sign session {session} with")]
    NoSigner {
        /// The session that stays unsigned, unsent and unstored.
        session: SessionId,
    },
}

impl Rejection {
    /// A stable name for counters and for JavaScript.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongId { .. } => "wrong_id",
            Self::BadSignature { .. } => "bad_signature",
            Self::UnknownAuthor { .. } => "unknown_author",
            Self::NotAllowed { denial, .. } => denial.code(),
            Self::DatedAhead { .. } => "dated_ahead",
            Self::Deleted => "deleted",
            Self::TransactionTooLarge { .. } => "transaction_too_large",
            Self::BadContent { .. } => "bad_content",
            Self::TooManySessions { .. } => "too_many_sessions",
            Self::PendingFull { .. } => "pending_full",
            Self::TooManyDependencies { .. } => "too_many_dependencies",
            Self::TooManyValues { .. } => "too_many_values",
            Self::ReconcileTooLarge => "reconcile_too_large",
            Self::UnknownPeer => "unknown_peer",
            Self::StoreFailed => "store_failed",
            Self::StoredWrongId => "stored_wrong_id",
            Self::StoredGap { .. } => "stored_gap",
            Self::NoSigner { .. } => "no_signer",
        }
    }
}
