//! What the upstream peers have acknowledged, so that a user can be told what exists on this machine only.
//!
//! It outlives a connection: an upstream peer is remembered by its id until the host forgets it.

use super::effect::PeerId;
use super::replica::Replica;
use crate::collections::SortedMap;
use crate::ids::CoId;
use crate::known_state::KnownState;

#[derive(Debug, Default)]
struct Upstream {
    acknowledged: SortedMap<CoId, KnownState>,
    /// How many durable transactions it has not acknowledged, of the values where there are any.
    behind: SortedMap<CoId, u64>,
    behind_total: u64,
}

/// All remembered upstream peers.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    upstreams: SortedMap<PeerId, Upstream>,
}

impl Uploads {
    pub(super) fn remember(&mut self, peer: PeerId) -> bool {
        let is_new = !self.upstreams.contains_key(&peer);
        self.upstreams.get_or_default(peer);
        is_new
    }

    /// Takes in what a peer said it has: all of it if it replaces what it said before.
    pub(super) fn acknowledge(&mut self, peer: PeerId, state: &KnownState, replaces: bool) {
        if let Some(upstream) = self.upstreams.get_mut(&peer) {
            let nothing = || KnownState::empty(state.id.clone());
            let acknowledged = &mut upstream.acknowledged;
            let acknowledged = acknowledged.get_or_insert_with(state.id.clone(), nothing);
            if replaces {
                acknowledged.clone_from(state);
            } else {
                acknowledged.merge(state);
            }
        }
    }

    /// What a peer acknowledged of a value.
    pub(super) fn acknowledged(&self, peer: PeerId, id: &CoId) -> Option<&KnownState> {
        self.upstreams.get(&peer)?.acknowledged.get(id)
    }

    /// Counts anew what of a value is durable here and not acknowledged.
    pub(super) fn recount(&mut self, durable: &KnownState) {
        for upstream in self.upstreams.values_mut() {
            upstream.recount(durable);
        }
    }
}

impl Upstream {
    fn recount(&mut self, durable: &KnownState) {
        let empty = KnownState::empty(durable.id.clone());
        let acknowledged = self.acknowledged.get(&durable.id).unwrap_or(&empty);
        let header = u64::from(durable.header && !acknowledged.header);
        let missing: u64 = durable
            .sessions
            .iter()
            .map(|(session, count)| u64::from(count.saturating_sub(acknowledged.count(session))))
            .sum();
        // A value without transactions counts as one: its header is to be uploaded.
        let behind = missing.max(header);
        let before = if behind == 0 {
            self.behind.remove(&durable.id)
        } else {
            self.behind.insert(durable.id.clone(), behind)
        };
        self.behind_total = self.behind_total + behind - before.unwrap_or_default();
    }
}

impl Replica {
    /// Says that there is an upstream peer of that id, connected or not: what it has not acknowledged is pending.
    pub fn remember_upstream(&mut self, peer: PeerId) {
        if self.uploads.remember(peer) {
            for entry in self.entries.values() {
                self.uploads.recount(&entry.durable_state());
            }
        }
    }

    /// How many transactions are durable here and not acknowledged by some upstream peer that is or was connected, or
    /// that the host said there is. Only values in memory count.
    pub fn pending_uploads(&self) -> u64 {
        self.pending_uploads_but_for(&[])
    }

    /// The same of all values but these.
    pub fn pending_uploads_but_for(&self, ids: &[CoId]) -> u64 {
        let upstreams = self.uploads.upstreams.values();
        upstreams
            .map(|upstream| {
                let others = ids.iter().filter_map(|id| upstream.behind.get(id));
                upstream.behind_total - others.sum::<u64>()
            })
            .max()
            .unwrap_or_default()
    }

    /// Whether everything here is durable and acknowledged by every upstream peer.
    pub fn is_synced(&self) -> bool {
        self.is_settled() && self.pending_uploads() == 0
    }

    /// The values of which something is not acknowledged: a host keeps their ids, to load them when it starts again.
    pub fn pending_values(&self) -> impl Iterator<Item = &CoId> {
        let upstreams = self.uploads.upstreams.values();
        let ids: crate::collections::SortedSet<_> = upstreams
            .flat_map(|upstream| upstream.behind.keys())
            .collect();
        ids.into_iter()
    }

    /// Whether we and every upstream peer that is connected, one at least, know the same of a value as far as they and we
    /// have told each other since.
    pub fn is_level(&self, id: &CoId) -> bool {
        let known = self.known_state(id);
        let is_erased = self.is_erased(id);
        let mut servers = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.is_server())
            .peekable();
        servers.peek().is_some()
            && servers.all(|(id_of_peer, peer)| {
                let belief = peer.beliefs.get(id);
                let is_answered = belief.is_some_and(|belief| !belief.awaits_answer);
                let theirs = self.uploads.acknowledged(*id_of_peer, id);
                is_answered
                    && theirs.is_some_and(|theirs| {
                        (is_erased || theirs.is_covered_by(&known)) && known.is_covered_by(theirs)
                    })
            })
    }

    /// Takes in what an upstream peer says it has; clients are not counted.
    pub(super) fn note_acknowledged(&mut self, peer: PeerId, state: &KnownState, replaces: bool) {
        if self
            .peers
            .get(&peer)
            .is_some_and(super::peer::Peer::is_server)
        {
            self.uploads.acknowledge(peer, state, replaces);
            self.recount_uploads(&state.id);
        }
    }

    pub(super) fn recount_uploads(&mut self, id: &CoId) {
        if let Some(entry) = self.entries.get(id) {
            self.uploads.recount(&entry.durable_state());
        }
    }
}
