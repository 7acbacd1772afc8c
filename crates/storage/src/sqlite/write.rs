//! Writing batches: one commit for all, a savepoint for each, so that one that is refused leaves no trace.
//!
//! What overlaps must be the same; only where no transaction can be read is it written again, since the replica verified
//! it and so it mends a record that was damaged.

use cojson::ids::SessionId;
use cojson::json::Wire as _;
use cojson::session_log::{CHECKPOINT_BYTES, SessionContent};
use cojson::sync::{Segment, ValueWrite, WriteBatch};
use cojson::transaction::{Transaction, content_bytes_of};
use rusqlite::{Connection, OptionalExtension, Savepoint, params};

use crate::WriteError;
use crate::pieces::parse;

/// Writes the batches in one commit. An error means that nothing was committed.
pub(super) fn write(
    connection: &mut Connection,
    batches: &[WriteBatch],
) -> Result<Vec<Result<(), WriteError>>, WriteError> {
    let mut transaction = connection.transaction()?;
    let mut results = Vec::with_capacity(batches.len());
    for batch in batches {
        let savepoint = transaction.savepoint()?;
        // A savepoint that is not committed is undone when it is dropped.
        let result = write_batch(&savepoint, batch);
        match result {
            Ok(()) => savepoint.commit()?,
            // A database that is full has undone the whole transaction by itself.
            Err(error @ WriteError::Database { .. }) => return Err(error),
            Err(_) => {}
        }
        results.push(result);
    }
    transaction.commit()?;
    Ok(results)
}

fn write_batch(connection: &Savepoint<'_>, batch: &WriteBatch) -> Result<(), WriteError> {
    for value in &batch.values {
        let row_id = write_value(connection, value)?;
        if value.erases {
            erase(connection, value, row_id)?;
        }
        for segment in &value.segments {
            write_segment(connection, value, row_id, segment)?;
        }
    }
    Ok(())
}

/// The value's row, made or mended if its header comes with the write.
fn write_value(connection: &Savepoint<'_>, value: &ValueWrite) -> Result<i64, WriteError> {
    if let Some(header) = &value.header {
        connection
            .prepare_cached(
                "INSERT INTO coValues (id, header) VALUES (?1, ?2)
                 ON CONFLICT (id) DO UPDATE SET header = excluded.header
                 WHERE header <> excluded.header",
            )?
            .execute(params![value.id.as_str(), header.to_text()])?;
    }
    let row_id = connection
        .prepare_cached("SELECT rowID FROM coValues WHERE id = ?1")?
        .query_row([value.id.as_str()], |row| row.get(0))
        .optional()?;
    row_id.ok_or_else(|| WriteError::NoHeader {
        id: value.id.clone(),
    })
}

/// Forgets all sessions of a deleted value but those that are made for a tombstone: of all sessions their ids alone end so.
/// That is noted where classic programs look for what they have to erase.
fn erase(connection: &Savepoint<'_>, value: &ValueWrite, value_row: i64) -> Result<(), WriteError> {
    const CONTENT: &str = "coValue = ?1 AND substr(sessionID, -1) <> '$'";
    for table in ["transactions", "signatureAfter"] {
        let of_content = format!(
            "DELETE FROM {table} WHERE ses IN (SELECT rowID FROM sessions WHERE {CONTENT})"
        );
        connection
            .prepare_cached(&of_content)?
            .execute([value_row])?;
    }
    connection
        .prepare_cached(&format!("DELETE FROM sessions WHERE {CONTENT}"))?
        .execute([value_row])?;
    connection
        .prepare_cached(
            "INSERT INTO deletedCoValues (coValueID, status) VALUES (?1, 1)
             ON CONFLICT (coValueID) DO UPDATE SET status = 1",
        )?
        .execute([value.id.as_str()])?;
    Ok(())
}

/// What the record says of a session.
#[derive(Default)]
struct SessionRow {
    row_id: Option<i64>,
    count: u32,
    bytes_since_signature: i64,
}

fn write_segment(
    connection: &Savepoint<'_>,
    value: &ValueWrite,
    value_row: i64,
    segment: &Segment,
) -> Result<(), WriteError> {
    let Segment { session, content } = segment;
    let row = session_row(connection, value_row, session, content.after)?;
    if content.after > row.count {
        return Err(WriteError::Gap {
            id: value.id.clone(),
            session: session.clone(),
            have: row.count,
            after: content.after,
        });
    }
    let row_id = match row.row_id {
        Some(row_id) => row_id,
        None => insert_session(connection, value_row, session)?,
    };
    if let Some(index) = first_difference(connection, row_id, content, row.count)? {
        return Err(WriteError::Fork {
            id: value.id.clone(),
            session: session.clone(),
            index,
        });
    }
    write_transactions(connection, row_id, content)?;
    write_signature(connection, row_id, &row, content)
}

/// The session's row. A count that cannot be read is taken to be what the replica could read.
fn session_row(
    connection: &Savepoint<'_>,
    value_row: i64,
    session: &SessionId,
    readable: u32,
) -> Result<SessionRow, WriteError> {
    let found = connection
        .prepare_cached(
            "SELECT rowID, lastIdx, bytesSinceLastSignature FROM sessions
             WHERE sessionID = ?1 AND coValue = ?2",
        )?
        .query_row(params![session.as_str(), value_row], |row| {
            Ok(SessionRow {
                row_id: Some(row.get(0)?),
                count: row.get(1).unwrap_or(readable),
                bytes_since_signature: row.get(2).unwrap_or_default(),
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

fn insert_session(
    connection: &Savepoint<'_>,
    value_row: i64,
    session: &SessionId,
) -> Result<i64, WriteError> {
    connection
        .prepare_cached("INSERT INTO sessions (coValue, sessionID, lastIdx) VALUES (?1, ?2, 0)")?
        .execute(params![value_row, session.as_str()])?;
    Ok(connection.last_insert_rowid())
}

/// The first transaction that is kept and is another one in this content. A record that is none is not in the way.
fn first_difference(
    connection: &Savepoint<'_>,
    session_row: i64,
    content: &SessionContent,
    have: u32,
) -> Result<Option<u32>, WriteError> {
    let mut statement =
        connection.prepare_cached("SELECT tx FROM transactions WHERE ses = ?1 AND idx = ?2")?;
    for (index, transaction) in (content.after..have).zip(&content.new_transactions) {
        let kept = statement.query_row(params![session_row, index], |row| {
            Ok(row
                .get_ref(0)?
                .as_str()
                .ok()
                .and_then(|text| parse(text).ok()))
        });
        let kept: Option<Transaction> = kept.optional()?.flatten();
        if kept.is_some_and(|kept| kept != *transaction) {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn write_transactions(
    connection: &Savepoint<'_>,
    session_row: i64,
    content: &SessionContent,
) -> Result<(), WriteError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO transactions (ses, idx, tx) VALUES (?1, ?2, ?3)
         ON CONFLICT (ses, idx) DO UPDATE SET tx = excluded.tx WHERE tx <> excluded.tx",
    )?;
    for (index, transaction) in (i64::from(content.after)..).zip(&content.new_transactions) {
        statement.execute(params![session_row, index, transaction.to_text()])?;
    }
    Ok(())
}

/// Notes where the session ends now, and the signature as a place to cut if it is one: after more than
/// [`CHECKPOINT_BYTES`] of changes, or in the middle of what was there already.
fn write_signature(
    connection: &Savepoint<'_>,
    session_row: i64,
    before: &SessionRow,
    content: &SessionContent,
) -> Result<(), WriteError> {
    let Ok(end) = u32::try_from(content.end()) else {
        let detail = "a session of more than 2^32 transactions".into();
        return Err(WriteError::Database { detail });
    };
    let is_inside = end < before.count;
    let bytes = before
        .bytes_since_signature
        .saturating_add(new_bytes(before.count, content));
    let is_cut = is_inside || usize::try_from(bytes).is_ok_and(|bytes| bytes > CHECKPOINT_BYTES);
    if is_cut && end > 0 {
        connection
            .prepare_cached("INSERT OR REPLACE INTO signatureAfter VALUES (?1, ?2, ?3)")?
            .execute(params![
                session_row,
                end - 1,
                content.last_signature.to_string()
            ])?;
    }
    if is_inside {
        return Ok(());
    }
    connection
        .prepare_cached(
            "UPDATE sessions SET lastIdx = ?2, lastSignature = ?3, bytesSinceLastSignature = ?4
             WHERE rowID = ?1",
        )?
        .execute(params![
            session_row,
            end,
            content.last_signature.to_string(),
            if is_cut { 0 } else { bytes }
        ])?;
    Ok(())
}

/// The bytes of changes that were not kept before.
fn new_bytes(have: u32, content: &SessionContent) -> i64 {
    let known = have.saturating_sub(content.after) as usize;
    let new = content.new_transactions.get(known..).unwrap_or_default();
    i64::try_from(content_bytes_of(new)).unwrap_or(i64::MAX)
}
