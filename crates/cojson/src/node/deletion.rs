//! Deleting a value, for ever and for everyone: an admin of its group puts a tombstone into a session made for it.
//!
//! Groups and accounts cannot be deleted. What a deleted value was is shown to nobody any more, leaves memory and storage,
//! and nothing can be written to it. Should it come out later that who deleted it was no admin by then, it is taken in
//! again from whoever still has it.

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

    /// Lets go of a value's content once it is deleted, and asks for it again if it is so no more.
    pub(super) fn settle_deletion(&mut self, id: &CoId) {
        if !self.replica.has_tombstone(id) {
            return;
        }
        match self.shown(id) {
            Some(Shown::Deleted) => self.replica.erase(id),
            Some(_) => self.replica.revive(id),
            // Its group is not here: nobody can say.
            None => {}
        }
    }

    /// Whether a value was deleted; `false` while it is not loaded.
    pub fn is_deleted(&mut self, id: &CoId) -> bool {
        matches!(self.shown(id), Some(Shown::Deleted))
    }
}
