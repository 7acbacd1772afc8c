//! The stores of loaded values, and how long a value that nobody shows any more is kept.

use cojson::collections::{OrderedMap, SortedSet};
use cojson::ids::{CoId, Timestamp};
use cojson::json::Json;
use cojson::node::{Node, Shown};

use super::ActorEngine;
use crate::reactive_store::ReactiveStore;
use crate::subscription_cache::SubscriptionCache;

/// One store per value, however many subscribe to it (R7).
#[derive(Default)]
pub(super) struct ValueStores {
    by_id: OrderedMap<CoId, ReactiveStore>,
    changed: SortedSet<CoId>,
    values: SubscriptionCache<CoId>,
    /// Streams that somebody may look at.
    whole: SortedSet<CoId>,
}

impl ValueStores {
    /// Whether somebody may look at all of a stream.
    pub(super) fn is_whole(&self, id: &CoId) -> bool {
        self.whole.contains(id) || self.by_id.contains_key(id)
    }

    pub(super) fn note_changed(&mut self, id: &CoId) {
        if self.by_id.contains_key(id) {
            self.changed.insert(id.clone());
        }
    }

    pub(super) fn take_changed(&mut self, node: &mut Node) -> Vec<(ReactiveStore, Json)> {
        let changed = std::mem::take(&mut self.changed);
        let store = |id: &CoId| Some((self.by_id.get(id)?.clone(), value_of(id, node)));
        changed.iter().filter_map(store).collect()
    }
}

/// A value as its readers see it; `null` while it cannot be read.
fn value_of(id: &CoId, node: &mut Node) -> Json {
    node.shown(id).map(Shown::to_json).unwrap_or_default()
}

impl ActorEngine {
    /// The store of a value, `null` until it is loaded. Counted: every `open_store` wants its `close_store`.
    pub fn open_store(&mut self, id: &CoId) -> ReactiveStore {
        self.stores.values.acquire(id.clone());
        self.world.node.show_whole(id);
        if let Some(store) = self.stores.by_id.get(id) {
            return store.clone();
        }
        self.world.load(id);
        let store = ReactiveStore::new(value_of(id, &mut self.world.node));
        self.stores.by_id.insert(id.clone(), store.clone());
        store
    }

    /// Somebody looks at a stream itself: if it is an inbox, also at what is handled and was let go of.
    pub fn show_whole(&mut self, id: &CoId) {
        self.world.node.show_whole(id);
        self.stores.whole.insert(id.clone());
    }

    /// One that used the store is gone.
    pub fn close_store(&mut self, id: &CoId, now: Timestamp) {
        self.stores.values.release(id, now);
    }

    /// Frees what nobody used for 5 s.
    pub fn expire(&mut self, now: Timestamp) {
        for id in self.stores.values.expire(now) {
            self.stores.by_id.remove(&id);
        }
        self.world.collections.expire(now);
    }

    /// When `expire` has something to free, or `process_inbox` an event to give that was kept for later.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let values = self.stores.values.next_deadline();
        values
            .into_iter()
            .chain(self.world.collections.next_deadline())
            .chain(self.next_due())
            .chain(self.next_renewal())
            .min()
    }

    /// How many subscriptions there are: to values, and to collections.
    pub fn subscription_counts(&self) -> (usize, usize) {
        (self.stores.values.count(), self.world.collections.count())
    }
}
