//! What a host keeps for itself beside the logs: short texts under keys. A host that writes in a session of its own notes
//! here which, so that the session is gone when the logs are.

use super::{LoadError, Storage, WriteError};

/// A change of notes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoteChange {
    /// The notes that are to be there, by key.
    pub put: Vec<(String, String)>,
    /// The keys of notes that are to be gone.
    pub forget: Vec<String>,
}

/// A back end that keeps notes too. Nothing of them is ever sent anywhere.
pub trait Notes: Storage {
    /// The notes whose key begins so, in the keys' order.
    ///
    /// # Errors
    /// When the database does not answer.
    fn notes(&mut self, prefix: &str) -> Result<Vec<(String, String)>, LoadError>;

    /// Makes a change durable, all of it or nothing.
    ///
    /// # Errors
    /// When the database does not take it.
    fn change_notes(&mut self, change: &NoteChange) -> Result<(), WriteError>;
}
