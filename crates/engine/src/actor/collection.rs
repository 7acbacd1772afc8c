//! Collections: the values that live queries read, kept as items whose identity changes only when they do.
//!
//! A collection is a list of ids with a name; its items are maps. An item's [`Json`] is made once and shared by every
//! query, actor and row that shows it, so that "did this row change" is a comparison of pointers.

use std::sync::Arc;

use cojson::collections::{SortedMap, SortedSet};
use cojson::ids::{CoId, Timestamp};
use cojson::json::Json;
use cojson::node::Node;
use cojson::view::ListView;

use crate::subscription_cache::SubscriptionCache;

/// Every collection that some query reads, by the id of its list.
#[derive(Default)]
pub(crate) struct Collections {
    by_id: SortedMap<CoId, Collection>,
    /// The collections that hold an item, so that its change finds them.
    holders: SortedMap<CoId, SortedSet<CoId>>,
    subscriptions: SubscriptionCache<CoId>,
}

#[derive(Default)]
struct Collection {
    name: Arc<str>,
    /// What is listed, in order.
    slots: Vec<Slot>,
    places: SortedMap<CoId, usize>,
    /// The items of the slots; `None` since one of them changed.
    items: Option<Arc<Vec<Json>>>,
}

/// A place in a list, and its item if it can be read.
struct Slot {
    id: CoId,
    item: Option<Json>,
}

impl Collections {
    /// One more query reads the list of that id. The first has it loaded; its items appear as they are.
    pub(crate) fn acquire(&mut self, id: &CoId, name: &Arc<str>, node: &mut Node) {
        self.subscriptions.acquire(id.clone());
        if !self.by_id.contains_key(id) {
            let collection = Collection {
                name: Arc::clone(name),
                ..Collection::default()
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
    pub(crate) fn changed(&mut self, id: &CoId, node: &mut Node) -> SortedSet<CoId> {
        let mut touched = SortedSet::new();
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

    /// The items that are there, in the list's order; the very same as long as nothing changed.
    pub(crate) fn items(&mut self, id: &CoId) -> Arc<Vec<Json>> {
        let collection = self.by_id.get_mut(id);
        collection.map(Collection::items).unwrap_or_default()
    }

    /// Takes a list's order over; whether it is another now.
    fn reread_order(&mut self, id: &CoId, node: &mut Node) -> bool {
        let Some(collection) = self.by_id.get_mut(id) else {
            return false;
        };
        let Some(new) = collection.reread_order(node.list(id)) else {
            return false;
        };
        for item in new {
            let lists = self.holders.get_or_default(item.clone());
            lists.insert(id.clone());
            node.load(&item);
            collection.reread_item(&item, node);
        }
        true
    }
}

impl Collection {
    fn items(&mut self) -> Arc<Vec<Json>> {
        let slots = &self.slots;
        let read = || slots.iter().filter_map(|slot| slot.item.clone()).collect();
        Arc::clone(self.items.get_or_insert_with(|| Arc::new(read())))
    }

    /// Takes over what is listed; what was not listed before. `None`: nothing is another than before.
    fn reread_order(&mut self, list: Option<&ListView>) -> Option<Vec<CoId>> {
        let mut listed = list.into_iter().flat_map(ListView::iter).peekable();
        let mut kept = 0;
        let is_kept = |slot: &Slot, text: &Json| text.as_str() == Some(slot.id.as_str());
        while let Some(slot) = self.slots.get(kept)
            && listed.next_if(|text| is_kept(slot, text)).is_some()
        {
            kept += 1;
        }
        if kept == self.slots.len() && listed.peek().is_none() {
            return None;
        }
        let mut left: SortedMap<CoId, Option<Json>> = self.cut_off(kept);
        let mut new = Vec::new();
        for id in listed.filter_map(|text| CoId::parse(text.as_str()?).ok()) {
            if self.places.contains_key(&id) {
                continue; // Each counts once, where it stands first.
            }
            let item = left.remove(&id).unwrap_or_else(|| {
                new.push(id.clone());
                None
            });
            self.places.insert(id.clone(), self.slots.len());
            self.slots.push(Slot { id, item });
        }
        Some(new)
    }

    /// Takes the slots from a place on out.
    fn cut_off(&mut self, kept: usize) -> SortedMap<CoId, Option<Json>> {
        self.items = None;
        let cut = self.slots.split_off(kept);
        for slot in &cut {
            self.places.remove(&slot.id);
        }
        cut.into_iter().map(|slot| (slot.id, slot.item)).collect()
    }

    /// Reads an item again; whether it is another now. One that is equal stays the very same.
    fn reread_item(&mut self, id: &CoId, node: &mut Node) -> bool {
        let place = self.places.get(id);
        let Some(slot) = place.and_then(|place| self.slots.get_mut(*place)) else {
            return false;
        };
        let item = node.map(id).map(|map| with_id(&map.to_json(), id));
        let is_changed = item != slot.item;
        if is_changed {
            slot.item = item;
            self.items = None;
        }
        is_changed
    }
}

/// A value's own fields and its `id`.
fn with_id(fields: &Json, id: &CoId) -> Json {
    let id_member = ("id".into(), Json::from(id.as_str()));
    let own = fields.as_object().into_iter().flatten();
    let own = own.map(|(key, value)| (key.clone(), value.clone()));
    Json::object(std::iter::once(id_member).chain(own.filter(|(key, _)| &**key != "id")))
}
