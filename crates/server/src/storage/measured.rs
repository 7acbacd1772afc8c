//! Storage whose reads and commits are timed.

use std::sync::Arc;

use cojson::ids::{CoId, SessionId};
use cojson::sync::WriteBatch;

use super::{LoadError, Loaded, Outline, Stats, Storage, Stretch, WriteError};
use crate::metrics::{Metrics, timed};

/// A back end, and where its latencies are noted.
pub struct MeasuredStorage {
    storage: Box<dyn Storage>,
    metrics: Arc<Metrics>,
}

impl MeasuredStorage {
    /// Measures this one.
    pub fn new(storage: Box<dyn Storage>, metrics: Arc<Metrics>) -> Self {
        Self { storage, metrics }
    }
}

impl Storage for MeasuredStorage {
    fn outline(&mut self, id: &CoId) -> Result<Option<Outline>, LoadError> {
        timed(&self.metrics.read_seconds, || self.storage.outline(id))
    }

    fn read(
        &mut self,
        id: &CoId,
        session: &SessionId,
        after: u32,
        bytes_max: usize,
    ) -> Result<Stretch, LoadError> {
        timed(&self.metrics.read_seconds, || {
            self.storage.read(id, session, after, bytes_max)
        })
    }

    fn ids(&mut self, after: Option<&CoId>, count_max: usize) -> Result<Vec<CoId>, LoadError> {
        self.storage.ids(after, count_max)
    }

    fn count(&mut self) -> Result<u64, LoadError> {
        self.storage.count()
    }

    fn stats(&mut self, largest_max: usize) -> Result<Stats, LoadError> {
        self.storage.stats(largest_max)
    }

    fn write(&mut self, batches: &[WriteBatch]) -> Vec<Result<(), WriteError>> {
        timed(&self.metrics.commit_seconds, || self.storage.write(batches))
    }

    fn load(&mut self, id: &CoId) -> Result<Option<Loaded>, LoadError> {
        timed(&self.metrics.read_seconds, || self.storage.load(id))
    }
}
