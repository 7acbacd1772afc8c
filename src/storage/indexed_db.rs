//! The browser's database as a storage: what is asked of `browser.js`, which makes the requests, and what comes back.

use cojson::ids::CoId;
use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::IdbDatabase;

use super::connection::{Connection, DEVICE, HEADERS, SEGMENTS};
use super::error::StorageError;
use super::{Counters, Durability, Rows, SegmentRow, StoredRows, is_tombstone};

/// The most segments of one value that a read takes in; a load packs crowded sessions long before.
const SEGMENTS_READ_MAX: u32 = 65_536;

/// The most records of this device that are listed.
const DEVICE_RECORDS_MAX: u32 = 4_096;

#[wasm_bindgen(module = "/src/browser.js")]
extern "C" {
    #[wasm_bindgen(js_name = writeRecords)]
    fn write_records(
        database: &IdbDatabase,
        stores: &Array,
        is_strict: bool,
        erased: &Array,
        is_kept: &JsValue,
        changes: &Array,
    ) -> Promise;

    #[wasm_bindgen(js_name = recordOrPut)]
    fn record_or_put(database: &IdbDatabase, store: &str, key: &str, fresh: &str) -> Promise;

    #[wasm_bindgen(js_name = replaceRecords)]
    fn replace_records(
        database: &IdbDatabase,
        store: &str,
        parts: &Array,
        most: u32,
        replace: &Closure<dyn Fn(Array) -> Option<Array>>,
    ) -> Promise;

    #[wasm_bindgen(js_name = readRecord)]
    fn read_record(database: &IdbDatabase, store: &str, key: &str) -> Promise;

    #[wasm_bindgen(js_name = readKeys)]
    fn read_keys(database: &IdbDatabase, store: &str, prefix: &str, most: u32) -> Promise;

    #[wasm_bindgen(js_name = readRecords)]
    fn read_records(database: &IdbDatabase, store: &str, parts: &Array, most: u32) -> Promise;

    #[wasm_bindgen(js_name = readValues)]
    fn read_values(database: &IdbDatabase, stores: &Array, ids: &Array, most: u32) -> Promise;
}

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
        // Without notes the device's store stays free for others.
        let stores = if rows.notes.is_empty() {
            texts(&[HEADERS, SEGMENTS])
        } else {
            texts(&[HEADERS, SEGMENTS, DEVICE])
        };
        let erased = rows.erased.iter();
        let erased: Array = erased.map(|id| texts(&[SEGMENTS, id.as_str()])).collect();
        let changes = changes_of(rows);
        self.change(&stores, durability, &erased, &changes).await?;
        self.counters.count_write(rows);
        Ok(())
    }

    /// Makes these changes, after what is to be erased has gone but for tombstones.
    async fn change(
        &self,
        stores: &Array,
        durability: Durability,
        erased: &Array,
        changes: &Array,
    ) -> Result<(), StorageError> {
        let is_strict = durability == Durability::Strict;
        let is_kept = (erased.length() > 0).then(|| {
            Closure::<dyn Fn(String) -> bool>::new(|session: String| is_tombstone(&session))
        });
        let nothing = JsValue::UNDEFINED;
        let is_kept = is_kept.as_ref().map_or(&nothing, Closure::as_ref);
        let write = |database: &IdbDatabase| {
            write_records(database, stores, is_strict, erased, is_kept, changes)
        };
        self.connection.run(&write).await.map(drop)
    }

    pub(super) async fn read(&self, ids: &[CoId]) -> Result<Vec<StoredRows>, StorageError> {
        self.counters.count(|stats| stats.reads += 1);
        let stores = texts(&[HEADERS, SEGMENTS]);
        let ids = ids.iter().map(|id| JsValue::from(id.as_str())).collect();
        let read = |database: &IdbDatabase| read_values(database, &stores, &ids, SEGMENTS_READ_MAX);
        let found: Array = self.connection.run(&read).await?.unchecked_into();
        Ok(found.iter().map(|value| rows_of(&value)).collect())
    }

    /// Every segment of one value with the session that it is kept under.
    pub(super) async fn read_segments(
        &self,
        id: &CoId,
    ) -> Result<Vec<(String, Vec<u8>)>, StorageError> {
        let parts = texts(&[id.as_str()]);
        let read =
            |database: &IdbDatabase| read_records(database, SEGMENTS, &parts, SEGMENTS_READ_MAX);
        let found = self.connection.run(&read).await?;
        let [keys, records] = [0, 1].map(|part| part_of(&found, part).unchecked_into::<Array>());
        let session = |key: JsValue| part_of(&key, 1).as_string().unwrap_or_default();
        Ok(keys
            .iter()
            .map(session)
            .zip(bytes_of_all(&records))
            .collect())
    }

    pub(super) async fn device(&self, key: &str) -> Result<Option<String>, StorageError> {
        let read = |database: &IdbDatabase| read_record(database, DEVICE, key);
        Ok(self.connection.run(&read).await?.as_string())
    }

    pub(super) async fn device_keys(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        let read = |database: &IdbDatabase| read_keys(database, DEVICE, prefix, DEVICE_RECORDS_MAX);
        let keys: Array = self.connection.run(&read).await?.unchecked_into();
        let keys = keys.iter().filter_map(|key| key.as_string());
        Ok(keys
            .filter_map(|key| Some(key.strip_prefix(prefix)?.to_owned()))
            .collect())
    }

    pub(super) async fn device_or_put(
        &self,
        key: &str,
        fresh: &str,
    ) -> Result<String, StorageError> {
        let agree = |database: &IdbDatabase| record_or_put(database, DEVICE, key, fresh);
        let kept = self.connection.run(&agree).await?;
        Ok(kept.as_string().unwrap_or_default())
    }

    pub(super) async fn forget_device(&self, keys: &[String]) -> Result<(), StorageError> {
        let stores = texts(&[DEVICE]);
        let changes: Array = keys.iter().map(|key| texts(&[DEVICE, key])).collect();
        let erased = Array::new();
        self.change(&stores, Durability::Relaxed, &erased, &changes)
            .await
    }

    /// Packs the segments of one session together, in one transaction that reads and writes.
    pub(super) async fn compact(&self, id: &CoId, session: &str) -> Result<(), StorageError> {
        let parts = texts(&[id.as_str(), session]);
        let id = id.clone();
        let pack = Closure::<dyn Fn(Array) -> Option<Array>>::new(move |found: Array| {
            let records: Vec<Vec<u8>> = bytes_of_all(&found).collect();
            let packed = super::compaction::pack(&id, &records)?;
            Some(packed.iter().map(segment_change).collect())
        });
        let replace = |database: &IdbDatabase| {
            replace_records(database, SEGMENTS, &parts, SEGMENTS_READ_MAX, &pack)
        };
        self.connection.run(&replace).await?;
        self.counters.count(|stats| stats.compactions += 1);
        Ok(())
    }
}

fn changes_of(rows: &Rows) -> Array {
    let header = |id: &CoId, bytes: &[u8]| change(HEADERS, &id.as_str().into(), &record_of(bytes));
    let headers = rows.headers.iter().map(|row| header(&row.id, &row.bytes));
    let segments = rows.segments.iter().map(segment_change);
    let note = |key: &String| change(DEVICE, &key.as_str().into(), &"".into());
    let notes = rows.notes.iter().map(note);
    headers.chain(segments).chain(notes).collect()
}

fn segment_change(row: &SegmentRow) -> Array {
    let (id, session) = (row.id.as_str().into(), row.session.as_str().into());
    let key = Array::of3(&id, &session, &row.after.into());
    change(SEGMENTS, &key, &record_of(&row.bytes))
}

fn change(store: &str, key: &JsValue, record: &JsValue) -> Array {
    Array::of3(&store.into(), key, record)
}

fn texts(texts: &[&str]) -> Array {
    texts.iter().map(|text| JsValue::from(*text)).collect()
}

fn record_of(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

/// What was found of one value: its header, or nothing, and its segments.
fn rows_of(value: &JsValue) -> StoredRows {
    let header = part_of(value, 0);
    let segments = part_of(value, 1).unchecked_into::<Array>();
    StoredRows {
        header: (!header.is_undefined()).then(|| bytes_of(&header)),
        segments: bytes_of_all(&segments).collect(),
    }
}

fn part_of(array: &JsValue, part: u32) -> JsValue {
    array.unchecked_ref::<Array>().get(part)
}

fn bytes_of_all(records: &Array) -> impl Iterator<Item = Vec<u8>> {
    records.iter().map(|record| bytes_of(&record))
}

/// A record's bytes; none if it is not bytes, which then decodes to nothing.
fn bytes_of(record: &JsValue) -> Vec<u8> {
    record
        .dyn_ref::<Uint8Array>()
        .map(Uint8Array::to_vec)
        .unwrap_or_default()
}
