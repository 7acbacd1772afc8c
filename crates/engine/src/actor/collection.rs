//! Collections: the values that live queries read, kept as items whose identity changes only when they do.
//!
//! A collection is a list of ids with a name; its items are maps. An item's [`Json`] is made once and shared by every
//! query, actor and row that shows it, so that "did this row change" is a comparison of pointers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cojson::ids::{CoId, Timestamp};
use cojson::json::Json;
use cojson::node::Node;

use crate::subscription_cache::SubscriptionCache;

/// Every collection that some query reads, by the id of its list.
#[derive(Default)]
pub(crate) struct Collections {
    by_id: BTreeMap<CoId, Collection>,
    /// The collections that hold an item, so that its change finds them.
    holders: BTreeMap<CoId, BTreeSet<CoId>>,
    subscriptions: SubscriptionCache<CoId>,
}

struct Collection {
    name: Arc<str>,
    order: Vec<CoId>,
    items: BTreeMap<CoId, Json>,
}

impl Collections {
    /// One more query reads the list of that id. The first has it loaded; its items appear as they are.
    pub(crate) fn acquire(&mut self, id: &CoId, name: &Arc<str>, node: &mut Node) {
        self.subscriptions.acquire(id.clone());
        if !self.by_id.contains_key(id) {
            let name = Arc::clone(name);
            let collection = Collection {
                name,
                order: Vec::new(),
                items: BTreeMap::new(),
            };
            self.by_id.insert(id.clone(), collection);
            node.load(id);
            self.reread_order(id, node);
        }
    }

    /// One query less reads it.
    pub(crate) fn release(&mut self, id: &CoId, now: Timestamp) {
        self.subscriptions.release(id, now);
    }

    /// Forgets the lists that nobody has read for 5 s, and their items (R7).
    pub(crate) fn expire(&mut self, now: Timestamp) {
        for id in self.subscriptions.expire(now) {
            self.by_id.remove(&id);
            self.holders.retain(|_, lists| {
                lists.remove(&id);
                !lists.is_empty()
            });
        }
    }

    /// When `expire` has something to forget.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.subscriptions.next_deadline()
    }

    /// How many lists are followed.
    pub(crate) fn count(&self) -> usize {
        self.subscriptions.count()
    }

    /// Takes a value's change in; the collections whose content is another now.
    pub(crate) fn changed(&mut self, id: &CoId, node: &mut Node) -> BTreeSet<CoId> {
        let mut touched = BTreeSet::new();
        if self.by_id.contains_key(id) && self.reread_order(id, node) {
            touched.insert(id.clone());
        }
        for list in self.holders.get(id).cloned().unwrap_or_default() {
            let collection = self.by_id.get_mut(&list);
            if collection.is_some_and(|collection| collection.reread_item(id, node)) {
                touched.insert(list);
            }
        }
        touched
    }

    /// The lists that hold an item.
    pub(crate) fn holding(&self, item: &CoId) -> Vec<CoId> {
        self.holders
            .get(item)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// The names of the collections that hold an item.
    pub(crate) fn names_holding(&self, item: &CoId) -> Vec<Arc<str>> {
        let lists = self.holders.get(item).into_iter().flatten();
        lists
            .filter_map(|list| Some(Arc::clone(&self.by_id.get(list)?.name)))
            .collect()
    }

    /// The items that are there, in the list's order.
    pub(crate) fn items(&self, id: &CoId) -> impl Iterator<Item = &Json> {
        self.by_id.get(id).into_iter().flat_map(|collection| {
            collection
                .order
                .iter()
                .filter_map(|item| collection.items.get(item))
        })
    }

    /// Takes a list's order over; whether it or an item is another now.
    fn reread_order(&mut self, id: &CoId, node: &mut Node) -> bool {
        let Some(collection) = self.by_id.get_mut(id) else {
            return false;
        };
        let order = node
            .list(id)
            .map(|list| item_ids(list.iter()))
            .unwrap_or_default();
        let mut is_changed = order != collection.order;
        collection.order = order;
        for item in collection.forget_strangers() {
            self.holders
                .entry(item.clone())
                .or_default()
                .insert(id.clone());
            node.load(&item);
            is_changed |= collection.reread_item(&item, node);
        }
        is_changed
    }
}

impl Collection {
    /// Drops the items that are not listed any more; those that are listed and not here.
    fn forget_strangers(&mut self) -> Vec<CoId> {
        let listed: BTreeSet<&CoId> = self.order.iter().collect();
        self.items.retain(|item, _| listed.contains(item));
        let is_missing = |item: &&CoId| !self.items.contains_key(*item);
        self.order.iter().filter(is_missing).cloned().collect()
    }

    /// Reads an item again; whether it is another now. One that is equal stays the very same.
    fn reread_item(&mut self, id: &CoId, node: &mut Node) -> bool {
        let item = node.map(id).map(|map| with_id(&map.to_json(), id));
        if item.as_ref() == self.items.get(id) {
            return false;
        }
        match item {
            Some(item) => self.items.insert(id.clone(), item),
            None => self.items.remove(id),
        };
        true
    }
}

/// The ids among a list's items, each once, in order. What is no id is not an item.
fn item_ids<'a>(items: impl Iterator<Item = &'a Json>) -> Vec<CoId> {
    let mut seen = BTreeSet::new();
    items
        .filter_map(|item| CoId::parse(item.as_str()?).ok())
        .filter(|id| seen.insert(id.clone()))
        .collect()
}

/// A value's own fields and its `id`.
fn with_id(fields: &Json, id: &CoId) -> Json {
    let id_member = ("id".into(), Json::from(id.as_str()));
    let own = fields.as_object().into_iter().flatten();
    let own = own.map(|(key, value)| (key.clone(), value.clone()));
    Json::object(std::iter::once(id_member).chain(own.filter(|(key, _)| &**key != "id")))
}
