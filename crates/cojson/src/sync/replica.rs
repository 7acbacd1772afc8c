//! The replica itself: what it holds, what happens to it locally, and the agenda that orders its reactions.
//!
//! Each input changes what it must and puts what follows on the agenda, which is then worked off in order. So a long
//! chain of values that wait for one another costs a loop, not a stack. Everything is ordered; nothing depends on a
//! hash seed, so a run with the same inputs gives the same effects.

use std::collections::VecDeque;

use super::cache::Cache;
use super::durability::InFlight;
use super::effect::{Effect, PeerId};
use super::entry::Entry;
use super::limits::ReplicaConfig;
use super::lookup::{Lookup, Seek};
use super::message::SyncMessage;
use super::news::News;
use super::peer::{Peer, PeerRole};
use super::pending::Pending;
use super::reading::Reads;
use super::reconcile::Audits;
use super::rejection::Rejection;
use super::signers::Signers;
use super::upload::Uploads;
use super::{RELAY, Segment, dependencies};
use crate::access::Members;
use crate::collections::{OrderedSet, SortedMap, SortedSet};
use crate::header::{CreatedAt, Header};
use crate::ids::{CoId, SessionId};
use crate::known_state::KnownState;
use crate::transaction::Transaction;
use crate::value_log::ValueLog;

/// The sync state machine: owns the logs in memory, talks to peers and storage through [`Effect`]s.
#[derive(Debug, Default)]
pub struct Replica {
    pub(super) config: ReplicaConfig,
    /// The values in memory.
    pub(super) entries: SortedMap<CoId, Entry>,
    /// The keys of those who signed what came last.
    pub(super) signers: Signers,
    /// Who may write what, as far as it was judged.
    pub(super) members: Members,
    /// The values in memory that have a tombstone and were judged, by the group that they belong to.
    pub(super) tombstoned: SortedMap<CoId, SortedSet<CoId>>,
    /// The connected peers.
    pub(super) peers: SortedMap<PeerId, Peer>,
    /// Who of them is subscribed to a value.
    pub(super) subscribers: SortedMap<CoId, SortedSet<PeerId>>,
    /// The searches under way, and those without success whose value is still wanted here.
    pub(super) lookups: SortedMap<CoId, Lookup>,
    /// Content that waits for storage or dependencies.
    pub(super) pending: Pending,
    /// Who waits for news of a value.
    pub(super) waiters: SortedMap<CoId, SortedSet<Waiter>>,
    /// What is to be looked at before the input is done with.
    pub(super) agenda: VecDeque<Waiter>,
    /// Local sessions with transactions that are not signed yet, in the order in which they were touched.
    pub(super) unsigned: OrderedSet<(CoId, SessionId)>,
    /// Values with something to store, in the order in which they were touched.
    pub(super) dirty: OrderedSet<CoId>,
    /// The write under way.
    pub(super) in_flight: Option<InFlight>,
    /// The last write that ended was not carried out.
    pub(super) write_failed: bool,
    /// How many writes were begun.
    pub(super) writes: u64,
    /// A flush came while a write was under way.
    pub(super) flush_again: bool,
    /// What the upstream peers have acknowledged.
    pub(super) uploads: Uploads,
    /// The audits that clients asked for.
    pub(super) audits: Audits,
    /// What the values in memory weigh.
    pub(super) cache: Cache,
    /// What other servers wrote to storage.
    pub(super) news: News,
    /// What is being read of values that are not in memory whole.
    pub(super) reads: Reads,
    /// The bytes of content that were sent to all peers and have not left yet.
    pub(super) under_way_bytes: usize,
    /// How many contents of sessions were verified, or refused as they could not be.
    pub(super) contents_checked: u64,
    effects: VecDeque<Effect>,
}

/// A local transaction that was not appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The value is not in memory.
    #[error("{id} is not in memory; load it first, or create it")]
    NotInMemory {
        /// The value.
        id: CoId,
    },
    /// Storage has not said yet what it has of the value: the session may have transactions there, and would fork.
    #[error("{id} is still being loaded from storage; write when that is done")]
    Loading {
        /// The value.
        id: CoId,
    },
}

/// Someone to be looked at again when there is news of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Waiter {
    /// The lookup of this value: its dependencies may be complete now, or nobody may be left to ask.
    Lookup(CoId),
    /// The content of this peer for this value.
    Queue(PeerId, CoId),
}

impl Replica {
    /// A replica that holds nothing.
    pub fn new(config: ReplicaConfig) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }

    /// The next thing that the host is to do.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The log of a value in memory.
    pub fn log(&self, id: &CoId) -> Option<&ValueLog> {
        self.entries.get(id).map(|entry| &entry.log)
    }

    /// The ids of the values in memory.
    pub fn ids(&self) -> impl Iterator<Item = &CoId> {
        self.entries.keys()
    }

    /// How many values are in memory.
    pub fn values_count(&self) -> usize {
        self.entries.len()
    }

    /// How many contents of sessions were verified so far, or refused as they could not be: a host that measures how long
    /// its inputs take tells by it which of them verified anything.
    pub fn contents_checked(&self) -> u64 {
        self.contents_checked
    }

    /// What is in memory of a value, durable or not.
    pub fn known_state(&self, id: &CoId) -> KnownState {
        self.log(id)
            .map_or_else(|| KnownState::empty(id.clone()), ValueLog::known_state)
    }

    /// What is durable of a value: what peers may be told.
    pub fn durable_state(&self, id: &CoId) -> KnownState {
        self.entries
            .get(id)
            .map_or_else(|| KnownState::empty(id.clone()), Entry::durable_state)
    }

    /// Wants a value: from memory, else from storage, else from the upstream peers. `Changed` or `Unavailable` follows;
    /// after `Unavailable` the value stays wanted, and `Changed` follows when it appears.
    pub fn load(&mut self, id: &CoId) {
        if self.entries.contains_key(id) && !self.lookups.contains_key(id) {
            self.changed(id);
            return;
        }
        self.seek(id, Seek::wanted());
        self.work_off();
    }

    /// Makes a value here, without a transaction yet; it is written with the next flush. A value that is there already
    /// stays as it is. One whose id others can make too (no creation time) is looked for in storage as well, and cannot be
    /// written to before storage has answered.
    pub fn create(&mut self, header: Header) -> CoId {
        let founded_here = matches!(header.created_at, CreatedAt::At(_));
        let log = ValueLog::new(header);
        let id = log.id().clone();
        if self.entries.contains_key(&id) {
            return id;
        }
        let mut entry = Entry::new(log);
        entry.founded_here = founded_here;
        self.entries.insert(id.clone(), entry);
        self.dirty.insert(id.clone());
        if !founded_here {
            self.seek(&id, Seek::in_storage());
        }
        self.news_of(&id);
        self.work_off();
        id
    }

    /// Whether storage is being asked what it has of the value: nothing can be written to it before it has answered.
    pub fn is_asked_of_storage(&self, id: &CoId) -> bool {
        self.lookups.get(id).is_some_and(Lookup::waits_for_storage)
    }

    /// Appends a transaction of a local session; it is signed, written and then sent with the next flush. Returns its
    /// index in the session.
    pub fn append_local(
        &mut self,
        id: &CoId,
        session: &SessionId,
        transaction: Transaction,
    ) -> Result<u32, AppendError> {
        if self.is_asked_of_storage(id) {
            return Err(AppendError::Loading { id: id.clone() });
        }
        let Some(entry) = self.entries.get_mut(id) else {
            return Err(AppendError::NotInMemory { id: id.clone() });
        };
        if RELAY
            && entry
                .log
                .session(session)
                .is_some_and(|log| !log.is_hashable())
        {
            return Err(AppendError::NotInMemory { id: id.clone() });
        }
        if entry.log.session(session).is_none() {
            entry.depend_on_author(session);
        }
        if entry.is_group() {
            let mut named = SortedSet::new();
            dependencies::of_group_transaction(&transaction, &mut named);
            entry.depend_on(named);
        }
        entry.erasure.note(session);
        let index = entry.log.append_local(session, transaction);
        self.unsigned.insert((id.clone(), session.clone()));
        self.touch(id);
        Ok(index)
    }

    /// Looks at everyone who waited until nobody is left.
    pub(super) fn work_off(&mut self) {
        while let Some(waiter) = self.agenda.pop_front() {
            match waiter {
                Waiter::Lookup(id) => self.step_lookup(&id),
                Waiter::Queue(peer, id) => self.pump(peer, &id),
            }
        }
    }

    /// Something is new about a value: everyone who waits for it is to be looked at, then its own lookup, which may end.
    pub(super) fn news_of(&mut self, id: &CoId) {
        self.agenda
            .extend(self.waiters.remove(id).unwrap_or_default());
        if self.lookups.contains_key(id) {
            self.agenda.push_back(Waiter::Lookup(id.clone()));
        }
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    pub(super) fn send(&mut self, peer: PeerId, message: SyncMessage) {
        self.effect(Effect::Send { peer, message });
    }

    /// Tells that a value changed, once for changes that nothing came between.
    pub(super) fn changed(&mut self, id: &CoId) {
        if !matches!(self.effects.back(), Some(Effect::Changed(last)) if last == id) {
            self.effect(Effect::Changed(id.clone()));
        }
    }

    pub(super) fn reject(&mut self, peer: Option<PeerId>, id: Option<&CoId>, reason: Rejection) {
        self.effect(Effect::Rejected {
            peer,
            id: id.cloned(),
            reason,
        });
    }

    /// The connected upstream peers.
    pub(super) fn servers(&self) -> Vec<PeerId> {
        self.peers
            .iter()
            .filter(|(_, peer)| peer.role == PeerRole::Server)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Orders segments so that those of a session follow one another.
    pub(super) fn sort_segments(segments: &mut [Segment]) {
        segments.sort_by(|left, right| {
            (&left.session, left.content.after).cmp(&(&right.session, right.content.after))
        });
    }
}
