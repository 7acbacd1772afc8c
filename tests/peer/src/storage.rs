//! A node's storage, in memory: it answers at once and never fails. It outlives a restart of the node.

use std::collections::BTreeMap;

use cojson::ids::CoId;
use cojson::sync::{StoredLog, ValueWrite, WriteBatch};

/// What was stored of each value.
#[derive(Debug, Default)]
pub(crate) struct Storage(BTreeMap<CoId, StoredLog>);

impl Storage {
    /// What there is of a value.
    pub(crate) fn get(&self, id: &CoId) -> Option<StoredLog> {
        self.0.get(id).cloned()
    }

    /// Takes what is new.
    pub(crate) fn write(&mut self, batch: WriteBatch) {
        for value in batch.values {
            self.write_value(value);
        }
    }

    fn write_value(&mut self, value: ValueWrite) {
        if let Some(stored) = self.0.get_mut(&value.id) {
            stored.take(&value);
        } else if let Some(header) = value.header {
            let segments = value.segments;
            self.0.insert(value.id, StoredLog { header, segments });
        }
    }
}
