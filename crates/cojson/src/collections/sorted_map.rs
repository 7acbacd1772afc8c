//! A map whose keys are kept in order: pages of sorted entries, found by two binary searches.
//!
//! No page is empty or longer than [`PAGE_ENTRIES_MAX`], so an insertion moves a bounded number of entries and, once in
//! many, the list of pages: quick with one entry and with a million.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::iter::Flatten;
use std::slice;
use std::vec;

/// The most entries of one page; a longer one is cut in two. With one more it has the room that memory is taken in, and does
/// not take twice as much.
const PAGE_ENTRIES_MAX: usize = 63;

/// A map in the order of its keys.
#[derive(Clone)]
pub struct SortedMap<K, V> {
    pages: Vec<Vec<(K, V)>>,
}

/// Where an entry is, or belongs.
#[derive(Clone, Copy)]
struct Place {
    page: usize,
    at: usize,
}

impl<K, V> SortedMap<K, V> {
    /// A map without entries.
    pub const fn new() -> Self {
        Self { pages: Vec::new() }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.pages.iter().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// The entries, in order.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter {
            page: [].iter(),
            pages: self.pages.iter(),
        }
    }

    /// The entries, in order, their values to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        let entries = self.pages.iter_mut().flatten();
        entries.map(|(key, value)| (&*key, value))
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// The values, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// The values, in the order of their keys, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// The keys, taken out in order.
    pub fn into_keys(self) -> impl Iterator<Item = K> {
        self.into_iter().map(|(key, _)| key)
    }

    /// The values, taken out in the order of their keys.
    pub fn into_values(self) -> impl Iterator<Item = V> {
        self.into_iter().map(|(_, value)| value)
    }

    /// Takes all entries out.
    pub fn clear(&mut self) {
        self.pages.clear();
    }

    /// Keeps the entries of which this says so.
    pub fn retain(&mut self, mut is_kept: impl FnMut(&K, &mut V) -> bool) {
        self.pages.retain_mut(|page| {
            page.retain_mut(|(key, value)| is_kept(key, value));
            !page.is_empty()
        });
    }

    /// The entry with the smallest key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// Takes out the entry with the smallest key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        self.take(Place { page: 0, at: 0 })
    }

    /// The key that this says is equal; of each other it says whether it comes before it or after it.
    pub fn get_key_by(&self, order: impl Fn(&K) -> Ordering) -> Option<&K> {
        let (key, _) = self.entry_at(self.find_by(order).ok()?)?;
        Some(key)
    }

    /// The same; if there is none, the entry is put where it belongs.
    pub fn get_key_or_insert(&mut self, order: impl Fn(&K) -> Ordering, entry: (K, V)) -> &K {
        let place = match self.find_by(order) {
            Ok(place) => place,
            Err(place) => self.put(place, entry.0, entry.1),
        };
        #[expect(clippy::indexing_slicing, reason = "an entry was found or put there")]
        &self.pages[place.page][place.at].0
    }

    fn find_by(&self, order: impl Fn(&K) -> Ordering) -> Result<Place, Place> {
        let ends_before =
            |page: &Vec<(K, V)>| page.last().is_some_and(|(last, _)| order(last).is_lt());
        let page = self.pages.partition_point(ends_before);
        // What is greater than all belongs into the last page.
        let page = page.min(self.pages.len().saturating_sub(1));
        let entries = self.pages.get(page).map_or(&[][..], Vec::as_slice);
        let found = entries.binary_search_by(|(other, _)| order(other));
        found
            .map(|at| Place { page, at })
            .map_err(|at| Place { page, at })
    }

    fn entry_at(&self, place: Place) -> Option<&(K, V)> {
        self.pages.get(place.page)?.get(place.at)
    }

    fn value_at(&mut self, place: Place) -> Option<&mut V> {
        let (_, value) = self.pages.get_mut(place.page)?.get_mut(place.at)?;
        Some(value)
    }

    fn put(&mut self, mut place: Place, key: K, value: V) -> Place {
        let Some(page) = self.pages.get_mut(place.page) else {
            self.pages.push(vec![(key, value)]);
            return place;
        };
        page.insert(place.at, (key, value));
        if page.len() > PAGE_ENTRIES_MAX {
            // Cut at the end where entries come in order: the first page is then full rather than half full.
            let is_last = place.at + 1 == page.len();
            let cut = if is_last { place.at } else { page.len() / 2 };
            let rest = page.split_off(cut);
            self.pages.insert(place.page + 1, rest);
            if place.at >= cut {
                place = Place {
                    page: place.page + 1,
                    at: place.at - cut,
                };
            }
        }
        place
    }

    fn take(&mut self, place: Place) -> Option<(K, V)> {
        let page = self.pages.get_mut(place.page)?;
        let taken = page.remove(place.at);
        if page.is_empty() {
            self.pages.remove(place.page);
        }
        Some(taken)
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// The value under a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (_, value) = self.entry_at(self.find(key).ok()?)?;
        Some(value)
    }

    /// The value under a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.value_at(self.find(key).ok()?)
    }

    /// Whether there is an entry of this key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Puts a value under a key and hands back the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(place) => self
                .value_at(place)
                .map(|old| std::mem::replace(old, value)),
            Err(place) => {
                self.put(place, key, value);
                None
            }
        }
    }

    /// Takes out the value under a key.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (_, value) = self.take(self.find(key).ok()?)?;
        Some(value)
    }

    /// The value under a key, which is made if there is none.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let place = match self.find(&key) {
            Ok(place) => place,
            Err(place) => self.put(place, key, make()),
        };
        #[expect(clippy::indexing_slicing, reason = "an entry was found or put there")]
        &mut self.pages[place.page][place.at].1
    }

    /// The value under a key, the default if there was none.
    pub fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.get_or_insert_with(key, V::default)
    }

    /// The entries from this key on, in order.
    pub fn iter_from<Q: Ord + ?Sized>(&self, key: &Q) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let (Ok(place) | Err(place)) = self.find(key);
        let mut pages = self.pages.get(place.page..).unwrap_or_default().iter();
        let first = pages.next().and_then(|page| page.get(place.at..));
        Iter {
            page: first.unwrap_or_default().iter(),
            pages,
        }
    }

    /// The place of the key's entry, or the one where it belongs.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Place, Place>
    where
        K: Borrow<Q>,
    {
        self.find_by(|other| other.borrow().cmp(key))
    }
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

/// The same entries, however they are paged.
impl<K: PartialEq, V: PartialEq> PartialEq for SortedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for SortedMap<K, V> {}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SortedMap<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self).finish()
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for SortedMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = Flatten<vec::IntoIter<Vec<(K, V)>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.pages.into_iter().flatten()
    }
}

impl<'a, K, V> IntoIterator for &'a SortedMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Goes over a map's entries in order.
pub struct Iter<'a, K, V> {
    page: slice::Iter<'a, (K, V)>,
    pages: slice::Iter<'a, Vec<(K, V)>>,
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self {
            page: self.page.clone(),
            pages: self.pages.clone(),
        }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.page.next() {
                return Some((key, value));
            }
            self.page = self.pages.next()?.iter();
        }
    }
}

#[cfg(test)]
mod tests;
