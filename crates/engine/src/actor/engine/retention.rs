//! What a history is no longer to keep is deleted: the streams of periods before the last one, when a period begins and when
//! the actor does.
//!
//! A stream can only be deleted whole, as its items are signed one upon the other; that is why there is one for each period.
//! Deleting takes an admin of the space. Where this account is none, the streams are no longer read, and stay.

use cojson::ids::CoId;

use super::super::ActorId;
use super::super::history::Keep;
use super::super::space::Named;
use super::ActorEngine;

/// How many periods before those that are read are looked for: an actor may not have run for some.
const PERIODS_BACK: u64 = 3;

impl ActorEngine {
    /// Looks for streams of an actor's history that are to go, if another period has begun since the last time.
    pub(super) fn forget_old_history(&mut self, actor: &ActorId) {
        let now = self.world.now;
        let Some(found) = self.actors.get_mut(actor) else {
            return;
        };
        let first_kept = found.keep.and_then(|keep| first_period(keep, now));
        if found.first_kept == first_kept {
            return;
        }
        found.first_kept = first_kept;
        let space = found.space.clone();
        let first_kept = first_kept.unwrap_or_default();
        for period in first_kept.saturating_sub(PERIODS_BACK)..first_kept {
            let id = Named::History(actor, Some(period)).id(&space, &self.world.node);
            self.to_delete.insert(id.clone());
            self.world.load(&id);
            self.delete_forgotten(&id);
        }
    }

    /// It is known now what such a stream holds, or that there is none.
    pub(super) fn delete_forgotten(&mut self, id: &CoId) {
        if !self.to_delete.contains(id) || !self.world.is_settled(id) {
            return;
        }
        self.to_delete.remove(id);
        let node = &mut self.world.node;
        if !node.is_loaded(id) || node.is_deleted(id) {
            return;
        }
        if node.delete(id, self.world.now).is_ok() {
            self.world.written.push(id.clone());
        }
    }
}

/// The first period that is still read; `None` if all is kept.
fn first_period(keep: Keep, now: cojson::ids::Timestamp) -> Option<u64> {
    keep.periods(now).first().copied().flatten()
}
