//! Reading many values at one moment.
//!
//! A request costs the browser more than the record it is for. So a task that wants a good part of all values, as one that
//! opens a collection does, reads the stores from end to end with a handful of requests; one that wants a few of many
//! asks for each.

use std::collections::HashMap;

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
    if ids.len() >= SWEEP_VALUES_MIN
        && let Some(stored) = all_ids(&headers, ids.len() * SWEEP_READ_PER_WANTED_MAX).await?
    {
        return sweep(&headers, &segments, ids, &stored).await;
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
            .with_query::<JsValue, _>(value_range(id))
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

/// The keys of all headers, in order, if there are not more than so many.
async fn all_ids(
    headers: &ObjectStore<'_>,
    most: usize,
) -> Result<Option<Vec<JsValue>>, StorageError> {
    let limit = u32::try_from(most).unwrap_or(u32::MAX).saturating_add(1);
    let keys = headers
        .get_all_keys::<JsValue>()
        .with_limit(limit)
        .primitive()?
        .await?;
    let keys: Vec<JsValue> = keys.filter_map(Result::ok).collect();
    Ok((keys.len() <= most).then_some(keys))
}

/// Reads both stores from end to end and keeps what is wanted.
async fn sweep(
    headers: &ObjectStore<'_>,
    segments: &ObjectStore<'_>,
    ids: &[CoId],
    stored: &[JsValue],
) -> Result<Vec<StoredRows>, StorageError> {
    let wanted = ids.iter().map(|id| (id.to_string(), StoredRows::default()));
    let mut found: HashMap<String, StoredRows> = wanted.collect();
    let records = headers.get_all::<JsValue>().primitive()?.await?;
    for (id, record) in stored.iter().zip(records) {
        if let (Some(row), Ok(record)) = (row_of(&mut found, id), record) {
            row.header = Some(bytes_of(&record));
        }
    }
    let mut after = None;
    loop {
        let (keys, records) = segments_after(segments, after.take()).await?;
        for (key, record) in keys.iter().zip(&records) {
            if let Some(row) = row_of(&mut found, &key.unchecked_ref::<Array>().get(0)) {
                row.segments.push(bytes_of(record));
            }
        }
        after = keys.last().cloned();
        if keys.len() < SWEEP_SEGMENTS_AT_ONCE as usize {
            break;
        }
    }
    let rows = ids.iter().map(|id| found.get(id.as_str()).cloned());
    Ok(rows.map(Option::unwrap_or_default).collect())
}

fn row_of<'a>(
    found: &'a mut HashMap<String, StoredRows>,
    id: &JsValue,
) -> Option<&'a mut StoredRows> {
    found.get_mut(&id.as_string()?)
}

/// The next segments in the order of their keys.
async fn segments_after(
    segments: &ObjectStore<'_>,
    after: Option<JsValue>,
) -> Result<(Vec<JsValue>, Vec<JsValue>), StorageError> {
    let range = || match &after {
        Some(key) => KeyRange::LowerBound(key.clone(), true),
        None => KeyRange::LowerBound(Array::new().into(), false),
    };
    let keys = segments
        .get_all_keys::<JsValue>()
        .with_query::<JsValue, _>(range())
        .with_limit(SWEEP_SEGMENTS_AT_ONCE)
        .primitive()?;
    let records = segments
        .get_all::<JsValue>()
        .with_query::<JsValue, _>(range())
        .with_limit(SWEEP_SEGMENTS_AT_ONCE)
        .primitive()?;
    let keys = keys.await?.filter_map(Result::ok).collect();
    let records = records.await?.filter_map(Result::ok).collect();
    Ok((keys, records))
}

/// Everything of one value.
fn value_range(id: &CoId) -> KeyRange<JsValue> {
    let below = Array::of1(&id.as_str().into());
    // An array sorts after every text, so nothing of this value is beyond.
    let above = Array::of2(&id.as_str().into(), &Array::new());
    KeyRange::Bound(below.into(), false, above.into(), false)
}
