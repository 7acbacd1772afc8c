//! Writing: what is there is read, the commit is planned, and the plan is carried out in one transaction in which every row
//! that changes must still be as it was read. A server that was faster makes it fail whole; it is then planned anew, and
//! what the other one wrote is accepted where it is the same. No row is locked while we think.

use cojson::crypto::Signature;
use cojson::json::Wire as _;
use cojson::sync::{Segment, WriteBatch};
use futures_util::future::try_join_all;
use tokio_postgres::types::{ToSql, Type};

use super::body;
use super::connection::{Connection, Statement, Transaction};
use super::failure::Failure;
use super::plan::{Kept, KeptSegment, KeptSession, NewSegment, Plan, Planned};
use crate::{WriteError, end_of};

/// The bytes of transactions that go to the database in one statement, unless one segment alone has more.
const STATEMENT_BYTES: u64 = 8 << 20;

static HEADERS: Statement = Statement {
    sql: "SELECT id, header FROM pleione_values WHERE id = ANY($1::text[])",
    types: &[Type::TEXT_ARRAY],
};

static SESSIONS: Statement = Statement {
    sql: "SELECT s.value, s.session, s.key, s.count, s.bytes, s.bytes_since_signature,
        s.last_signature
      FROM unnest($1::text[], $2::text[]) AS w (value, session)
      JOIN pleione_sessions AS s ON s.value = w.value AND s.session = w.session",
    types: &[Type::TEXT_ARRAY, Type::TEXT_ARRAY],
};

static OVERLAPS: Statement = Statement {
    sql: "SELECT DISTINCT s.session, s.start, s.count, s.body
      FROM unnest($1::int8[], $2::int8[], $3::int8[]) AS w (session, first, stop)
      JOIN pleione_segments AS s
        ON s.session = w.session AND s.start < w.stop AND s.start + s.count > w.first
      ORDER BY s.session, s.start",
    types: &[Type::INT8_ARRAY, Type::INT8_ARRAY, Type::INT8_ARRAY],
};

static WRITE_HEADERS: Statement = Statement {
    sql: "INSERT INTO pleione_values (id, header)
      SELECT * FROM unnest($1::text[], $2::text[]) AS w (id, header)
      ON CONFLICT (id) DO UPDATE SET header = excluded.header
      WHERE pleione_values.header <> excluded.header",
    types: &[Type::TEXT_ARRAY, Type::TEXT_ARRAY],
};

static ERASE: Statement = Statement {
    sql: "WITH gone AS (
        DELETE FROM pleione_sessions
        WHERE value = ANY($1::text[]) AND right(session, 1) <> '$' RETURNING key
      )
      DELETE FROM pleione_segments USING gone WHERE pleione_segments.session = gone.key",
    types: &[Type::TEXT_ARRAY],
};

static INSERT_SESSIONS: Statement = Statement {
    sql: "INSERT INTO pleione_sessions
        (value, session, key, count, bytes, bytes_since_signature, last_signature)
      SELECT * FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::int8[],
        $6::int8[], $7::text[]) AS w (a, b, c, d, e, f, g)",
    types: &[
        Type::TEXT_ARRAY,
        Type::TEXT_ARRAY,
        Type::INT8_ARRAY,
        Type::INT8_ARRAY,
        Type::INT8_ARRAY,
        Type::INT8_ARRAY,
        Type::TEXT_ARRAY,
    ],
};

static UPDATE_SESSIONS: Statement = Statement {
    sql: "UPDATE pleione_sessions AS s
      SET count = w.count, bytes = w.bytes, bytes_since_signature = w.since,
        last_signature = w.last_signature
      FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::int8[], $6::int8[],
        $7::text[]) AS w (value, session, before, count, bytes, since, last_signature)
      WHERE s.value = w.value AND s.session = w.session AND s.count = w.before",
    types: &[
        Type::TEXT_ARRAY,
        Type::TEXT_ARRAY,
        Type::INT8_ARRAY,
        Type::INT8_ARRAY,
        Type::INT8_ARRAY,
        Type::INT8_ARRAY,
        Type::TEXT_ARRAY,
    ],
};

static INSERT_SEGMENTS: Statement = Statement {
    sql: "INSERT INTO pleione_segments (session, start, count, bytes, body, signature)
      SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::bytea[],
        $6::text[]) AS w (a, b, c, d, e, f)",
    types: &[
        Type::INT8_ARRAY,
        Type::INT8_ARRAY,
        Type::INT8_ARRAY,
        Type::INT8_ARRAY,
        Type::BYTEA_ARRAY,
        Type::TEXT_ARRAY,
    ],
};

static MEND_SEGMENTS: Statement = Statement {
    sql: "UPDATE pleione_segments AS s SET body = w.body
      FROM unnest($1::int8[], $2::int8[], $3::bytea[]) AS w (session, start, body)
      WHERE s.session = w.session AND s.start = w.start",
    types: &[Type::INT8_ARRAY, Type::INT8_ARRAY, Type::BYTEA_ARRAY],
};

/// Writes the batches in one commit. An error means that nothing was committed, or that nobody can tell.
pub(super) async fn write(
    client: &mut Connection,
    batches: &[WriteBatch],
) -> Result<Vec<Result<(), WriteError>>, Failure> {
    let kept = kept(client, batches).await?;
    let plan = Plan::new(&kept, batches);
    if !plan.is_empty() {
        commit(client, &plan).await?;
    }
    Ok(plan.results)
}

async fn kept(client: &Connection, batches: &[WriteBatch]) -> Result<Kept, Failure> {
    let values = batches.iter().flat_map(|batch| &batch.values);
    let mut kept = Kept::default();
    let ids: Vec<&str> = values.clone().map(|value| value.id.as_str()).collect();
    let sessions = values.flat_map(|value| {
        let names = value.segments.iter();
        names.map(|segment| (value.id.as_str(), segment.session.as_str()))
    });
    let (of, sessions): (Vec<&str>, Vec<&str>) = sessions.unzip();
    let of_sessions: [&(dyn ToSql + Sync); 2] = [&of, &sessions];
    let of_values: [&(dyn ToSql + Sync); 1] = [&ids];
    let (headers, rows) = tokio::try_join!(
        client.query(&HEADERS, &of_values),
        client.query(&SESSIONS, &of_sessions),
    )?;
    for row in headers {
        kept.headers.insert(row.try_get(0)?, row.try_get(1)?);
    }
    for row in rows {
        let session = KeptSession {
            key: row.try_get(2)?,
            count: body::unsigned(row.try_get(3)?),
            bytes: body::unsigned(row.try_get(4)?),
            bytes_since_signature: body::unsigned(row.try_get(5)?),
            is_damaged: Signature::parse(row.try_get(6)?).is_err(),
        };
        let name = (row.try_get(0)?, row.try_get(1)?);
        kept.sessions.insert(name, session);
    }
    read_overlaps(client, batches, &mut kept).await?;
    Ok(kept)
}

/// Reads the segments that are written again.
async fn read_overlaps(
    client: &Connection,
    batches: &[WriteBatch],
    kept: &mut Kept,
) -> Result<(), Failure> {
    let mut overlaps: Vec<(i64, i64, i64)> = Vec::new();
    for value in batches.iter().flat_map(|batch| &batch.values) {
        for Segment { session, content } in &value.segments {
            let name = (value.id.to_string(), session.to_string());
            let kept = kept.sessions.get(&name);
            let overlap = kept.filter(|kept| content.after < kept.count);
            overlaps.extend(overlap.map(|kept| {
                let stop = end_of(content).min(kept.count);
                (kept.key, i64::from(content.after), i64::from(stop))
            }));
        }
    }
    if overlaps.is_empty() {
        return Ok(());
    }
    let keys: Vec<i64> = overlaps.iter().map(|overlap| overlap.0).collect();
    let first: Vec<i64> = overlaps.iter().map(|overlap| overlap.1).collect();
    let stop: Vec<i64> = overlaps.iter().map(|overlap| overlap.2).collect();
    for row in client.query(&OVERLAPS, &[&keys, &first, &stop]).await? {
        let lines: &[u8] = row.try_get(3)?;
        let segment = KeptSegment {
            start: body::unsigned(row.try_get(1)?),
            count: body::unsigned(row.try_get(2)?),
            transactions: body::decode(lines).ok(),
        };
        let segments = kept.segments.entry(row.try_get(0)?).or_default();
        segments.push(segment);
    }
    Ok(())
}

async fn commit(client: &mut Connection, plan: &Plan<'_>) -> Result<(), Failure> {
    let transaction = client.begin().await?;
    erase(&transaction, plan).await?;
    // None waits for the one before it: they go to the database together.
    let (headers, inserted, updated, segments, mended) = tokio::join!(
        write_headers(&transaction, plan),
        insert_sessions(&transaction, plan),
        update_sessions(&transaction, plan),
        write_segments(&transaction, plan),
        mend_segments(&transaction, plan),
    );
    cause_of([headers, inserted, updated, segments, mended])?;
    transaction.commit().await?;
    Ok(())
}

/// The first failure that is more than the echo of another: what follows one in a transaction fails as well.
fn cause_of(results: [Result<(), Failure>; 5]) -> Result<(), Failure> {
    let mut echo = Ok(());
    for failure in results.into_iter().filter_map(Result::err) {
        if !failure.is_echo() {
            return Err(failure);
        }
        echo = Err(failure);
    }
    echo
}

async fn write_headers(transaction: &Transaction<'_>, plan: &Plan<'_>) -> Result<(), Failure> {
    if plan.headers.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = plan.headers.keys().map(|id| id.as_str()).collect();
    let texts = plan.headers.values().map(|header| header.to_text());
    let texts: Vec<String> = texts.collect();
    transaction.execute(&WRITE_HEADERS, &[&ids, &texts]).await?;
    Ok(())
}

/// Forgets all sessions of deleted values but those that are made for a tombstone: of all sessions their ids alone end so.
async fn erase(transaction: &Transaction<'_>, plan: &Plan<'_>) -> Result<(), Failure> {
    if plan.erased.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = plan.erased.iter().map(|id| id.as_str()).collect();
    transaction.execute(&ERASE, &[&ids]).await?;
    Ok(())
}

/// The columns of sessions' rows.
#[derive(Default)]
struct SessionColumns<'a> {
    values: Vec<&'a str>,
    sessions: Vec<&'a str>,
    keys: Vec<i64>,
    counts_before: Vec<i64>,
    counts: Vec<i64>,
    bytes: Vec<i64>,
    bytes_since_signature: Vec<i64>,
    last_signatures: Vec<String>,
}

impl<'a> SessionColumns<'a> {
    /// Of the sessions that get a new end: those that are new, or those that are not.
    fn of(plan: &'a Plan<'_>, is_new: bool) -> Self {
        let mut columns = Self::default();
        for ((id, session), planned) in &plan.sessions {
            if let (true, Some(signature)) =
                (planned.before.is_none() == is_new, &planned.last_signature)
            {
                columns.push(id.as_str(), session.as_str(), planned, signature);
            }
        }
        columns
    }

    fn push(&mut self, value: &'a str, session: &'a str, planned: &Planned<'_>, last: &Signature) {
        let before = planned.before.unwrap_or_default();
        let after = planned.after;
        self.values.push(value);
        self.sessions.push(session);
        self.keys.push(after.key);
        self.counts_before.push(before.count.into());
        self.counts.push(after.count.into());
        self.bytes.push(body::signed(after.bytes));
        let since = body::signed(after.bytes_since_signature);
        self.bytes_since_signature.push(since);
        self.last_signatures.push(last.to_string());
    }
}

async fn insert_sessions(transaction: &Transaction<'_>, plan: &Plan<'_>) -> Result<(), Failure> {
    let rows = SessionColumns::of(plan, true);
    if rows.values.is_empty() {
        return Ok(());
    }
    let parameters: [&(dyn ToSql + Sync); 7] = [
        &rows.values,
        &rows.sessions,
        &rows.keys,
        &rows.counts,
        &rows.bytes,
        &rows.bytes_since_signature,
        &rows.last_signatures,
    ];
    transaction.execute(&INSERT_SESSIONS, &parameters).await?;
    Ok(())
}

async fn update_sessions(transaction: &Transaction<'_>, plan: &Plan<'_>) -> Result<(), Failure> {
    let rows = SessionColumns::of(plan, false);
    if rows.values.is_empty() {
        return Ok(());
    }
    let parameters: [&(dyn ToSql + Sync); 7] = [
        &rows.values,
        &rows.sessions,
        &rows.counts_before,
        &rows.counts,
        &rows.bytes,
        &rows.bytes_since_signature,
        &rows.last_signatures,
    ];
    let changed = transaction.execute(&UPDATE_SESSIONS, &parameters).await?;
    if changed == rows.values.len() as u64 {
        Ok(())
    } else {
        Err(Failure::Raced)
    }
}

/// The columns of segments' rows.
#[derive(Default)]
struct SegmentColumns {
    sessions: Vec<i64>,
    starts: Vec<i64>,
    counts: Vec<i64>,
    bytes: Vec<i64>,
    bodies: Vec<Vec<u8>>,
    signatures: Vec<Option<String>>,
    bytes_together: u64,
}

impl SegmentColumns {
    fn push(&mut self, session: i64, segment: &NewSegment<'_>) {
        self.sessions.push(session);
        self.starts.push(segment.start.into());
        let count = i64::try_from(segment.transactions.len());
        self.counts.push(count.unwrap_or(i64::MAX));
        self.bytes.push(body::signed(segment.bytes()));
        self.bodies.push(body::encode(segment.transactions));
        let signature = segment.signature.as_ref().map(ToString::to_string);
        self.signatures.push(signature);
        self.bytes_together += segment.bytes();
    }

    /// The rows, as many in each as fit in a statement.
    fn split<'a>(rows: impl Iterator<Item = (i64, &'a NewSegment<'a>)>) -> Vec<Self> {
        let mut statements = vec![Self::default()];
        for (session, segment) in rows {
            if statements
                .last()
                .is_none_or(|rows| rows.bytes_together > STATEMENT_BYTES)
            {
                statements.push(Self::default());
            }
            if let Some(last) = statements.last_mut() {
                last.push(session, segment);
            }
        }
        statements.retain(|rows| !rows.sessions.is_empty());
        statements
    }
}

async fn write_segments(transaction: &Transaction<'_>, plan: &Plan<'_>) -> Result<(), Failure> {
    let new = plan.sessions.values().flat_map(|planned| {
        let segments = planned.segments.iter();
        segments.map(|segment| (planned.after.key, segment))
    });
    let statements = SegmentColumns::split(new);
    if statements.is_empty() {
        return Ok(());
    }
    let inserted = statements.iter().map(|rows| async move {
        let parameters: [&(dyn ToSql + Sync); 6] = [
            &rows.sessions,
            &rows.starts,
            &rows.counts,
            &rows.bytes,
            &rows.bodies,
            &rows.signatures,
        ];
        transaction.execute(&INSERT_SEGMENTS, &parameters).await
    });
    try_join_all(inserted).await?;
    Ok(())
}

async fn mend_segments(transaction: &Transaction<'_>, plan: &Plan<'_>) -> Result<(), Failure> {
    let damaged = plan.sessions.values().flat_map(|planned| {
        let segments = planned.mended.iter();
        segments.map(|segment| (planned.after.key, segment))
    });
    for rows in SegmentColumns::split(damaged) {
        transaction
            .execute(
                &MEND_SEGMENTS,
                &[&rows.sessions, &rows.starts, &rows.bodies],
            )
            .await?;
    }
    Ok(())
}
