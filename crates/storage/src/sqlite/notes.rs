//! Notes: a table of its own, made with the first note, that classic programs do not know and leave alone.

use rusqlite::{Connection, OptionalExtension, params};

use crate::{LoadError, NoteChange, WriteError};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS pleione_notes (
    key TEXT PRIMARY KEY, value TEXT NOT NULL
  ) WITHOUT ROWID";

pub(super) fn notes(
    connection: &Connection,
    prefix: &str,
) -> Result<Vec<(String, String)>, LoadError> {
    if !is_made(connection)? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare_cached(
        "SELECT key, value FROM pleione_notes WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key",
    )?;
    let notes = statement.query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(notes.collect::<Result<_, _>>()?)
}

fn is_made(connection: &Connection) -> rusqlite::Result<bool> {
    let named = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'pleione_notes'";
    let found: Option<i64> = connection
        .query_row(named, [], |row| row.get(0))
        .optional()?;
    Ok(found.is_some())
}

pub(super) fn change(connection: &mut Connection, change: &NoteChange) -> Result<(), WriteError> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLE)?;
    for (key, value) in &change.put {
        transaction.execute(
            "INSERT OR REPLACE INTO pleione_notes (key, value) VALUES (?1, ?2)",
            params![key, value],
        )?;
    }
    for key in &change.forget {
        transaction.execute("DELETE FROM pleione_notes WHERE key = ?1", [key])?;
    }
    Ok(transaction.commit()?)
}
