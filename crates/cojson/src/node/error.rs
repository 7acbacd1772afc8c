//! Why something could not be written.

use crate::access::AccessError;
use crate::ids::CoId;
use crate::sync::AppendError;
use crate::transaction::TX_BYTES_MAX;

/// A transaction that was not made. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The value's log is not here.
    #[error("value {id} is not loaded: load it and wait until it has changed, then write again")]
    NotLoaded {
        /// The value.
        id: CoId,
    },
    /// Storage has not said yet what it has of the value.
    #[error(
        "value {id} is still being looked for in storage: write when it has changed or is unavailable"
    )]
    Loading {
        /// The value.
        id: CoId,
    },
    /// We may not write to it, or cannot encrypt for it.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The value is a group or an account, whose map has rules of its own.
    #[error("{id} is a group: change its members and keys instead of writing to it")]
    IsGroup {
        /// The group.
        id: CoId,
    },
    /// The value is of another kind than the change.
    #[error("{id} is a {actual}, which takes no change of a {wanted}")]
    WrongKind {
        /// The value.
        id: CoId,
        /// The kind that it has.
        actual: String,
        /// The kind that the change is for.
        wanted: &'static str,
    },
    /// The place is not in the list.
    #[error("{id} has {len} items, so there is none at place {index}")]
    NoSuchItem {
        /// The list.
        id: CoId,
        /// The place that was named, counted from 0.
        index: usize,
        /// How many items it has.
        len: usize,
    },
    /// No group owns the value.
    #[error("no group owns {id}, so nobody can branch or delete it")]
    NotOwned {
        /// The value.
        id: CoId,
    },
    /// The value is no branch.
    #[error("{id} is no branch of another value, so there is nothing to merge it into")]
    NotABranch {
        /// The value.
        id: CoId,
    },
    /// The value was deleted.
    #[error("{id} was deleted: nothing can be written to it any more")]
    Deleted {
        /// The value.
        id: CoId,
    },
    /// The changes are longer than a transaction may be.
    #[error("the changes have {bytes} bytes of JSON and a transaction takes {max}: split them", max = TX_BYTES_MAX)]
    TooLarge {
        /// Their length.
        bytes: usize,
    },
}

impl From<AppendError> for WriteError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::NotInMemory { id } => Self::NotLoaded { id },
            AppendError::Loading { id } => Self::Loading { id },
        }
    }
}
