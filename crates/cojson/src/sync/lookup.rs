//! Lookups: finding a value in storage, then at peers, then what it depends on.
//!
//! A lookup ends when the value and all that can be had of its dependencies are in memory, or when storage and every
//! upstream peer said no. A failed lookup stays if the value is wanted here, and is asked again of an upstream peer
//! that connects. Peers that never answer are the host's to disconnect.

use super::RELAY;
use super::durability::NotThisValue;
use super::effect::{Effect, PeerId, StoredLog};
use super::message::SyncMessage;
use super::replica::{Replica, Waiter};
use crate::collections::SortedSet;
use crate::ids::CoId;
use crate::known_state::KnownState;

/// What storage said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InStorage {
    Asked,
    /// Asked, and the value appeared there meanwhile, perhaps too late for the answer.
    AskedEarly,
    Absent,
    Found,
}

/// One search.
#[derive(Debug)]
pub(super) struct Lookup {
    storage: InStorage,
    /// The application wants it.
    wanted: bool,
    /// Upstream peers are to be asked.
    upstream: bool,
    /// Nobody of those who count has it.
    failed: bool,
    /// Peers to ask besides the upstream ones: whoever sent what depends on it.
    sources: SortedSet<PeerId>,
    asked: SortedSet<PeerId>,
    awaiting: SortedSet<PeerId>,
    /// Peers that asked us for it.
    askers: SortedSet<PeerId>,
    /// Dependencies that it no longer waits for.
    given_up: SortedSet<CoId>,
}

/// Why a value is looked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seek {
    wanted: bool,
    upstream: bool,
    source: Option<PeerId>,
    asker: Option<PeerId>,
    again: bool,
}

impl Seek {
    /// The application wants it.
    pub(super) fn wanted() -> Self {
        Self {
            wanted: true,
            upstream: true,
            again: true,
            ..Self::default()
        }
    }

    /// Only what storage has of it is of interest.
    pub(super) fn in_storage() -> Self {
        Self::default()
    }

    /// Storage has it since a short while: it is asked again.
    pub(super) fn appeared() -> Self {
        Self {
            again: true,
            ..Self::default()
        }
    }

    /// A peer sent what depends on it.
    pub(super) fn dependency_of(source: PeerId) -> Self {
        Self {
            upstream: true,
            source: Some(source),
            ..Self::default()
        }
    }

    /// A value from storage depends on it.
    pub(super) fn dependency() -> Self {
        Self {
            upstream: true,
            ..Self::default()
        }
    }

    /// A peer asked for it.
    pub(super) fn asked_by(asker: PeerId) -> Self {
        Self {
            upstream: true,
            asker: Some(asker),
            ..Self::default()
        }
    }

    /// A peer audits it: what it says of it is compared with storage.
    pub(super) fn audited_by(asker: PeerId) -> Self {
        Self {
            asker: Some(asker),
            ..Self::default()
        }
    }
}

impl Lookup {
    fn new() -> Self {
        Self {
            storage: InStorage::Asked,
            wanted: false,
            upstream: false,
            failed: false,
            sources: SortedSet::new(),
            asked: SortedSet::new(),
            awaiting: SortedSet::new(),
            askers: SortedSet::new(),
            given_up: SortedSet::new(),
        }
    }

    fn join(&mut self, seek: Seek) {
        self.wanted |= seek.wanted;
        self.upstream |= seek.upstream;
        if let Some(source) = seek.source
            && self.sources.insert(source)
            && !self.awaiting.contains(&source)
        {
            // Whatever it said before, now it has sent what depends on the value.
            self.asked.remove(&source);
        }
        self.askers.extend(seek.asker);
    }

    /// Whether storage has not answered yet.
    pub(super) fn waits_for_storage(&self) -> bool {
        matches!(self.storage, InStorage::Asked | InStorage::AskedEarly)
    }

    /// Whether storage said that it has nothing.
    pub(super) fn is_absent_in_storage(&self) -> bool {
        self.storage == InStorage::Absent
    }

    /// Whether this peer was asked, or will be when storage has nothing.
    pub(super) fn has_source(&self, peer: PeerId) -> bool {
        self.sources.contains(&peer)
    }

    /// Whether one of these peers may still answer, or storage.
    pub(super) fn is_open_for(&self, peers: &[PeerId]) -> bool {
        self.waits_for_storage() || peers.iter().any(|peer| self.awaiting.contains(peer))
    }
}

impl Replica {
    /// What storage has of a value, in answer to [`Effect::Load`]. What came from elsewhere in the meantime is kept.
    pub fn loaded(&mut self, id: &CoId, stored: Option<StoredLog>) {
        if stored.is_none()
            && let Some(lookup) = self.lookups.get_mut(id)
            && lookup.storage == InStorage::AskedEarly
        {
            lookup.storage = InStorage::Asked;
            self.effect(Effect::Load(id.clone()));
            return;
        }
        let was_doubted = RELAY && self.forget_doubted(id);
        let merged = stored.map(|stored| self.merge_stored(id, stored));
        self.take_load(id, merged, was_doubted);
    }

    /// Storage answered: whether anything of what it has was new here, if it has the value, and whether it refused a
    /// write of it.
    pub(super) fn take_load(
        &mut self,
        id: &CoId,
        merged: Option<Result<bool, NotThisValue>>,
        was_doubted: bool,
    ) {
        let found = merged.is_some_and(|merged| merged.is_ok());
        let grew = merged == Some(Ok(true));
        self.touch(id);
        if let Some(lookup) = self.lookups.get_mut(id) {
            lookup.storage = if found {
                InStorage::Found
            } else {
                InStorage::Absent
            };
        } else if grew {
            self.changed(id);
        }
        if found {
            self.refetch_authored(id);
            self.recount_uploads(id);
        } else {
            self.ask_peers(id);
        }
        if RELAY {
            self.take_news(id);
        }
        if was_doubted {
            self.correct_subscribers(id);
        }
        self.judge_tombstones(id);
        self.news_of(id);
        self.publish(id);
        self.work_off();
    }

    /// Begins a lookup, or joins the one under way.
    pub(super) fn seek(&mut self, id: &CoId, seek: Seek) {
        let is_new = !self.lookups.contains_key(id);
        let lookup = self.lookups.get_or_insert_with(id.clone(), Lookup::new);
        lookup.join(seek);
        if !is_new && seek.again && !seek.wanted && lookup.storage == InStorage::Asked {
            lookup.storage = InStorage::AskedEarly;
        }
        let begins_again =
            !is_new && seek.again && !lookup.waits_for_storage() && (lookup.failed || !seek.wanted);
        if begins_again {
            lookup.storage = InStorage::Asked;
            lookup.failed = false;
            lookup.asked.clone_from(&lookup.awaiting);
        }
        if is_new || begins_again {
            self.effect(Effect::Load(id.clone()));
        } else {
            self.ask_peers(id);
            self.agenda.push_back(Waiter::Lookup(id.clone()));
        }
    }

    /// Begins a lookup that storage has answered already, if the value depends on something that is not here.
    pub(super) fn await_dependencies(&mut self, id: &CoId) {
        if !self.lookups.contains_key(id) && !self.missing_dependencies(id).is_empty() {
            let lookup = Lookup {
                storage: InStorage::Found,
                ..Lookup::new()
            };
            self.lookups.insert(id.clone(), lookup);
            self.agenda.push_back(Waiter::Lookup(id.clone()));
        }
    }

    /// Asks the peers of a lookup that were not asked yet, once storage has nothing.
    fn ask_peers(&mut self, id: &CoId) {
        let servers = self.servers();
        let Some(lookup) = self.lookups.get_mut(id) else {
            return;
        };
        if lookup.storage != InStorage::Absent || self.entries.contains_key(id) {
            return;
        }
        let mut peers = lookup.sources.clone();
        if lookup.upstream {
            let may_have = |peer: &PeerId| !lookup.askers.contains(peer);
            peers.extend(servers.into_iter().filter(may_have));
        }
        peers.retain(|peer| self.peers.contains_key(peer) && lookup.asked.insert(*peer));
        lookup.awaiting.extend(peers.iter().copied());
        for peer in peers {
            self.ask_peer(peer, id);
        }
    }

    /// Sends a `load` for a value that we have nothing of, unless one is under way.
    fn ask_peer(&mut self, peer: PeerId, id: &CoId) {
        if let Some(belief) = self.subscribe(peer, id)
            && !std::mem::replace(&mut belief.awaits_answer, true)
        {
            self.send(peer, SyncMessage::Load(KnownState::empty(id.clone())));
        }
    }

    /// An upstream peer connected: it may have what nobody else had.
    pub(super) fn ask_new_server(&mut self, peer: PeerId) {
        let open: Vec<CoId> = self.lookups.keys().cloned().collect();
        for id in open {
            if let Some(lookup) = self.lookups.get_mut(&id) {
                lookup.asked.remove(&peer);
                lookup.failed &= !lookup.upstream;
            }
            self.ask_peers(&id);
            self.news_of(&id);
        }
    }

    /// A peer answered a lookup, or can no longer answer it.
    pub(super) fn note_answer(&mut self, peer: PeerId, id: &CoId) {
        if let Some(lookup) = self.lookups.get_mut(id)
            && lookup.awaiting.remove(&peer)
        {
            self.news_of(id);
        }
    }

    /// A peer is gone: nobody waits for it, and it waits for nothing.
    pub(super) fn drop_from_lookups(&mut self, peer: PeerId) {
        let mut touched = Vec::new();
        for (id, lookup) in self.lookups.iter_mut() {
            lookup.askers.remove(&peer);
            lookup.sources.remove(&peer);
            lookup.asked.remove(&peer);
            if lookup.awaiting.remove(&peer) {
                touched.push(id.clone());
            }
        }
        for id in touched {
            self.news_of(&id);
        }
    }

    /// Takes a lookup as far as it goes.
    pub(super) fn step_lookup(&mut self, id: &CoId) {
        let servers = self.servers();
        let Some(lookup) = self.lookups.get(id) else {
            return;
        };
        if lookup.waits_for_storage() {
            return;
        }
        if self.entries.contains_key(id) {
            if self.dependencies_are_settled(id) {
                self.finish_lookup(id);
            }
        } else if !lookup.is_open_for(&servers) && !self.pending.has(&servers, id) {
            self.fail_lookup(id);
        }
    }

    /// Whether everything that the value depends on, near and far, is in memory or cannot be had. What is missing is
    /// looked for, and the lookup waits for it.
    fn dependencies_are_settled(&mut self, id: &CoId) -> bool {
        let missing = self.missing_dependencies(id);
        for dependency in &missing {
            self.seek(dependency, Seek::dependency());
            let waiters = self.waiters.get_or_default(dependency.clone());
            waiters.insert(Waiter::Lookup(id.clone()));
        }
        missing.is_empty()
    }

    fn missing_dependencies(&self, id: &CoId) -> Vec<CoId> {
        let given_up = self.lookups.get(id).map(|lookup| &lookup.given_up);
        let mut seen = SortedSet::from([id]);
        let mut open = vec![id];
        let mut missing = Vec::new();
        while let Some(next) = open.pop() {
            match self.entries.get(next) {
                Some(entry) => open.extend(entry.dependencies.iter().filter(|id| seen.insert(id))),
                None if given_up.is_some_and(|given_up| given_up.contains(next)) => {}
                None if self.lookups.get(next).is_some_and(|lookup| lookup.failed) => {}
                None => missing.push(next.clone()),
            }
        }
        missing
    }

    fn finish_lookup(&mut self, id: &CoId) {
        let Some(lookup) = self.lookups.remove(id) else {
            return;
        };
        self.judge_tombstones(id);
        if lookup.storage == InStorage::Found || lookup.wanted {
            self.changed(id);
        }
        for asker in lookup.askers {
            self.audit(asker, id);
        }
        self.publish(id);
        self.news_of(id);
    }

    fn fail_lookup(&mut self, id: &CoId) {
        let Some(lookup) = self.lookups.get_mut(id) else {
            return;
        };
        let is_news = !std::mem::replace(&mut lookup.failed, true);
        let askers = std::mem::take(&mut lookup.askers);
        let is_wanted = lookup.wanted;
        let is_over = !is_wanted && lookup.awaiting.is_empty();
        if is_wanted && is_news {
            self.effect(Effect::Unavailable(id.clone()));
        }
        for asker in askers {
            self.audit(asker, id);
            self.answer_unavailable(asker, id);
        }
        if is_over {
            self.lookups.remove(id);
        }
        if is_news {
            self.give_up_on(id);
        }
    }

    /// Values from storage that wait for one that cannot be had go on without it.
    fn give_up_on(&mut self, id: &CoId) {
        for waiter in self.waiters.get(id).into_iter().flatten() {
            if let Waiter::Lookup(dependent) = waiter
                && let Some(lookup) = self.lookups.get_mut(dependent)
            {
                lookup.given_up.insert(id.clone());
            }
        }
        self.news_of(id);
    }

    fn answer_unavailable(&mut self, peer: PeerId, id: &CoId) {
        let belief = self.belief_mut(peer, id);
        if belief.is_some_and(|belief| std::mem::replace(&mut belief.answer_due, false)) {
            self.send_unavailable(peer, id);
        }
    }
}
