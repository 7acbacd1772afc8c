//! The tables: those of CoJSON 0.20's `SQLite` stores, version 7, and how a file gets them.
//!
//! `sessions.lastIdx` is a count. `transactions.idx` and `signatureAfter.idx` start at 0; the latter names the last
//! transaction that the signature covers. `bytesSinceLastSignature` counts changes since the last row in `signatureAfter`.
//! The tables that only a client needs are made too, so that a classic program finds what its version says is there.

use rusqlite::Connection;

/// The newest version of the tables that is known here.
pub(super) const VERSION: i64 = 7;

/// The oldest version whose tables have all that is read: they came with it.
pub(super) const OLDEST_READABLE: i64 = 3;

/// What brings a file to each version. Versions 2 and those between never had steps of their own.
const MIGRATIONS: &[(i64, &str)] = &[
    (
        1,
        "CREATE TABLE IF NOT EXISTS transactions (
           ses INTEGER, idx INTEGER, tx TEXT NOT NULL, PRIMARY KEY (ses, idx)
         ) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS sessions (
           rowID INTEGER PRIMARY KEY, coValue INTEGER NOT NULL, sessionID TEXT NOT NULL,
           lastIdx INTEGER, lastSignature TEXT, UNIQUE (sessionID, coValue)
         );
         CREATE INDEX IF NOT EXISTS sessionsByCoValue ON sessions (coValue);
         CREATE TABLE IF NOT EXISTS coValues (
           rowID INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, header TEXT NOT NULL UNIQUE
         );
         CREATE INDEX IF NOT EXISTS coValuesByID ON coValues (id);",
    ),
    (
        3,
        "CREATE TABLE IF NOT EXISTS signatureAfter (
           ses INTEGER, idx INTEGER, signature TEXT NOT NULL, PRIMARY KEY (ses, idx)
         ) WITHOUT ROWID;
         ALTER TABLE sessions ADD COLUMN bytesSinceLastSignature INTEGER;",
    ),
    (
        4,
        "CREATE TABLE IF NOT EXISTS unsynced_covalues (
           rowID INTEGER PRIMARY KEY, co_value_id TEXT NOT NULL, peer_id TEXT NOT NULL,
           UNIQUE (co_value_id, peer_id)
         );
         CREATE INDEX IF NOT EXISTS idx_unsynced_covalues_co_value_id
           ON unsynced_covalues (co_value_id);",
    ),
    (
        5,
        "CREATE TABLE IF NOT EXISTS deletedCoValues (
           coValueID TEXT PRIMARY KEY, status INTEGER NOT NULL DEFAULT 0
         ) WITHOUT ROWID;
         CREATE INDEX IF NOT EXISTS deletedCoValuesByStatus ON deletedCoValues (status);",
    ),
    (
        6,
        "CREATE TABLE IF NOT EXISTS storageReconciliationLocks (
           key TEXT PRIMARY KEY, holderSessionId TEXT NOT NULL, acquiredAt INTEGER NOT NULL,
           expiresAt INTEGER NOT NULL, lastProcessedOffset INTEGER NOT NULL DEFAULT 0,
           releasedAt INTEGER
         ) WITHOUT ROWID;",
    ),
    (
        7,
        "ALTER TABLE storageReconciliationLocks DROP COLUMN expiresAt;",
    ),
];

/// Sets up the connection: durable commits.
pub(super) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is erased is overwritten. Logs only grow, so nothing else pays for it.
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.set_prepared_statement_cache_capacity(32);
    // A file that takes no write is told now, not when the first client writes.
    connection.execute_batch("BEGIN IMMEDIATE; COMMIT;")
}

/// Brings the tables to [`VERSION`]. Returns the version that the file has then; a later one is left alone.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<i64> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let transaction = connection.transaction()?;
    for (version, steps) in MIGRATIONS.iter().filter(|(version, _)| *version > found) {
        transaction.execute_batch(steps)?;
        transaction.pragma_update(None, "user_version", version)?;
    }
    transaction.commit()?;
    Ok(found.max(VERSION))
}

/// From here on the connection reads the file as it is now, until it is closed. Returns the version of its tables.
pub(super) fn hold(connection: &Connection) -> rusqlite::Result<i64> {
    connection.set_prepared_statement_cache_capacity(32);
    connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;")?;
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}
