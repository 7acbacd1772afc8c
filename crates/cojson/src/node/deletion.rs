//! Deleting a value, for ever and for everyone: an admin of its group puts a tombstone into a session made for it.
//!
//! Groups and accounts cannot be deleted. What a deleted value was is shown to nobody any more, and nothing can be written
//! to it.

use super::error::WriteError;
use super::writing::{Draft, Stamp};
use super::{Node, Shown};
use crate::access::Role;
use crate::ids::{CoId, SessionId, Timestamp};
use crate::json::Json;

impl Node {
    /// Deletes a value. One that was deleted already stays so.
    pub fn delete(&mut self, id: &CoId, now: Timestamp) -> Result<(), WriteError> {
        if self.is_deleted(id) {
            return Ok(());
        }
        let owner = self.writable(id, &[])?;
        let owner = owner.ok_or_else(|| WriteError::NotOwned { id: id.clone() })?;
        let tombstone = Draft {
            is_private: false,
            allows: |role| role == Role::Admin,
            wanted: "delete values",
            ..Draft::empty().with(Json::object([("deleted", Json::from(id.as_str()))]))
        };
        let terms = self.terms(id, &tombstone, Some(&owner), Stamp::Now(now))?;
        let account = self.account_id().clone();
        let session = SessionId::random_delete(&account, self.entropy());
        self.commit(id, &session, &tombstone, &terms)?;
        self.take_note_of(id);
        Ok(())
    }

    /// Whether a value was deleted; `false` while it is not loaded.
    pub fn is_deleted(&mut self, id: &CoId) -> bool {
        matches!(self.shown(id), Some(Shown::Deleted))
    }
}
