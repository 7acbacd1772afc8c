//! Values that were deleted: of these nothing is kept but the header and the tombstones, in memory and in storage, and
//! nothing else is taken in.
//!
//! Whether a tombstone counts is judged by the node, which knows the group that rules the value; a relay that judges
//! writes judges tombstones here. It is judged anew when the group changes: a transaction of the group that comes late may
//! show that whoever deleted was not allowed to. What others still have of the value is then asked for again. A peer that
//! has content of a deleted value is told that all of it is here, lest it send it for ever, as CoJSON 0.20 does.

use super::RELAY;
use super::authorise::{Held, WriteRule, is_deletion_of};
use super::effect::PeerId;
use super::entry::Entry;
use super::message::ContentMessage;
use super::rejection::Rejection;
use super::replica::Replica;
use crate::header::Ruleset;
use crate::ids::{CoId, SessionId};
use crate::known_state::KnownState;

/// What became of a value that somebody may have deleted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Erasure {
    /// A session made for a tombstone is there, whoever made it.
    has_tombstone: bool,
    /// Nothing else is kept or taken in.
    is_erased: bool,
    /// How often content was let go of.
    ordered: u32,
    /// How many times of these storage has done the same.
    durable: u32,
}

impl Erasure {
    /// Takes note of a session of the value.
    pub(super) fn note(&mut self, session: &SessionId) {
        self.has_tombstone |= session.is_delete();
    }

    /// Which erasure storage has not carried out, if there is one.
    pub(super) fn due(self) -> Option<u32> {
        (self.durable < self.ordered).then_some(self.ordered)
    }

    /// Storage has carried out an erasure.
    pub(super) fn note_durable(&mut self, erasure: u32) {
        self.durable = self.durable.max(erasure);
    }
}

impl Entry {
    pub(super) fn is_erased(&self) -> bool {
        self.erasure.is_erased
    }

    /// Whether a session may be in the value's log: of a deleted value only one that is made for a tombstone.
    pub(super) fn has_room_for(&self, session: &SessionId) -> bool {
        !self.is_erased() || session.is_delete()
    }

    /// Lets go of all but the tombstones. Returns whether there was anything.
    pub(super) fn erase(&mut self) -> bool {
        self.erasure.is_erased = true;
        let before = self.log.sessions().len();
        self.log.retain_sessions(SessionId::is_delete);
        self.forget_durable_content();
        let is_less = self.log.sessions().len() < before;
        self.erasure.ordered += u32::from(is_less);
        is_less
    }
}

impl Replica {
    /// Whether the value has a tombstone, be it of somebody who may delete or not.
    pub fn has_tombstone(&self, id: &CoId) -> bool {
        let entry = self.entries.get(id);
        entry.is_some_and(|entry| entry.erasure.has_tombstone)
    }

    /// Whether of the value nothing is kept but its header and tombstones.
    pub fn is_erased(&self, id: &CoId) -> bool {
        self.entries.get(id).is_some_and(Entry::is_erased)
    }

    /// The value was deleted by somebody who may: all else of it leaves memory now and storage with the next flush, and
    /// nothing of it is taken in any more.
    pub fn erase(&mut self, id: &CoId) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        if entry.erase() {
            self.dirty.insert(id.clone());
            self.touch(id);
            self.recount_uploads(id);
        }
    }

    /// Storage has content of a deleted value, written by whoever did not know it yet.
    pub(super) fn erase_again(&mut self, id: &CoId, is_left_over: bool) {
        if is_left_over && let Some(entry) = self.entries.get_mut(id) {
            entry.erasure.ordered += 1;
            self.dirty.insert(id.clone());
        }
    }

    /// The tombstone does not count any more: whoever still has content of the value is asked for it.
    pub fn revive(&mut self, id: &CoId) {
        let entry = self.entries.get_mut(id);
        if entry.is_some_and(|entry| std::mem::take(&mut entry.erasure.is_erased)) {
            self.correct_subscribers(id);
        }
    }

    /// Judges a value's tombstones by what its group is now, if this replica judges deletions and has the group.
    pub(super) fn judge_tombstones(&mut self, id: &CoId) {
        if !RELAY || self.config.write_rule == WriteRule::Signed || !self.has_tombstone(id) {
            return;
        }
        if let Some(group) = self.owner_of(id) {
            let values = self.tombstoned.get_or_default(group);
            values.insert(id.clone());
        }
        match self.is_deleted_by_rule(id) {
            Some(true) => self.erase(id),
            Some(false) => self.revive(id),
            None => {}
        }
    }

    /// A group changed: so may who was its admin when. Of a group above it that is asked when a peer next says something of
    /// the value.
    pub(super) fn judge_tombstones_of(&mut self, group: &CoId) {
        if RELAY {
            let values = self.tombstoned.get(group);
            for id in values.cloned().unwrap_or_default() {
                self.judge_tombstones(&id);
            }
        }
    }

    /// A value leaves memory.
    pub(super) fn forget_tombstones(&mut self, id: &CoId) {
        if self.has_tombstone(id)
            && let Some(group) = self.owner_of(id)
            && let Some(values) = self.tombstoned.get_mut(&group)
        {
            values.remove(id);
            if values.is_empty() {
                self.tombstoned.remove(&group);
            }
        }
    }

    fn owner_of(&self, id: &CoId) -> Option<CoId> {
        self.entries.get(id)?.log.header().owner().cloned()
    }

    /// Whether somebody deleted the value who might; `None` if that cannot be said, for want of its group.
    fn is_deleted_by_rule(&mut self, id: &CoId) -> Option<bool> {
        let held = Held(&self.entries);
        let log = &self.entries.get(id)?.log;
        let Ruleset::OwnedByGroup { group, .. } = &log.header().ruleset else {
            return Some(false);
        };
        self.entries.get(group)?;
        let members = &mut self.members;
        let mut tombstones = log.sessions().filter(|log| log.session().is_delete());
        Some(tombstones.any(|log| {
            let mut transactions = log.transactions().iter();
            let tombstone = transactions.next();
            tombstone.is_some_and(|tombstone| {
                let author = log.session().author();
                is_deletion_of(id, tombstone)
                    && members.was_admin(&held, group, author, tombstone.made_at())
            })
        }))
    }

    /// Takes out of the message at the head of a queue what is not kept of a deleted value. Its sender has that.
    pub(super) fn drop_erased(&mut self, peer: PeerId, id: &CoId) {
        self.judge_tombstones(id);
        if !self.is_erased(id) {
            return;
        }
        let head = self.pending.front_mut(peer, id);
        let Some(dropped) = head.and_then(|head| head.message.drop_content()) else {
            return;
        };
        if let Some(belief) = self.belief_mut(peer, id) {
            belief.believed.merge(&dropped);
        }
        self.reject(Some(peer), Some(id), Rejection::Deleted);
    }

    /// What a peer is told that we have of a value: of a deleted one also what the peer has, so that it sends it no more;
    /// but for tombstones, which are wanted.
    pub(super) fn told_state(&self, peer: PeerId, id: &CoId) -> KnownState {
        let mut state = self.durable_state(id);
        if self.is_erased(id)
            && let Some(belief) = self.belief(peer, id)
        {
            let believed = belief.believed.sessions.iter();
            for (session, count) in believed.filter(|(session, _)| !session.is_delete()) {
                state.raise(session, *count);
            }
        }
        state
    }
}

impl ContentMessage {
    /// Lets go of all sessions but those that are made for a tombstone. Returns how far they reached, if there were any.
    fn drop_content(&mut self) -> Option<KnownState> {
        let mut dropped = KnownState::empty(self.id.clone());
        for (session, end) in self.reached().filter(|(session, _)| !session.is_delete()) {
            dropped.raise(session, end);
        }
        self.new.retain(|session, _| session.is_delete());
        (!dropped.sessions.is_empty()).then_some(dropped)
    }
}
