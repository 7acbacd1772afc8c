//! A value over time: what held at a moment.

use crate::ids::Timestamp;

/// What something was set to, and when, in order.
#[derive(Clone, Debug)]
pub(super) struct Timeline<T>(Vec<(Timestamp, T)>);

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy> Timeline<T> {
    /// Adds what holds from `at` on; times never decrease, of equal ones the last counts.
    pub(super) fn push(&mut self, at: Timestamp, value: T) {
        self.0.push((at, value));
    }

    /// What held at that time.
    pub(super) fn at(&self, at: Timestamp) -> Option<T> {
        let after = self.0.partition_point(|(since, _)| *since <= at);
        self.0.get(after.checked_sub(1)?).map(|(_, value)| *value)
    }

    /// When something else may hold for the first time after a time.
    pub(super) fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        let after = self.0.partition_point(|(since, _)| *since <= at);
        self.0.get(after).map(|(since, _)| *since)
    }

    /// What holds in the end.
    pub(super) fn latest(&self) -> Option<T> {
        self.0.last().map(|(_, value)| *value)
    }
}
