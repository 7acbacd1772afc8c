//! A CoMap's view: for each key the last write wins, and all writes are kept as history.
//!
//! Takes transactions in any order of arrival. Keys are listed in the order of their first writes, on every replica alike.

use std::sync::Arc;

use super::{Applied, Placed, Position, ValidTransaction, by_place, insert_in_order};
use crate::collections::SortedMap;
use crate::ids::Timestamp;
use crate::json::{Json, JsonObject};

/// A change to a map.
#[derive(Clone, Debug, PartialEq)]
pub enum MapChange {
    /// `{op:"set",key,value}`
    Set {
        /// The key that is written.
        key: Arc<str>,
        /// Its value; `None` is JavaScript's `undefined`.
        value: Option<Json>,
    },
    /// `{op:"del",key}`
    Delete {
        /// The key that is removed.
        key: Arc<str>,
    },
}

impl MapChange {
    /// Writes a key.
    pub fn set(key: &str, value: Json) -> Self {
        Self::Set {
            key: key.into(),
            value: Some(value),
        }
    }

    /// Removes a key.
    pub fn delete(key: &str) -> Self {
        Self::Delete { key: key.into() }
    }

    /// The change that this JSON stands for, if it is a map's.
    pub fn from_json(json: &Json) -> Option<Self> {
        let Json::String(key) = json.get("key")? else {
            return None;
        };
        let key = Arc::clone(key);
        match json.get("op")?.as_str()? {
            "set" => Some(Self::Set {
                key,
                value: json.get("value").cloned(),
            }),
            "del" => Some(Self::Delete { key }),
            _ => None,
        }
    }

    /// As it is written into a transaction.
    pub fn to_json(&self) -> Json {
        let (op, key, value) = match self {
            Self::Set { key, value } => ("set", key, value.clone()),
            Self::Delete { key } => ("del", key, None),
        };
        let members = [("op", Json::from(op)), ("key", Arc::clone(key).into())];
        Json::object(
            members
                .into_iter()
                .chain(value.map(|value| ("value", value))),
        )
    }

    fn into_parts(self) -> (Arc<str>, Option<Json>) {
        match self {
            Self::Set { key, value } => (key, value),
            Self::Delete { key } => (key, None),
        }
    }
}

/// One write to a key.
#[derive(Clone, Debug, PartialEq)]
pub struct MapEntry {
    /// When and where it was written.
    pub position: Position,
    /// Its place among the transaction's changes.
    pub change: u32,
    /// What was written; `None` if the key was removed.
    pub value: Option<Json>,
}

impl Placed for MapEntry {
    fn place(&self) -> (&Position, u32) {
        (&self.position, self.change)
    }
}

/// Where the first write of a key stands.
#[derive(Clone, Debug, PartialEq)]
struct FirstWrite {
    position: Position,
    change: u32,
}

impl FirstWrite {
    fn of(entry: &MapEntry) -> Self {
        Self {
            position: entry.position.clone(),
            change: entry.change,
        }
    }
}

impl Placed for FirstWrite {
    fn place(&self) -> (&Position, u32) {
        (&self.position, self.change)
    }
}

/// A key as it is looked for: by a number that is made of its letters, and by these where that is the same. So a search
/// goes by numbers that lie beside each other, not from one text in memory to the next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    hash: u32,
    text: Arc<str>,
}

impl Name {
    fn of(text: Arc<str>) -> Self {
        Self {
            hash: hash_of(&text),
            text,
        }
    }
}

/// FNV-1a. Who chooses keys of one hash makes a search compare their letters, no more.
fn hash_of(text: &str) -> u32 {
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    text.bytes().fold(0x811c_9dc5, mix)
}

/// A map as its transactions make it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MapView {
    /// Each key's writes in order, never empty.
    histories: SortedMap<Name, Vec<MapEntry>>,
    /// The keys in the order of their first writes.
    keys: Vec<Arc<str>>,
    /// Where the first write of the last of the keys stands: what comes behind that adds its key at the end.
    last_first: Option<FirstWrite>,
    /// How many keys hold something.
    held: usize,
}

impl MapView {
    /// Takes a transaction; one that was taken before changes nothing. Always [`Applied::Shown`].
    pub fn apply(&mut self, transaction: &ValidTransaction) -> Applied {
        let position = transaction.position();
        for (change, json) in (0..).zip(&transaction.changes) {
            if let Some(parsed) = MapChange::from_json(json) {
                let (key, value) = parsed.into_parts();
                let entry = MapEntry {
                    position: position.clone(),
                    change,
                    value,
                };
                self.insert(key, entry);
            }
        }
        Applied::Shown
    }

    /// What the key holds now.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.last_entry(key)?.value.as_ref()
    }

    /// What the key held at a time, by the authors' clocks.
    pub fn get_at(&self, key: &str, time: Timestamp) -> Option<&Json> {
        let history = self.history(key);
        let later = history.partition_point(|entry| entry.position.made_at <= time);
        history.get(later.checked_sub(1)?)?.value.as_ref()
    }

    /// The whole map as an object, as it was at a time by the authors' clocks.
    pub fn at(&self, time: Timestamp) -> Json {
        let keys = self.keys.iter();
        let members =
            keys.filter_map(|key| Some((Arc::clone(key), self.get_at(key, time)?.clone())));
        members.collect::<JsonObject>().into()
    }

    /// The write that decides what the key holds now, a removal too.
    pub fn last_entry(&self, key: &str) -> Option<&MapEntry> {
        self.history(key).last()
    }

    /// All writes to a key, in order.
    pub fn history(&self, key: &str) -> &[MapEntry] {
        let hash = hash_of(key);
        let order = |name: &Name| (name.hash, &*name.text).cmp(&(hash, key));
        self.histories.get_by(order).map_or(&[], Vec::as_slice)
    }

    /// The keys that hold something, with what they hold.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Json)> {
        let keys = self.keys.iter();
        keys.filter_map(|key| Some((key, self.get(key)?)))
    }

    /// How many keys hold something.
    pub fn len(&self) -> usize {
        self.held
    }

    /// Whether no key holds anything.
    pub fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// The whole map as an object.
    pub fn to_json(&self) -> Json {
        let members = self
            .iter()
            .map(|(key, value)| (Arc::clone(key), value.clone()));
        members.collect::<JsonObject>().into()
    }

    fn insert(&mut self, key: Arc<str>, entry: MapEntry) {
        let begin = || Vec::with_capacity(1);
        let name = Name::of(Arc::clone(&key));
        let history = self.histories.get_or_insert_with(name, begin);
        let (is_new, held_before) = (history.is_empty(), holds(history));
        let place = insert_in_order(history, entry);
        self.held -= usize::from(held_before);
        self.held += usize::from(holds(history));
        let first = history.first().filter(|_| place == Some(0));
        if let Some(first) = first.map(FirstWrite::of) {
            // The key's first write is now this one.
            if !is_new {
                self.keys.retain(|other| *other != key);
                let last = self.keys.last().and_then(|last| self.first_write(last));
                self.last_first = last.map(FirstWrite::of);
            }
            self.place_key(key, first);
        }
    }

    /// Puts a key that is not among the keys where its first write says.
    fn place_key(&mut self, key: Arc<str>, first: FirstWrite) {
        let last = self.last_first.as_ref();
        if last.is_none_or(|last| by_place(last, &first).is_lt()) {
            self.keys.push(key);
            self.last_first = Some(first);
        } else {
            let is_before = |other: &Arc<str>| {
                let other = self.first_write(other);
                other.is_some_and(|other| by_place(other, &first).is_lt())
            };
            let place = self.keys.partition_point(is_before);
            self.keys.insert(place, key);
        }
    }

    fn first_write(&self, key: &str) -> Option<&MapEntry> {
        self.history(key).first()
    }
}

/// Whether a key of these writes holds something.
fn holds(history: &[MapEntry]) -> bool {
    history.last().is_some_and(|entry| entry.value.is_some())
}
