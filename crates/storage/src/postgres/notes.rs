//! Notes: a table of its own, made with the first note.

use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::connection::{Connection, Statement};
use super::failure::Failure;
use crate::NoteChange;

const TABLE: &str = r#"CREATE TABLE IF NOT EXISTS pleione_notes (
    key text COLLATE "C" PRIMARY KEY, value text NOT NULL
  )"#;

static FIND: Statement = Statement {
    sql: "SELECT key, value FROM pleione_notes WHERE left(key, length($1)) = $1 ORDER BY key",
    types: &[Type::TEXT],
};

static PUT: Statement = Statement {
    sql: "INSERT INTO pleione_notes (key, value) VALUES ($1, $2)
          ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    types: &[Type::TEXT, Type::TEXT],
};

static FORGET: Statement = Statement {
    sql: "DELETE FROM pleione_notes WHERE key = $1",
    types: &[Type::TEXT],
};

pub(super) async fn notes(
    client: &Connection,
    prefix: &str,
) -> Result<Vec<(String, String)>, Failure> {
    let rows = match client.query(&FIND, &[&prefix]).await {
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => return Ok(Vec::new()),
        rows => rows?,
    };
    let note = |row: &tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
    rows.iter().map(note).collect()
}

pub(super) async fn change(client: &mut Connection, change: &NoteChange) -> Result<(), Failure> {
    let transaction = client.begin().await?;
    transaction.batch(TABLE).await?;
    for (key, value) in &change.put {
        transaction.execute(&PUT, &[key, value]).await?;
    }
    for key in &change.forget {
        transaction.execute(&FORGET, &[key]).await?;
    }
    Ok(transaction.commit().await?)
}
