//! How many use each subscription, and when one that nobody uses any more is to end.
//!
//! It holds only keys, counts and times, and knows no clock: the host says what time it is, and ends what
//! [`expire`](SubscriptionCache::expire) gives. A key that is in use is never given (B16); one that is used again in
//! time is kept, so that leaving a view and coming back costs nothing.

use cojson::collections::{SortedMap, SortedSet};
use cojson::ids::Timestamp;

/// How long a subscription stays after the last who used it has left, in milliseconds.
pub const KEPT_FOR_MS: u64 = 5_000;

/// The subscriptions there are (R7: one per key, however many use it).
#[derive(Clone, Debug)]
pub struct SubscriptionCache<K> {
    entries: SortedMap<K, Use>,
    /// The deadlines of what nobody uses, the earliest first.
    deadlines: SortedSet<(Timestamp, K)>,
}

#[derive(Clone, Copy, Debug)]
enum Use {
    By(usize),
    NobodyUntil(Timestamp),
}

impl<K> Default for SubscriptionCache<K> {
    fn default() -> Self {
        Self {
            entries: SortedMap::new(),
            deadlines: SortedSet::new(),
        }
    }
}

impl<K: Clone + Ord> SubscriptionCache<K> {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more uses that key. Whether it is new, so that the subscription must be made.
    pub fn acquire(&mut self, key: K) -> bool {
        let users = match self.entries.get(&key) {
            Some(Use::By(users)) => *users,
            Some(Use::NobodyUntil(deadline)) => {
                self.deadlines.remove(&(*deadline, key.clone()));
                0
            }
            None => {
                self.entries.insert(key, Use::By(1));
                return true;
            }
        };
        self.entries.insert(key, Use::By(users + 1));
        false
    }

    /// One less uses it. Releasing what nobody uses changes nothing, least of all its deadline.
    pub fn release(&mut self, key: &K, now: Timestamp) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        match *entry {
            Use::By(users) if users > 1 => *entry = Use::By(users - 1),
            Use::By(_) => {
                let deadline = Timestamp(now.0.saturating_add(KEPT_FOR_MS));
                *entry = Use::NobodyUntil(deadline);
                self.deadlines.insert((deadline, key.clone()));
            }
            Use::NobodyUntil(_) => {}
        }
    }

    /// Forgets what nobody has used for [`KEPT_FOR_MS`]; those subscriptions are to be ended.
    pub fn expire(&mut self, now: Timestamp) -> Vec<K> {
        let mut expired = Vec::new();
        while let Some((deadline, _)) = self.deadlines.first() {
            if *deadline > now {
                break;
            }
            if let Some((_, key)) = self.deadlines.pop_first() {
                self.entries.remove(&key);
                expired.push(key);
            }
        }
        expired
    }

    /// When [`expire`](Self::expire) will have something to give, if nobody comes back.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// How many subscriptions there are, in use or not.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// How many use that key.
    pub fn users(&self, key: &K) -> usize {
        match self.entries.get(key) {
            Some(Use::By(users)) => *users,
            _ => 0,
        }
    }

    /// Forgets everything; all of it is to be ended, since the runtime closes.
    pub fn clear(&mut self) -> Vec<K> {
        self.deadlines.clear();
        std::mem::take(&mut self.entries).into_keys().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp(ms)
    }

    #[test]
    fn r7_only_the_first_makes_the_subscription() {
        let mut cache = SubscriptionCache::new();
        assert!(cache.acquire("a"));
        assert!(!cache.acquire("a"));
        assert!(cache.acquire("b"));
        assert_eq!((cache.count(), cache.users(&"a")), (2, 2));
    }

    #[test]
    fn b16_what_somebody_still_uses_is_not_ended_when_another_leaves() {
        let mut cache = SubscriptionCache::new();
        cache.acquire("a");
        cache.acquire("a");
        cache.release(&"a", at(0));
        assert_eq!(cache.next_deadline(), None);
        assert!(cache.expire(at(1_000_000)).is_empty());
        assert_eq!(cache.users(&"a"), 1);
    }

    #[test]
    fn r7_it_ends_five_seconds_after_the_last_has_left() {
        let mut cache = SubscriptionCache::new();
        cache.acquire("a");
        cache.release(&"a", at(1_000));
        assert_eq!(cache.next_deadline(), Some(at(6_000)));
        assert!(cache.expire(at(5_999)).is_empty());
        assert_eq!(cache.expire(at(6_000)), ["a"]);
        assert_eq!((cache.count(), cache.next_deadline()), (0, None));
        assert!(cache.acquire("a"));
    }

    #[test]
    fn r7_one_who_comes_back_in_time_finds_it() {
        let mut cache = SubscriptionCache::new();
        cache.acquire("a");
        cache.release(&"a", at(0));
        assert!(!cache.acquire("a"));
        assert!(cache.expire(at(9_000)).is_empty());
        cache.release(&"a", at(9_000));
        assert_eq!(cache.next_deadline(), Some(at(14_000)));
    }

    #[test]
    fn a_second_release_does_not_prolong_and_a_stray_one_does_nothing() {
        let mut cache = SubscriptionCache::new();
        cache.acquire("a");
        cache.release(&"a", at(0));
        cache.release(&"a", at(4_000));
        cache.release(&"b", at(0));
        assert_eq!(cache.next_deadline(), Some(at(5_000)));
        assert_eq!(cache.expire(at(5_000)), ["a"]);
    }

    #[test]
    fn r7_everything_ends_when_the_runtime_closes() {
        let mut cache = SubscriptionCache::new();
        for key in ["a", "b"] {
            cache.acquire(key);
        }
        cache.release(&"a", at(0));
        assert_eq!(cache.clear(), ["a", "b"]);
        assert_eq!((cache.count(), cache.next_deadline()), (0, None));
    }

    /// Against the plainest model there is: for each key, how many use it and since when nobody does.
    #[test]
    fn b01_however_they_come_and_go_the_counts_are_right() {
        let mut cache = SubscriptionCache::new();
        let mut model: SortedMap<u64, (usize, u64)> = SortedMap::new();
        let mut random = 12_345_u64;
        for now in (0..200_000).step_by(100) {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let (key, choice) = ((random >> 33) % 8, (random >> 40) % 3);
            let known = model.get(&key).copied();
            match choice {
                0 => {
                    assert_eq!(cache.acquire(key), known.is_none());
                    model.insert(key, (known.map_or(0, |(users, _)| users) + 1, 0));
                }
                1 => {
                    cache.release(&key, at(now));
                    if let Some((users, _)) = known.filter(|(users, _)| *users > 0) {
                        model.insert(key, (users - 1, now));
                    }
                }
                _ => {
                    let is_over =
                        |(users, left): (usize, u64)| users == 0 && left + KEPT_FOR_MS <= now;
                    let mut expired = cache.expire(at(now));
                    expired.sort_unstable();
                    let over: Vec<u64> = model
                        .iter()
                        .filter(|(_, entry)| is_over(**entry))
                        .map(|(key, _)| *key)
                        .collect();
                    assert_eq!(expired, over);
                    model.retain(|_, entry| !is_over(*entry));
                }
            }
            assert_eq!(cache.count(), model.len());
        }
    }
}
