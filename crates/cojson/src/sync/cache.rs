//! What the values in memory weigh, and letting go of what storage keeps too: for a server whose storage holds more than
//! its memory.
//!
//! The values stand in a ring. Whoever needs room goes around it: a value that was used since the last round is passed
//! by once, one that nobody looks at is dropped, one that has subscribers keeps its outline (who wrote how much of it)
//! and loses its transactions. What is not durable never leaves, nor what a value that stays depends on; groups and
//! accounts stay whole, since what they say is needed to judge others. A host with an application of its own, which
//! would lose what it shows, never calls [`Replica::evict`].

use std::collections::VecDeque;

use super::RELAY;
use super::entry::Entry;
use super::replica::Replica;
use crate::collections::{OrderedSet, SortedMap, SortedSet};
use crate::ids::CoId;
use crate::json::Wire as _;
use crate::session_log::SessionLog;

/// A value may hold this part of the bound in transactions that storage keeps too: a long log that is being written
/// must not push everything else out.
const SHARE_OF_ONE_VALUE: usize = 8;

/// After so many values from which nothing could be taken the rest is left for the next time.
const FRUITLESS_MAX: usize = 256;

/// What a value takes besides its header and sessions: its places in the replica's maps, and its ids there.
const VALUE_BYTES: usize = size_of::<Entry>() + 512;

/// What a dependency takes.
const DEPENDENCY_BYTES: usize = 160;

/// What the cache knows of a value.
#[derive(Debug, Default)]
pub(super) struct Cached {
    /// What it was counted with last; 0 before it was counted, and it is not in the ring.
    bytes: usize,
    header_bytes: usize,
    /// It was used since the ring came by.
    is_used: bool,
    /// Dependencies that are not counted as needed yet.
    uncounted: Vec<CoId>,
}

impl Cached {
    pub(super) fn new(dependencies: &SortedSet<CoId>) -> Self {
        let mut cached = Self::default();
        for id in dependencies {
            cached.note_dependency(id);
        }
        cached
    }

    pub(super) fn note_dependency(&mut self, id: &CoId) {
        if RELAY {
            self.uncounted.push(id.clone());
        }
    }
}

/// The books over the values in memory.
#[derive(Debug, Default)]
pub(super) struct Cache {
    bytes: usize,
    ring: VecDeque<CoId>,
    /// Values to be counted anew.
    touched: OrderedSet<CoId>,
    /// How many values in memory depend on a value.
    dependents: SortedMap<CoId, usize>,
}

impl Cache {
    /// A value leaves the ring.
    pub(super) fn unlist(&mut self, id: &CoId) {
        self.ring.retain(|listed| listed != id);
    }

    /// A value leaves memory.
    pub(super) fn forget(&mut self, entry: &Entry) {
        self.bytes -= entry.cached.bytes;
        let counted = |id: &&CoId| !entry.cached.uncounted.contains(id);
        for id in entry.dependencies.iter().filter(counted) {
            if let Some(dependents) = self.dependents.get_mut(id) {
                *dependents -= 1;
                if *dependents == 0 {
                    self.dependents.remove(id);
                }
            }
        }
    }
}

impl Entry {
    /// About how much memory it takes.
    fn memory_bytes(&self) -> usize {
        let sessions = self.log.sessions().map(SessionLog::memory_bytes);
        let dependencies = self.dependencies.len() * DEPENDENCY_BYTES;
        VALUE_BYTES + self.cached.header_bytes + sessions.sum::<usize>() + dependencies
    }

    /// Lets go of the transactions that storage keeps.
    fn shed(&mut self) {
        let durable = self.durable_ends();
        // A tombstone is short, and needed to judge it again.
        let content = durable
            .into_iter()
            .filter(|(session, _)| !session.is_delete());
        for (session, count) in content {
            if let Some(log) = self.log.session_mut(&session) {
                log.shed(count);
            }
        }
    }

    /// Lets go of everything that storage keeps or that can be made anew from it.
    fn shed_all(&mut self) {
        self.shed();
        self.log.sessions_mut().for_each(SessionLog::rest);
    }
}

impl Replica {
    /// About how much memory the values take, in bytes.
    pub fn cache_bytes(&self) -> usize {
        self.cache.bytes
    }

    /// Lets go of values, the least recently used first, until they fit in
    /// [`cache_bytes_max`](super::ReplicaConfig::cache_bytes_max) or nothing more can go. To be called after each input.
    pub fn evict(&mut self) {
        for id in std::mem::take(&mut self.cache.touched) {
            self.recount(&id, true);
        }
        let mut fruitless = 0;
        while self.cache.bytes > self.config.cache_bytes_max
            && fruitless < FRUITLESS_MAX
            && let Some(id) = self.cache.ring.pop_front()
        {
            if !self.squeeze(id) {
                fruitless += 1;
            }
        }
    }

    /// The value was used, and may weigh something else than before.
    pub(super) fn touch(&mut self, id: &CoId) {
        if RELAY && self.config.cache_bytes_max != usize::MAX {
            self.cache.touched.insert(id.clone());
        }
    }

    fn recount(&mut self, id: &CoId, is_used: bool) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        if entry.cached.bytes == 0 {
            entry.cached.header_bytes = entry.log.header().to_text().len();
            self.cache.ring.push_back(id.clone());
        }
        for dependency in std::mem::take(&mut entry.cached.uncounted) {
            *self.cache.dependents.get_or_default(dependency) += 1;
        }
        let share = self.config.cache_bytes_max / SHARE_OF_ONE_VALUE;
        if entry.memory_bytes() > share && !entry.is_group() {
            entry.shed();
        }
        entry.cached.is_used |= is_used;
        let bytes = entry.memory_bytes();
        self.cache.bytes = self.cache.bytes - entry.cached.bytes + bytes;
        entry.cached.bytes = bytes;
    }

    /// Takes from the value at the head of the ring what can be taken. Returns whether that was of use.
    fn squeeze(&mut self, id: CoId) -> bool {
        let is_in_use = self.is_in_use(&id);
        let Some(entry) = self.entries.get_mut(&id) else {
            return true;
        };
        if std::mem::take(&mut entry.cached.is_used) {
            self.cache.ring.push_back(id);
            return true;
        }
        if !is_in_use {
            self.forget_tombstones(&id);
            if let Some(entry) = self.entries.remove(&id) {
                self.cache.forget(&entry);
            }
            return true;
        }
        let before = entry.cached.bytes;
        if !entry.is_group() {
            entry.shed_all();
        }
        self.recount(&id, false);
        let after = self.entries.get(&id).map_or(0, |entry| entry.cached.bytes);
        self.cache.ring.push_back(id);
        after < before
    }

    /// Whether somebody needs the value here: a client, a search, a value that depends on it, or storage, which does not
    /// have all of it yet.
    fn is_in_use(&self, id: &CoId) -> bool {
        let subscribers = self.subscribers.get(id).into_iter().flatten();
        let mut peers = subscribers.filter_map(|peer| self.peers.get(peer));
        peers.any(|peer| !peer.is_server())
            || self.cache.dependents.contains_key(id)
            || self.lookups.contains_key(id)
            || self.waiters.contains_key(id)
            || !self.entries.get(id).is_some_and(Entry::is_all_durable)
    }
}
