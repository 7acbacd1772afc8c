//! A set in the order of insertion: an [`OrderedMap`] without values.

use std::borrow::Borrow;
use std::fmt;

use super::OrderedMap;

/// A set in the order of insertion.
#[derive(Clone, PartialEq)]
pub struct OrderedSet<T: Ord + Clone> {
    items: OrderedMap<T, ()>,
}

impl<T: Ord + Clone> OrderedSet<T> {
    /// A set without items.
    pub const fn new() -> Self {
        Self {
            items: OrderedMap::new(),
        }
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// The items, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator + Clone {
        self.items.keys()
    }

    /// The item at a place.
    pub fn get_index(&self, place: usize) -> Option<&T> {
        let (item, ()) = self.items.get_index(place)?;
        Some(item)
    }

    /// Whether the item is there.
    pub fn contains<Q: Ord + ?Sized>(&self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.items.contains_key(item)
    }

    /// Puts an item at the end, unless it is there; whether it is new.
    pub fn insert(&mut self, item: T) -> bool {
        self.items.insert(item, ()).is_none()
    }

    /// The place of an item, which is put at the end if it is not there.
    pub fn place_of(&mut self, item: T) -> usize {
        let found = self.items.get_index_of(&item);
        found.unwrap_or_else(|| {
            self.insert(item);
            self.len() - 1
        })
    }

    /// Takes an item out; whether it was there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.items.remove(item).is_some()
    }
}

impl<T: Ord + Clone> Default for OrderedSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Ord + Clone + fmt::Debug> fmt::Debug for OrderedSet<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}

impl<T: Ord + Clone> Extend<T> for OrderedSet<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        for item in items {
            self.insert(item);
        }
    }
}

impl<T: Ord + Clone> FromIterator<T> for OrderedSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut set = Self::default();
        set.extend(items);
        set
    }
}

impl<T: Ord + Clone> IntoIterator for OrderedSet<T> {
    type Item = T;
    type IntoIter = std::iter::Map<<OrderedMap<T, ()> as IntoIterator>::IntoIter, fn((T, ())) -> T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter().map(|(item, ())| item)
    }
}
