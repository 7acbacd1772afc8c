//! A CoMap's view: for each key the last write wins, and all writes are kept as history.
//!
//! Takes transactions in any order of arrival. Keys are listed in the order of their first writes, on every replica alike.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{Applied, Placed, Position, ValidTransaction, by_place, insert_in_order};
use crate::collections::SortedMap;
use crate::ids::Timestamp;
use crate::json::{Json, JsonError, JsonObject, Reader};

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
        match Op::of(json.get("op")?.as_str()?) {
            Op::Set => Some(Self::Set {
                key,
                value: json.get("value").cloned(),
            }),
            Op::Delete => Some(Self::Delete { key }),
            Op::Other => None,
        }
    }

    /// What [`from_json`](Self::from_json) finds in the value that comes next, without making it.
    pub fn read(reader: &mut Reader<'_>) -> Result<Option<Self>, JsonError> {
        if !reader.is_object() {
            return reader.skip().map(|()| None);
        }
        let (mut op, mut key, mut value) = (Op::Other, None, None);
        reader.object(&mut |reader, member| {
            match member {
                "op" => op = Op::read(reader)?,
                "key" => key = reader.text_or_skip()?,
                "value" => value = Some(reader.value()?),
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        Ok(match (op, key) {
            (Op::Set, Some(key)) => Some(Self::Set { key, value }),
            (Op::Delete, Some(key)) => Some(Self::Delete { key }),
            _ => None,
        })
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

/// What a change does.
enum Op {
    Set,
    Delete,
    Other,
}

impl Op {
    fn of(word: &str) -> Self {
        match word {
            "set" => Self::Set,
            "del" => Self::Delete,
            _ => Self::Other,
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, JsonError> {
        if reader.is_text() {
            return Ok(Self::of(&reader.text()?));
        }
        reader.skip().map(|()| Self::Other)
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

/// A key with all its writes.
#[derive(Clone, Debug, PartialEq)]
struct Written {
    key: Arc<str>,
    /// In order, never empty.
    history: Vec<MapEntry>,
}

/// Where a key is found: by a number that is made of its letters, and by these where that is the same. So a search goes by
/// numbers that lie beside each other, not from one text in memory to the next.
#[derive(Clone, Copy, Debug)]
struct Indexed {
    hash: u32,
    /// Its place among what is written.
    at: usize,
}

/// FNV-1a. Who chooses keys of one hash makes a search compare their letters, no more.
fn hash_of(text: &str) -> u32 {
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    text.bytes().fold(0x811c_9dc5, mix)
}

/// A map as its transactions make it.
#[derive(Clone, Debug, Default)]
pub struct MapView {
    /// The keys as they came.
    written: Vec<Written>,
    /// Each key once, in the order of their numbers.
    index: SortedMap<Indexed, ()>,
    /// Of each key its place among what is written, in the order of their first writes.
    keys: Vec<usize>,
    /// How many keys hold something.
    held: usize,
}

/// The same writes to the same keys, in whatever order they came.
impl PartialEq for MapView {
    fn eq(&self, other: &Self) -> bool {
        self.in_order().eq(other.in_order())
    }
}

impl MapView {
    /// Takes a transaction; one that was taken before changes nothing. Always [`Applied::Shown`].
    pub fn apply(&mut self, transaction: &ValidTransaction) -> Applied {
        let changes = transaction.changes.iter().map(MapChange::from_json);
        self.take(transaction.position(), changes);
        Applied::Shown
    }

    /// Takes the changes of a transaction, each at its place among them.
    pub(crate) fn take(
        &mut self,
        position: Position,
        changes: impl ExactSizeIterator<Item = Option<MapChange>>,
    ) {
        let positions = std::iter::repeat_n(position, changes.len());
        for (change, (position, parsed)) in (0..).zip(positions.zip(changes)) {
            if let Some(parsed) = parsed {
                let (key, value) = parsed.into_parts();
                let entry = MapEntry {
                    position,
                    change,
                    value,
                };
                self.insert(key, entry);
            }
        }
    }

    /// What the key holds now.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.last_entry(key)?.value.as_ref()
    }

    /// What the key held at a time, by the authors' clocks.
    pub fn get_at(&self, key: &str, time: Timestamp) -> Option<&Json> {
        held_at(self.history(key), time)
    }

    /// The whole map as an object, as it was at a time by the authors' clocks.
    pub fn at(&self, time: Timestamp) -> Json {
        let members = self.in_order().filter_map(|written| {
            let value = held_at(&written.history, time)?;
            Some((Arc::clone(&written.key), value.clone()))
        });
        members.collect::<JsonObject>().into()
    }

    /// The write that decides what the key holds now, a removal too.
    pub fn last_entry(&self, key: &str) -> Option<&MapEntry> {
        self.history(key).last()
    }

    /// All writes to a key, in order.
    pub fn history(&self, key: &str) -> &[MapEntry] {
        let found = self.index.get_key_by(by_key(&self.written, key));
        let written = found.and_then(|found| self.written.get(found.at));
        written.map_or(&[], |written| &written.history)
    }

    /// The keys that hold something, with what they hold.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Json)> {
        self.in_order().filter_map(|written| {
            let value = written.history.last()?.value.as_ref()?;
            Some((&written.key, value))
        })
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

    /// The keys with their writes, in the order of the first of these.
    fn in_order(&self) -> impl Iterator<Item = &Written> {
        self.keys.iter().filter_map(|at| self.written.get(*at))
    }

    fn insert(&mut self, key: Arc<str>, entry: MapEntry) {
        let at = self.place_of(key);
        let Some(Written { history, .. }) = self.written.get_mut(at) else {
            return;
        };
        let (is_new, held_before) = (history.is_empty(), holds(history));
        let place = insert_in_order(history, entry);
        self.held -= usize::from(held_before);
        self.held += usize::from(holds(history));
        if place == Some(0) {
            // The key's first write is now this one.
            if !is_new {
                self.keys.retain(|other| *other != at);
            }
            self.order_key(at);
        }
    }

    /// The place of a key among what is written; a new one has no history yet.
    fn place_of(&mut self, key: Arc<str>) -> usize {
        let new = Indexed {
            hash: hash_of(&key),
            at: self.written.len(),
        };
        let order = by_key(&self.written, &key);
        let found = self.index.get_key_or_insert(order, (new, ())).at;
        if found == new.at {
            let history = Vec::with_capacity(1);
            self.written.push(Written { key, history });
        }
        found
    }

    /// Puts a key that is not among the keys where its first write says.
    fn order_key(&mut self, at: usize) {
        let first = |at: usize| self.written.get(at)?.history.first();
        let is_before = |other: &usize| match (first(*other), first(at)) {
            (Some(other), Some(first)) => by_place(other, first).is_lt(),
            _ => false,
        };
        let place = match self.keys.last() {
            Some(last) if !is_before(last) => self.keys.partition_point(is_before),
            _ => self.keys.len(),
        };
        self.keys.insert(place, at);
    }
}

/// The order of keys in the index, as seen from one of them.
fn by_key<'a>(written: &'a [Written], key: &'a str) -> impl Fn(&Indexed) -> Ordering {
    let hash = hash_of(key);
    move |other| {
        let letters = || written.get(other.at).map(|other| &*other.key);
        other
            .hash
            .cmp(&hash)
            .then_with(|| letters().cmp(&Some(key)))
    }
}

/// What a key of these writes held at a time.
fn held_at(history: &[MapEntry], time: Timestamp) -> Option<&Json> {
    let later = history.partition_point(|entry| entry.position.made_at <= time);
    history.get(later.checked_sub(1)?)?.value.as_ref()
}

/// Whether a key of these writes holds something.
fn holds(history: &[MapEntry]) -> bool {
    history.last().is_some_and(|entry| entry.value.is_some())
}
