//! Maps and sets for the whole workspace: [`SortedMap`] and [`SortedSet`] by the keys' order, [`OrderedMap`] and
//! [`OrderedSet`] by the order of insertion.
//!
//! The standard library's B-tree and hash table are written anew by the compiler for every pair of types, some 4 kB each
//! in the browser module; these are plain vectors with a binary search, a tenth of that, and as quick at the sizes that
//! occur. No order depends on a hash, so what runs twice runs the same.

mod ordered_map;
mod ordered_set;
mod sorted_map;
mod sorted_set;

pub use ordered_map::OrderedMap;
pub use ordered_set::OrderedSet;
pub use sorted_map::SortedMap;
pub use sorted_set::SortedSet;
