//! News of a value in storage that this replica did not write: another server did, on the same database.
//!
//! Storage is asked again and what it has is taken in, while the value goes on being served: a value that another server
//! writes without pause must not hold up its readers here. News that come while storage is being asked may be newer than
//! its answer, so it is asked once more. What may have no news is found by comparing counts
//! ([`Replica::durable_counts`]).

use super::effect::Effect;
use super::entry::Entry;
use super::lookup::{Lookup, Seek};
use super::replica::Replica;
use crate::collections::{SortedMap, SortedSet};
use crate::ids::CoId;

/// The values of which news is being looked up.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Those in memory, which storage is asked about.
    asked: SortedSet<CoId>,
    /// Those of which more came since storage was asked, by these or by a lookup.
    again: SortedSet<CoId>,
}

impl Replica {
    /// Storage has news of a value. What is in memory of it is brought up to that, and told to the peers that are
    /// subscribed; so is a value that they asked for in vain.
    pub fn appeared(&mut self, id: &CoId) {
        self.refresh(id);
        self.work_off();
    }

    /// For values after this one in the order of their ids, at most so many: one for the header and one for each
    /// transaction, as far as they are durable. Values that a peer waits for are among them, with nothing.
    pub fn durable_counts(&self, after: Option<&CoId>, count_max: usize) -> Vec<(CoId, u64)> {
        let waited_for = entries_after(&self.subscribers, after).take(count_max);
        let held = entries_after(&self.entries, after).take(count_max);
        let waited_for = waited_for.map(|(id, _)| (id.clone(), 0));
        let held = held.map(|(id, entry)| (id.clone(), entry.durable_total()));
        let counts: SortedMap<CoId, u64> = waited_for.chain(held).collect();
        counts.into_iter().take(count_max).collect()
    }

    /// Asks storage again for a value that somebody here looks at.
    pub(super) fn refresh(&mut self, id: &CoId) {
        let lookup = self.lookups.get(id);
        let is_being_asked =
            self.news.asked.contains(id) || lookup.is_some_and(Lookup::waits_for_storage);
        if is_being_asked {
            self.news.again.insert(id.clone());
        } else if self.entries.contains_key(id) {
            self.news.asked.insert(id.clone());
            self.effect(Effect::Load(id.clone()));
        } else if lookup.is_some() || self.subscribers.contains_key(id) {
            self.seek(id, Seek::appeared());
        }
    }

    /// Storage answered. New content may depend on values that are not here: these go first.
    pub(super) fn take_news(&mut self, id: &CoId) {
        if self.news.asked.remove(id) && self.entries.contains_key(id) {
            self.await_dependencies(id);
        }
        if self.news.again.remove(id) {
            self.refresh(id);
        }
    }
}

/// The entries behind this key, or all.
fn entries_after<'a, V>(
    map: &'a SortedMap<CoId, V>,
    after: Option<&'a CoId>,
) -> impl Iterator<Item = (&'a CoId, &'a V)> {
    let entries = after.map_or_else(|| map.iter(), |after| map.iter_from(after));
    entries.filter(move |(id, _)| Some(*id) != after)
}

impl Entry {
    fn durable_total(&self) -> u64 {
        let state = self.durable_state();
        u64::from(state.header) + state.transaction_count()
    }
}
