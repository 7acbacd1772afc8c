//! Memory as a storage: the same promises, but that nothing outlives the runtime.

use std::cell::RefCell;

use cojson::collections::SortedMap;
use cojson::ids::CoId;

use super::error::StorageError;
use super::{Counters, Rows, StoredRows};

#[derive(Default)]
struct Kept {
    headers: SortedMap<CoId, Vec<u8>>,
    segments: SortedMap<(CoId, String, u32), Vec<u8>>,
    device: SortedMap<String, String>,
    is_closed: bool,
}

/// A storage that ends with the runtime.
#[derive(Default)]
pub struct Memory {
    kept: RefCell<Kept>,
    counters: Counters,
}

impl Memory {
    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(super) fn close(&self) {
        *self.kept.borrow_mut() = Kept {
            is_closed: true,
            ..Kept::default()
        };
    }

    fn with<T>(&self, operation: impl FnOnce(&mut Kept) -> T) -> Result<T, StorageError> {
        let kept = &mut *self.kept.borrow_mut();
        if kept.is_closed {
            let why = "the runtime was closed";
            return Err(StorageError::Closed { why });
        }
        Ok(operation(kept))
    }

    pub(super) fn write(&self, rows: &Rows) -> Result<(), StorageError> {
        self.with(|kept| {
            for row in &rows.headers {
                kept.headers.insert(row.id.clone(), row.bytes.clone());
            }
            kept.segments.retain(|(id, session, _), _| {
                !rows.erased.contains(id) || super::is_tombstone(session)
            });
            for row in &rows.segments {
                let key = (row.id.clone(), row.session.clone(), row.after);
                kept.segments.insert(key, row.bytes.clone());
            }
            for key in &rows.notes {
                kept.device.insert(key.clone(), String::new());
            }
        })?;
        self.counters.count_write(rows);
        Ok(())
    }

    pub(super) fn read(&self, ids: &[CoId]) -> Result<Vec<StoredRows>, StorageError> {
        self.counters.count(|stats| stats.reads += 1);
        self.with(|kept| ids.iter().map(|id| kept.value(id)).collect())
    }

    pub(super) fn device(&self, key: &str) -> Result<Option<String>, StorageError> {
        self.with(|kept| kept.device.get(key).cloned())
    }

    pub(super) fn forget_device(&self, keys: &[String]) -> Result<(), StorageError> {
        self.with(|kept| kept.device.retain(|key, _| !keys.contains(key)))
    }

    pub(super) fn device_keys(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        self.with(|kept| {
            let keys = kept.device.keys();
            keys.filter_map(|key| key.strip_prefix(prefix))
                .map(str::to_owned)
                .collect()
        })
    }

    pub(super) fn device_or_put(&self, key: &str, fresh: &str) -> Result<String, StorageError> {
        self.with(|kept| {
            let kept = &mut kept.device;
            kept.get_or_insert_with(key.to_owned(), || fresh.to_owned())
                .clone()
        })
    }
}

impl Kept {
    fn value(&self, id: &CoId) -> StoredRows {
        let segments = self.segments.iter_from(&(id.clone(), String::new(), 0));
        StoredRows {
            header: self.headers.get(id).cloned(),
            segments: segments
                .take_while(|((owner, _, _), _)| owner == id)
                .map(|(_, bytes)| bytes.clone())
                .collect(),
        }
    }
}
