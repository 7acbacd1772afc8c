//! Storage whose reads and commits are timed.

use std::sync::Arc;

use ::storage::through;
use cojson::ids::{CoId, SessionId};
use cojson::sync::WriteBatch;

use super::{LoadError, Outline, Storage, Stretch, WriteError};
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

    through!(storage: ids, count, stats);

    fn write(&mut self, batches: &[WriteBatch]) -> Vec<Result<(), WriteError>> {
        timed(&self.metrics.commit_seconds, || self.storage.write(batches))
    }
}
