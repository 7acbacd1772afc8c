//! The tables, and how a database gets them.
//!
//! They are made for appending. A session's transactions are kept in **segments**: what one write brings of a session is
//! one row, its transactions a line each, so a write of hundreds costs one row and one index entry, and a log is read in
//! few rows. A long write is cut into segments of [`SEGMENT_BYTES`], so that no row is large. A segment carries a signature
//! only where the log may be cut ([`CHECKPOINT_BYTES`](cojson::session_log::CHECKPOINT_BYTES) since the last): the newest
//! one is in the session's row, which also keeps the count, so that a value is outlined without touching its segments.
//! That row changes with every append and has no index on what changes, and its pages keep room for it (`fillfactor`): the
//! change stays within the page. A session's key is a random number: half as wide as its name, known without asking the
//! database for the next one, and spread over the nodes of a distributed database. Texts that are compared or sorted are so
//! by their bytes (`COLLATE "C"`). All of it is plain SQL that distributed databases with `PostgreSQL`'s protocol know too.

use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::connection::{Connection, Statement};
use super::failure::Failure;

/// The newest version of the tables that is known here.
pub(super) const VERSION: i32 = 1;

/// The bytes of transactions in one segment, unless one transaction alone has more.
pub(super) const SEGMENT_BYTES: usize = 128 << 10;

/// Any number, the same for all servers.
const LOCK: i64 = 0x706c_6569_6f6e_6501;

const MIGRATIONS: &[(i32, &str)] = &[(
    1,
    r#"CREATE TABLE IF NOT EXISTS pleione_values (
         id text COLLATE "C" PRIMARY KEY,
         header text NOT NULL
       );
       CREATE TABLE IF NOT EXISTS pleione_sessions (
         value text COLLATE "C" NOT NULL,
         session text COLLATE "C" NOT NULL,
         key bigint NOT NULL UNIQUE,
         count bigint NOT NULL,
         bytes bigint NOT NULL,
         bytes_since_signature bigint NOT NULL,
         last_signature text NOT NULL,
         PRIMARY KEY (value, session)
       ) WITH (fillfactor = 70);
       CREATE TABLE IF NOT EXISTS pleione_segments (
         session bigint NOT NULL,
         start bigint NOT NULL,
         count bigint NOT NULL,
         bytes bigint NOT NULL,
         body bytea NOT NULL,
         signature text,
         PRIMARY KEY (session, start)
       );"#,
)];

static FOUND: Statement = Statement {
    sql: "SELECT coalesce(max(version), 0) FROM pleione_schema",
    types: &[],
};

static NOTE: Statement = Statement {
    sql: "INSERT INTO pleione_schema (version) VALUES ($1) ON CONFLICT DO NOTHING",
    types: &[Type::INT4],
};

/// Brings the tables to [`VERSION`], one server at a time. Returns the version that the database has then; a later one is
/// left alone.
pub(super) async fn migrate(client: &mut Connection) -> Result<i32, Failure> {
    match migrate_locked(client, true).await {
        // A database without such locks: every step can be taken twice, and a race is tried again.
        Err(Failure::Database(error)) if has_no_locks(error.code()) => {
            migrate_locked(client, false).await
        }
        result => result,
    }
}

fn has_no_locks(code: Option<&SqlState>) -> bool {
    let codes = [
        SqlState::UNDEFINED_FUNCTION,
        SqlState::FEATURE_NOT_SUPPORTED,
    ];
    code.is_some_and(|code| codes.contains(code))
}

async fn migrate_locked(client: &mut Connection, is_locked: bool) -> Result<i32, Failure> {
    let transaction = client.begin().await?;
    if is_locked {
        let lock = format!("SELECT pg_advisory_xact_lock({LOCK})");
        transaction.batch(&lock).await?;
    }
    transaction
        .batch("CREATE TABLE IF NOT EXISTS pleione_schema (version int PRIMARY KEY)")
        .await?;
    let row = transaction.query_opt(&FOUND, &[]).await?;
    let found: i32 = row.map_or(Ok(0), |row| row.try_get(0))?;
    for (version, steps) in MIGRATIONS.iter().filter(|(version, _)| *version > found) {
        transaction.batch(steps).await?;
        transaction.execute(&NOTE, &[version]).await?;
    }
    transaction.commit().await?;
    Ok(found.max(VERSION))
}

/// The version of the tables; none if there are none.
pub(super) async fn version(client: &Connection) -> Result<Option<i32>, Failure> {
    match client.query_opt(&FOUND, &[]).await {
        Ok(row) => Ok(row.map(|row| row.try_get(0)).transpose()?),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
