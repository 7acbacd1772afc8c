//! The browser's database as a storage.
//!
//! A transaction's requests are all made in one go before anything is awaited: a transaction that waits for anything but
//! its own requests is committed by the browser half-done.

use cojson::ids::CoId;
use indexed_db_futures::database::Database;
use indexed_db_futures::internals::SystemRepr;
use indexed_db_futures::object_store::ObjectStore;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::{
    Transaction, TransactionDurability, TransactionMode, TransactionOptions,
};
use indexed_db_futures::{KeyRange, error};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::IdbTransaction;

use super::connection::{Connection, DEVICE, HEADERS, SEGMENTS};
use super::error::StorageError;
use super::{Counters, Durability, Rows, SegmentRow, StoredRows, reading};

/// The most segments of one value that a read takes in; a load packs crowded sessions long before.
pub(super) const SEGMENTS_READ_MAX: u32 = 65_536;

/// The most records of this device that are listed.
const DEVICE_RECORDS_MAX: u32 = 4_096;

/// The browser's database of one name.
pub struct IndexedDb {
    connection: Connection,
    counters: Counters,
}

impl IndexedDb {
    /// Opens the database, making it if it is not there.
    pub async fn open(name: &str) -> Result<Self, StorageError> {
        Ok(Self {
            connection: Connection::open(name).await?,
            counters: Counters::default(),
        })
    }

    pub(super) fn counters(&self) -> &Counters {
        let connections = self.connection.opened();
        self.counters.count(|stats| stats.connections = connections);
        &self.counters
    }

    pub(super) fn close(&self) {
        self.connection.close("the runtime was closed");
    }

    /// Loses the connection as a browser does that drops it: without a word.
    pub fn drop_connection(&self) {
        self.connection.drop_silently();
    }

    pub(super) async fn write(
        &self,
        rows: &Rows,
        durability: Durability,
    ) -> Result<(), StorageError> {
        let write = async |database: &Database| {
            let (all, logs) = ([HEADERS, SEGMENTS, DEVICE], [HEADERS, SEGMENTS]);
            // Without notes the device's store stays free for others.
            let stores = if rows.notes.is_empty() {
                logs.as_slice()
            } else {
                all.as_slice()
            };
            let transaction = begin_write(database, stores, durability)?;
            erase(&transaction, &rows.erased).await?;
            put_rows(&transaction, rows)?;
            commit(transaction).await
        };
        self.connection.run(write).await?;
        self.counters.count_write(rows);
        Ok(())
    }

    pub(super) async fn read(&self, ids: &[CoId]) -> Result<Vec<StoredRows>, StorageError> {
        self.counters.count(|stats| stats.reads += 1);
        self.connection
            .run(async |database: &Database| reading::read_rows(database, ids).await)
            .await
    }

    pub(super) async fn read_segments(
        &self,
        id: &CoId,
    ) -> Result<Vec<(String, Vec<u8>)>, StorageError> {
        self.connection
            .run(async |database: &Database| reading::read_segments(database, id).await)
            .await
    }

    pub(super) async fn device(&self, key: &str) -> Result<Option<String>, StorageError> {
        let read = async |database: &Database| {
            let transaction = database.transaction(DEVICE).build()?;
            let store = transaction.object_store(DEVICE)?;
            let found: Option<String> = store.get(key).primitive()?.await?;
            Ok(found)
        };
        self.connection.run(read).await
    }

    pub(super) async fn device_keys(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        let read = async |database: &Database| {
            let transaction = database.transaction(DEVICE).build()?;
            let store = transaction.object_store(DEVICE)?;
            let keys = store
                .get_all_keys::<String>()
                .with_query::<String, _>(prefix_range(prefix))
                .with_limit(DEVICE_RECORDS_MAX)
                .primitive()?
                .await?;
            keys.collect::<Result<Vec<_>, error::Error>>()
                .map_err(StorageError::from)
        };
        let keys = self.connection.run(read).await?;
        Ok(keys
            .iter()
            .filter_map(|key| key.strip_prefix(prefix))
            .map(str::to_owned)
            .collect())
    }

    pub(super) async fn device_or_put(
        &self,
        key: &str,
        fresh: &str,
    ) -> Result<String, StorageError> {
        // Two tabs that do this at once are put in order by the database: transactions that write never overlap.
        let agree = async |database: &Database| {
            let transaction = begin_write(database, [DEVICE].as_slice(), Durability::Strict)?;
            let store = transaction.object_store(DEVICE)?;
            let found: Option<String> = store.get(key).primitive()?.await?;
            if found.is_none() {
                store
                    .put(fresh)
                    .with_key(key)
                    .without_key_type()
                    .primitive()?;
            }
            drop(store);
            commit(transaction).await?;
            Ok(found.unwrap_or_else(|| fresh.to_owned()))
        };
        self.connection.run(agree).await
    }

    pub(super) async fn forget_device(&self, keys: &[String]) -> Result<(), StorageError> {
        let forget = async |database: &Database| {
            let transaction = begin_write(database, [DEVICE].as_slice(), Durability::Relaxed)?;
            let store = transaction.object_store(DEVICE)?;
            for key in keys {
                drop(
                    store
                        .delete::<&str, _>(KeyRange::Only(key.as_str()))
                        .primitive()?,
                );
            }
            drop(store);
            commit(transaction).await
        };
        self.connection.run(forget).await
    }

    /// Packs the segments of one session together, in one transaction that reads and writes.
    pub(super) async fn compact(&self, id: &CoId, session: &str) -> Result<(), StorageError> {
        let pack = async |database: &Database| {
            let transaction = begin_write(database, [SEGMENTS].as_slice(), Durability::Strict)?;
            let store = transaction.object_store(SEGMENTS)?;
            let range = reading::range_of(&[id.as_str(), session]);
            let (_, found) = reading::keyed_records(&store, range, SEGMENTS_READ_MAX).await?;
            let records: Vec<Vec<u8>> = found.iter().map(bytes_of).collect();
            if let Some(packed) = super::compaction::pack(id, &records) {
                drop(
                    store
                        .delete::<JsValue, _>(reading::range_of(&[id.as_str(), session]))
                        .primitive()?,
                );
                for row in &packed {
                    put_segment(&store, row)?;
                }
            }
            drop(store);
            commit(transaction).await
        };
        self.connection.run(pack).await?;
        self.counters.count(|stats| stats.compactions += 1);
        Ok(())
    }
}

fn begin_write<'a>(
    database: &'a Database,
    stores: &[&str],
    durability: Durability,
) -> Result<Transaction<'a>, StorageError> {
    let durability = match durability {
        Durability::Relaxed => TransactionDurability::Relaxed,
        Durability::Strict => TransactionDurability::Strict,
    };
    Ok(database
        .transaction(stores)
        .with_mode(TransactionMode::Readwrite)
        .with_options(TransactionOptions::new().with_durability(durability))
        .build()?)
}

/// Commits; tells the real cause when the browser aborts, which the library does not.
async fn commit(transaction: Transaction<'_>) -> Result<(), StorageError> {
    let raw: IdbTransaction = AsRef::<JsValue>::as_ref(transaction.as_sys())
        .clone()
        .unchecked_into();
    let Err(error) = transaction.commit().await else {
        return Ok(());
    };
    match raw.error() {
        Some(cause) => Err(StorageError::from_thrown(cause.into())),
        None => Err(error.into()),
    }
}

/// Takes away the segments of deleted values, but for those of their tombstones.
async fn erase(transaction: &Transaction<'_>, erased: &[CoId]) -> Result<(), StorageError> {
    for id in erased {
        let store = transaction.object_store(SEGMENTS)?;
        for key in reading::segment_keys(&store, id).await? {
            if !super::is_tombstone(&reading::session_of(&key)) {
                drop(
                    store
                        .delete::<JsValue, _>(KeyRange::Only(key))
                        .primitive()?,
                );
            }
        }
    }
    Ok(())
}

fn put_rows(transaction: &Transaction<'_>, rows: &Rows) -> Result<(), StorageError> {
    let headers = transaction.object_store(HEADERS)?;
    for row in &rows.headers {
        let record = JsValue::from(Uint8Array::from(row.bytes.as_slice()));
        drop(
            headers
                .put(record)
                .with_key(row.id.as_str())
                .without_key_type()
                .primitive()?,
        );
    }
    let segments = transaction.object_store(SEGMENTS)?;
    rows.segments
        .iter()
        .try_for_each(|row| put_segment(&segments, row))?;
    if rows.notes.is_empty() {
        return Ok(());
    }
    let device = transaction.object_store(DEVICE)?;
    for key in &rows.notes {
        drop(
            device
                .put("")
                .with_key(key.as_str())
                .without_key_type()
                .primitive()?,
        );
    }
    Ok(())
}

fn put_segment(store: &ObjectStore<'_>, row: &SegmentRow) -> Result<(), StorageError> {
    let (id, session) = (row.id.as_str().into(), row.session.as_str().into());
    let key = JsValue::from(Array::of3(&id, &session, &row.after.into()));
    let record = JsValue::from(Uint8Array::from(row.bytes.as_slice()));
    drop(
        store
            .put(record)
            .with_key(key)
            .without_key_type()
            .primitive()?,
    );
    Ok(())
}

/// Every key that begins so.
fn prefix_range(prefix: &str) -> KeyRange<String> {
    KeyRange::Bound(prefix.to_owned(), false, format!("{prefix}\u{ffff}"), false)
}

/// A record's bytes; none if it is not bytes, which then decodes to nothing.
pub(super) fn bytes_of(record: &JsValue) -> Vec<u8> {
    record
        .dyn_ref::<Uint8Array>()
        .map(Uint8Array::to_vec)
        .unwrap_or_default()
}
