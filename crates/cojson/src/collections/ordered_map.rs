//! A map whose entries stay in the order in which they were put in.
//!
//! A short map is searched from its start; a longer one has an index of the keys' places.

use std::borrow::Borrow;
use std::fmt;
use std::iter::Map;
use std::slice;
use std::vec;

use super::SortedMap;

/// The longest map that is searched without an index.
const UNINDEXED_MAX: usize = 12;

/// An entry that is larger takes no room for others with it as long as it is alone.
const LARGE_BYTES: usize = 64;

/// A map in the order of insertion. Putting a value under a key that is there leaves the key's place.
#[derive(Clone)]
pub struct OrderedMap<K, V> {
    entries: Vec<(K, V)>,
    /// Each key's place, once there were more than [`UNINDEXED_MAX`]; till then nothing.
    index: SortedMap<K, usize>,
}

type Entry<'a, K, V> = (&'a K, &'a V);

impl<K, V> OrderedMap<K, V> {
    /// A map without entries.
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
            index: SortedMap::new(),
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry at a place.
    pub fn get_index(&self, place: usize) -> Option<Entry<'_, K, V>> {
        self.entries.get(place).map(by_parts)
    }

    /// The first entry.
    pub fn first(&self) -> Option<Entry<'_, K, V>> {
        self.get_index(0)
    }

    /// The entries, in order.
    pub fn iter(&self) -> Iter<'_, K, V> {
        self.entries.iter().map(by_parts)
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator + Clone {
        self.entries.iter().map(|(key, _)| key)
    }

    /// The values, in order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator + Clone {
        self.entries.iter().map(|(_, value)| value)
    }

    /// The entries, in order, their values to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        let entries = self.entries.iter_mut();
        entries.map(|(key, value)| (&*key, value))
    }

    /// The values, in order, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// Takes all entries out.
    pub fn clear(&mut self) {
        *self = Self::new();
    }
}

impl<K: Ord + Clone, V> OrderedMap<K, V> {
    /// The value under a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (_, value) = self.entries.get(self.get_index_of(key)?)?;
        Some(value)
    }

    /// The value under a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.get_index_of(key)?;
        let (_, value) = self.entries.get_mut(place)?;
        Some(value)
    }

    /// The key's place, the key as it was put in, and its value.
    pub fn get_full<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(usize, &K, &V)>
    where
        K: Borrow<Q>,
    {
        let place = self.get_index_of(key)?;
        let (key, value) = self.get_index(place)?;
        Some((place, key, value))
    }

    /// Whether there is an entry of this key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get_index_of(key).is_some()
    }

    /// The place of the key's entry.
    pub fn get_index_of<Q: Ord + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        if self.index.is_empty() {
            self.entries
                .iter()
                .position(|(other, _)| other.borrow() == key)
        } else {
            self.index.get(key).copied()
        }
    }

    /// Puts a value under a key, at the end if the key is new, and hands back the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(old) = self.get_mut(&key) {
            return Some(std::mem::replace(old, value));
        }
        self.push(key, value);
        None
    }

    /// The value under a key; the default, put at the end, if there was none.
    pub fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.get_or_insert_with(key, V::default)
    }

    /// The value under a key; one made now, put at the end, if there was none.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let found = self.get_index_of(&key);
        let place = found.unwrap_or_else(|| self.push(key, make()));
        #[expect(clippy::indexing_slicing, reason = "an entry was found or put there")]
        &mut self.entries[place].1
    }

    /// Takes out the value under a key; what follows moves up.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.get_index_of(key)?;
        let (_, value) = self.entries.remove(place);
        self.index.remove(key);
        for later in self.index.values_mut().filter(|other| **other > place) {
            *later -= 1;
        }
        Some(value)
    }

    /// Keeps the entries of which this says so.
    pub fn retain(&mut self, mut is_kept: impl FnMut(&K, &mut V) -> bool) {
        self.entries.retain_mut(|(key, value)| is_kept(key, value));
        self.index_anew();
    }

    fn push(&mut self, key: K, value: V) -> usize {
        let place = self.entries.len();
        if !self.index.is_empty() {
            self.index.insert(key.clone(), place);
        }
        if self.entries.is_empty() && size_of::<(K, V)>() > LARGE_BYTES {
            self.entries.reserve_exact(1);
        }
        self.entries.push((key, value));
        if place == UNINDEXED_MAX {
            self.index_anew();
        }
        place
    }

    fn index_anew(&mut self) {
        self.index = SortedMap::new();
        if self.entries.len() > UNINDEXED_MAX {
            let keys = self.entries.iter().map(|(key, _)| key.clone());
            self.index.extend(keys.zip(0..));
        }
    }
}

fn by_parts<K, V>((key, value): &(K, V)) -> Entry<'_, K, V> {
    (key, value)
}

impl<K, V> Default for OrderedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

/// The same entries, in whatever order.
impl<K: Ord + Clone, V: PartialEq> PartialEq for OrderedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        let has_equal = |(key, value): Entry<'_, K, V>| other.get(key) == Some(value);
        self.len() == other.len() && self.iter().all(has_equal)
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for OrderedMap<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self).finish()
    }
}

impl<K: Ord + Clone, V> Extend<(K, V)> for OrderedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord + Clone, V> FromIterator<(K, V)> for OrderedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord + Clone, V, const N: usize> From<[(K, V); N]> for OrderedMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K, V> IntoIterator for OrderedMap<K, V> {
    type Item = (K, V);
    type IntoIter = vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

type Iter<'a, K, V> = Map<slice::Iter<'a, (K, V)>, fn(&'a (K, V)) -> Entry<'a, K, V>>;

impl<'a, K, V> IntoIterator for &'a OrderedMap<K, V> {
    type Item = Entry<'a, K, V>;
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests;
