//! Letting go of what nobody looks at: for a server whose storage holds more than its memory.

use super::replica::Replica;
use crate::collections::SortedSet;
use crate::ids::CoId;

impl Replica {
    /// Drops from memory the values that no client is subscribed to, that are durable to the last transaction, and on
    /// which nothing that stays depends; they are loaded again when somebody asks. Returns how many were dropped. It looks
    /// at every value in memory. Not for a host with an application of its own, which would lose what it shows.
    pub fn forget_idle(&mut self) -> usize {
        let mut open: Vec<CoId> = self
            .entries
            .keys()
            .filter(|id| self.is_in_use(id))
            .cloned()
            .collect();
        let mut kept: SortedSet<CoId> = open.iter().cloned().collect();
        while let Some(id) = open.pop() {
            let dependencies = self.entries.get(&id).map(|entry| entry.dependencies.iter());
            let new = dependencies
                .into_iter()
                .flatten()
                .filter(|id| kept.insert((*id).clone()));
            open.extend(new.cloned());
        }
        let before = self.entries.len();
        self.entries.retain(|id, _| kept.contains(id));
        before - self.entries.len()
    }

    fn is_in_use(&self, id: &CoId) -> bool {
        let subscribers = self.subscribers.get(id).into_iter().flatten();
        let mut peers = subscribers.filter_map(|peer| self.peers.get(peer));
        peers.any(|peer| !peer.is_server())
            || self.lookups.contains_key(id)
            || self.waiters.contains_key(id)
            || !self
                .entries
                .get(id)
                .is_some_and(super::entry::Entry::is_all_durable)
    }
}
