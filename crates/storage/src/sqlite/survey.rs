//! Looking over the whole file: which values there are, and how much of them.

use cojson::ids::CoId;
use rusqlite::Connection;

use crate::{LoadError, Stats};

/// The ids after this one, in the order of their text. Text that is no id is passed over.
pub(super) fn ids(
    connection: &Connection,
    after: Option<&CoId>,
    count_max: usize,
) -> Result<Vec<CoId>, LoadError> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM coValues WHERE id > ?1 ORDER BY id")?;
    let mut rows = statement.query([after.map_or("", CoId::as_str)])?;
    let mut ids = Vec::new();
    while ids.len() < count_max {
        let Some(row) = rows.next()? else { break };
        let text = row.get_ref(0)?.as_str().ok();
        ids.extend(text.and_then(|text| CoId::parse(text).ok()));
    }
    Ok(ids)
}

/// How many values there are.
pub(super) fn count(connection: &Connection) -> Result<u64, LoadError> {
    let count = connection.query_row("SELECT count(*) FROM coValues", [], |row| row.get(0));
    Ok(count.map(unsigned)?)
}

/// How much is kept. It reads every transaction.
pub(super) fn stats(connection: &Connection, largest_max: usize) -> Result<Stats, LoadError> {
    let count = |sql| connection.query_row(sql, [], |row| row.get(0).map(unsigned));
    Ok(Stats {
        values: count("SELECT count(*) FROM coValues")?,
        sessions: count("SELECT count(*) FROM sessions")?,
        transactions: count("SELECT count(*) FROM transactions")?,
        bytes: count("SELECT coalesce(sum(octet_length(tx)), 0) FROM transactions")?,
        largest: largest(connection, largest_max)?,
    })
}

fn largest(connection: &Connection, largest_max: usize) -> Result<Vec<(CoId, u64)>, LoadError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, sum(bytes) FROM
           (SELECT ses, sum(octet_length(tx)) AS bytes FROM transactions GROUP BY ses)
           JOIN sessions ON sessions.rowID = ses JOIN coValues ON coValues.rowID = coValue
         GROUP BY coValue ORDER BY 2 DESC, id LIMIT ?1",
    )?;
    let rows = statement.query_map([i64::try_from(largest_max).unwrap_or(i64::MAX)], |row| {
        Ok((
            CoId::parse(row.get_ref(0)?.as_str()?).ok(),
            row.get(1).map(unsigned)?,
        ))
    })?;
    let mut largest = Vec::new();
    for row in rows {
        let (id, bytes): (Option<CoId>, u64) = row?;
        largest.extend(id.map(|id| (id, bytes)));
    }
    Ok(largest)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
