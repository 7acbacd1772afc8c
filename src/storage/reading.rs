//! Reading many values at one moment.
//!
//! A request costs the browser more than the record it is for. So a task that wants a good part of all values, as one that
//! opens a collection does, reads the stores from end to end with a handful of requests; one that wants a few of many
//! asks for each.

use cojson::collections::SortedSet;
use cojson::ids::CoId;
use indexed_db_futures::KeyRange;
use indexed_db_futures::database::Database;
use indexed_db_futures::object_store::ObjectStore;
use indexed_db_futures::prelude::*;
use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};

use super::StoredRows;
use super::connection::{HEADERS, SEGMENTS};
use super::error::StorageError;
use super::indexed_db::{SEGMENTS_READ_MAX, bytes_of};

/// From how many wanted values on reading everything is thought of.
const SWEEP_VALUES_MIN: usize = 16;
/// At most so many values are read for each that is wanted.
const SWEEP_READ_PER_WANTED_MAX: usize = 4;
/// How many segments a sweep has in memory twice at once.
const SWEEP_SEGMENTS_AT_ONCE: u32 = 1_024;

/// Reads values in one transaction: one entry per id, in the ids' order.
pub(super) async fn read_rows(
    database: &Database,
    ids: &[CoId],
) -> Result<Vec<StoredRows>, StorageError> {
    let transaction = database.transaction([HEADERS, SEGMENTS]).build()?;
    let headers = transaction.object_store(HEADERS)?;
    let segments = transaction.object_store(SEGMENTS)?;
    if ids.len() >= SWEEP_VALUES_MIN {
        let most = ids.len() * SWEEP_READ_PER_WANTED_MAX;
        let limit = u32::try_from(most).unwrap_or(u32::MAX).saturating_add(1);
        let stored = keyed_records(&headers, everything(), limit).await?;
        if stored.0.len() <= most {
            return sweep(&segments, ids, &stored).await;
        }
    }
    read_each(&headers, &segments, ids).await
}

async fn read_each(
    headers: &ObjectStore<'_>,
    segments: &ObjectStore<'_>,
    ids: &[CoId],
) -> Result<Vec<StoredRows>, StorageError> {
    let mut requests = Vec::with_capacity(ids.len());
    for id in ids {
        let header = headers.get::<JsValue, _, _>(id.as_str()).primitive()?;
        let pieces = segments
            .get_all::<JsValue>()
            .with_query::<JsValue, _>(range_of(&[id.as_str()]))
            .with_limit(SEGMENTS_READ_MAX)
            .primitive()?;
        requests.push((header, pieces));
    }
    let mut found = Vec::with_capacity(ids.len());
    for (header, pieces) in requests {
        let header = header.await?.map(|record| bytes_of(&record));
        let pieces = pieces.await?.filter_map(Result::ok);
        found.push(StoredRows {
            header,
            segments: pieces.map(|record| bytes_of(&record)).collect(),
        });
    }
    Ok(found)
}

/// Every segment of one value with the session that it is kept under.
pub(super) async fn read_segments(
    database: &Database,
    id: &CoId,
) -> Result<Vec<(String, Vec<u8>)>, StorageError> {
    let transaction = database.transaction([SEGMENTS]).build()?;
    let segments = transaction.object_store(SEGMENTS)?;
    let (keys, records) =
        keyed_records(&segments, range_of(&[id.as_str()]), SEGMENTS_READ_MAX).await?;
    let records = records.iter().map(bytes_of);
    Ok(keys.iter().map(session_of).zip(records).collect())
}

/// Keeps what is wanted of all headers, and of the segments, read from end to end.
async fn sweep(
    segments: &ObjectStore<'_>,
    ids: &[CoId],
    (stored, headers): &Keyed,
) -> Result<Vec<StoredRows>, StorageError> {
    let sorted: SortedSet<CoId> = ids.iter().cloned().collect();
    let sorted: Vec<CoId> = sorted.into_iter().collect();
    let mut found = vec![StoredRows::default(); sorted.len()];
    for (id, record) in stored.iter().zip(headers) {
        if let Some(row) = row_of(&sorted, &mut found, id) {
            row.header = Some(bytes_of(record));
        }
    }
    let mut range = everything();
    loop {
        let (keys, records) = keyed_records(segments, range, SWEEP_SEGMENTS_AT_ONCE).await?;
        for (key, record) in keys.iter().zip(&records) {
            if let Some(row) = row_of(&sorted, &mut found, &part_of_key(key, 0)) {
                row.segments.push(bytes_of(record));
            }
        }
        match keys.last() {
            Some(last) if keys.len() >= SWEEP_SEGMENTS_AT_ONCE as usize => {
                range = KeyRange::LowerBound(last.clone(), true);
            }
            _ => break,
        }
    }
    let row = |id| found.get(sorted.binary_search(id).ok()?).cloned();
    Ok(ids.iter().map(|id| row(id).unwrap_or_default()).collect())
}

fn row_of<'a>(
    sorted: &[CoId],
    found: &'a mut [StoredRows],
    id: &JsValue,
) -> Option<&'a mut StoredRows> {
    let id = id.as_string()?;
    let place = sorted.binary_search_by(|wanted| wanted.as_str().cmp(&id));
    found.get_mut(place.ok()?)
}

/// The keys of a value's segments.
pub(super) async fn segment_keys(
    store: &ObjectStore<'_>,
    id: &CoId,
) -> Result<Vec<JsValue>, StorageError> {
    let keys = store
        .get_all_keys::<JsValue>()
        .with_query::<JsValue, _>(range_of(&[id.as_str()]))
        .primitive()?;
    Ok(keys.await?.filter_map(Result::ok).collect())
}

/// The session that a segment is kept under.
pub(super) fn session_of(key: &JsValue) -> String {
    part_of_key(key, 1).as_string().unwrap_or_default()
}

/// A segment's key is an array of the value's id, the session and the first index.
fn part_of_key(key: &JsValue, part: u32) -> JsValue {
    key.unchecked_ref::<Array>().get(part)
}

/// Records' keys, and the records.
type Keyed = (Vec<JsValue>, Vec<JsValue>);

/// Records with their keys, in the keys' order.
pub(super) async fn keyed_records(
    store: &ObjectStore<'_>,
    range: KeyRange<JsValue>,
    limit: u32,
) -> Result<Keyed, StorageError> {
    let keys = store
        .get_all_keys::<JsValue>()
        .with_query::<JsValue, _>(range.clone())
        .with_limit(limit)
        .primitive()?;
    let records = store
        .get_all::<JsValue>()
        .with_query::<JsValue, _>(range)
        .with_limit(limit)
        .primitive()?;
    let keys = keys.await?.filter_map(Result::ok).collect();
    let records = records.await?.filter_map(Result::ok).collect();
    Ok((keys, records))
}

/// Every key.
fn everything() -> KeyRange<JsValue> {
    KeyRange::LowerBound(f64::NEG_INFINITY.into(), false)
}

/// Every segment whose key begins with these parts: a value's, or one session's of it.
pub(super) fn range_of(parts: &[&str]) -> KeyRange<JsValue> {
    let key = || -> Array { parts.iter().map(|part| JsValue::from_str(part)).collect() };
    let (below, above) = (key(), key());
    // An array sorts after every text and number, so nothing that begins so is beyond.
    above.push(&Array::new());
    KeyRange::Bound(below.into(), false, above.into(), false)
}
