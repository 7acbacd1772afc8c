//! Ids that wait to be taken: each once, however often it was added. So what is said quickly is said together.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cojson::collections::OrderedSet;
use cojson::ids::CoId;
use tokio::sync::Notify;

/// How many ids wait; what has no room is not kept. About 10 MB.
const WAITING_MAX: usize = 1 << 17;

/// A set of ids, filled at one end and emptied at the other.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    ids: Mutex<OrderedSet<CoId>>,
    added: Notify,
}

impl Gathered {
    /// Adds ids, as far as there is room.
    pub(super) fn add(&self, new: impl IntoIterator<Item = CoId>) {
        let mut ids = self.lock();
        for id in new {
            if ids.len() < WAITING_MAX {
                ids.insert(id);
            }
        }
        if !ids.is_empty() {
            self.added.notify_one();
        }
    }

    /// Waits until there are some, and takes up to so many, the oldest first.
    pub(super) async fn take(&self, count_max: usize) -> Vec<CoId> {
        loop {
            let ids = self.take_now(count_max);
            if !ids.is_empty() {
                return ids;
            }
            self.added.notified().await;
        }
    }

    /// Takes up to so many, if there are any.
    pub(super) fn take_now(&self, count_max: usize) -> Vec<CoId> {
        let mut ids = self.lock();
        let mut waiting = std::mem::take(&mut *ids).into_iter();
        let taken = waiting.by_ref().take(count_max).collect();
        ids.extend(waiting);
        taken
    }

    fn lock(&self) -> MutexGuard<'_, OrderedSet<CoId>> {
        // A set is whole between any two of its operations.
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(index: usize) -> CoId {
        crate::storage::conformance::header(&index.to_string()).id()
    }

    #[tokio::test]
    async fn what_is_said_often_is_heard_once_and_the_rest_is_not_lost() {
        let gathered = Gathered::default();
        for _ in 0..3 {
            gathered.add((0..5).map(id));
        }
        assert_eq!(gathered.take(3).await, [id(0), id(1), id(2)]);
        assert_eq!(gathered.take(3).await, [id(3), id(4)]);
        assert!(gathered.take_now(3).is_empty());
        let (ids, ()) = tokio::join!(gathered.take(3), async { gathered.add([id(6)]) });
        assert_eq!(ids, [id(6)]);
    }
}
