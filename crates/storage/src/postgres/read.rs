//! Reading: an outline from the rows of value and sessions, and a session's segments, page by page, up to a signature.

use cojson::crypto::Signature;
use cojson::header::Header;
use cojson::ids::{CoId, SessionId};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::body;
use super::connection::{Connection, Statement};
use super::failure::Failure;
use crate::pieces::{Pieces, parse};
use crate::{Damage, LoadError, Outline, SessionOutline, Stats, Stretch};

/// The most segments that are asked for at once.
const PAGE_ROWS_MAX: i64 = 1_024;

/// The least that is read at once.
const PAGE_BYTES_MIN: i64 = 64 << 10;

static HEADER: Statement = Statement {
    sql: "SELECT header FROM pleione_values WHERE id = $1",
    types: &[Type::TEXT],
};

static SESSIONS: Statement = Statement {
    sql: "SELECT session, count, last_signature, key, bytes FROM pleione_sessions WHERE value = $1",
    types: &[Type::TEXT],
};

static CHECKPOINTS: Statement = Statement {
    sql: "SELECT start + count, signature FROM pleione_segments
      WHERE session = $1 AND signature IS NOT NULL ORDER BY start DESC",
    types: &[Type::INT8],
};

static SESSION: Statement = Statement {
    sql: "SELECT session, count, last_signature, key, bytes FROM pleione_sessions
      WHERE value = $1 AND session = $2",
    types: &[Type::TEXT, Type::TEXT],
};

static PAGE: Statement = Statement {
    sql: "SELECT s.start, s.body, s.signature FROM (
        SELECT start, sum(bytes) OVER (ORDER BY start)::int8 - bytes AS bytes_before FROM (
          SELECT start, bytes FROM pleione_segments
          WHERE session = $1 AND start >= coalesce(
            (SELECT max(start) FROM pleione_segments WHERE session = $1 AND start <= $2), 0)
          ORDER BY start LIMIT $4
        ) AS next
      ) AS page
      JOIN pleione_segments AS s ON s.session = $1 AND s.start = page.start
      WHERE page.bytes_before < $3 ORDER BY s.start",
    types: &[Type::INT8, Type::INT8, Type::INT8, Type::INT8],
};

static IDS: Statement = Statement {
    sql: "SELECT id FROM pleione_values WHERE id > $1 ORDER BY id LIMIT $2",
    types: &[Type::TEXT, Type::INT8],
};

static COUNT: Statement = Statement {
    sql: "SELECT count(*) FROM pleione_values",
    types: &[],
};

static STATS: Statement = Statement {
    sql: "SELECT (SELECT count(*) FROM pleione_values), count(*),
        coalesce(sum(count), 0)::int8, coalesce(sum(bytes), 0)::int8 FROM pleione_sessions",
    types: &[],
};

static LARGEST: Statement = Statement {
    sql: "SELECT value, sum(bytes)::int8 AS bytes FROM pleione_sessions
      GROUP BY value ORDER BY bytes DESC, value LIMIT $1",
    types: &[Type::INT8],
};

/// What is kept of a value, without its transactions.
pub(super) async fn outline(client: &Connection, id: &CoId) -> Result<Option<Outline>, Failure> {
    let id_text = id.as_str();
    let parameters: [&(dyn ToSql + Sync); 1] = [&id_text];
    let (header, sessions) = tokio::try_join!(
        client.query_opt(&HEADER, &parameters),
        client.query(&SESSIONS, &parameters),
    )?;
    let Some(header) = header else {
        return Ok(None);
    };
    let header = parse::<Header>(header.try_get(0)?).map_err(|detail| {
        let id = id.clone();
        Failure::Record(LoadError::DamagedHeader { id, detail })
    })?;
    let mut outline = Outline {
        header,
        sessions: Vec::new(),
        damage: Vec::new(),
    };
    for row in sessions {
        outline_session(client, &SessionRow::try_from(&row)?, &mut outline).await?;
    }
    Ok(Some(outline))
}

/// A session's row. Its texts are as they are kept, so they may be none of ours.
struct SessionRow {
    session: String,
    count: u32,
    last_signature: String,
    key: i64,
    bytes: u64,
}

impl TryFrom<&Row> for SessionRow {
    type Error = tokio_postgres::Error;

    fn try_from(row: &Row) -> Result<Self, Self::Error> {
        Ok(Self {
            session: row.try_get(0)?,
            count: body::unsigned(row.try_get(1)?),
            last_signature: row.try_get(2)?,
            key: row.try_get(3)?,
            bytes: body::unsigned(row.try_get(4)?),
        })
    }
}

impl SessionRow {
    fn damage(&self, readable: u32, detail: &impl ToString) -> Damage {
        Damage {
            session: self.session.clone(),
            readable,
            expected: self.count,
            detail: detail.to_string(),
        }
    }
}

async fn outline_session(
    client: &Connection,
    row: &SessionRow,
    outline: &mut Outline,
) -> Result<(), Failure> {
    let session = match SessionId::parse(&row.session) {
        Ok(session) => session,
        Err(error) => {
            outline.damage.push(row.damage(0, &error));
            return Ok(());
        }
    };
    let (count, last_signature) = match Signature::parse(&row.last_signature) {
        Ok(signature) => (row.count, signature),
        Err(error) => {
            let end = last_checkpoint(client, row.key).await?;
            let readable = end.map_or(0, |(count, _)| count);
            outline.damage.push(row.damage(readable, &error));
            let Some(end) = end else { return Ok(()) };
            end
        }
    };
    outline.sessions.push(SessionOutline {
        session,
        count,
        last_signature,
        bytes_least: row.bytes,
    });
    Ok(())
}

/// The last place before a damaged end at which the session can be cut.
async fn last_checkpoint(
    client: &Connection,
    key: i64,
) -> Result<Option<(u32, Signature)>, Failure> {
    let rows = client.query(&CHECKPOINTS, &[&key]).await?;
    for row in rows {
        if let Ok(signature) = Signature::parse(row.try_get(1)?) {
            return Ok(Some((body::unsigned(row.try_get(0)?), signature)));
        }
    }
    Ok(None)
}

/// A session's transactions from `after` on.
pub(super) async fn read(
    client: &Connection,
    id: &CoId,
    session: &SessionId,
    after: u32,
    bytes_max: usize,
) -> Result<Stretch, Failure> {
    let row = client
        .query_opt(&SESSION, &[&id.as_str(), &session.as_str()])
        .await?;
    let row = row.as_ref().map(SessionRow::try_from).transpose()?;
    let Some(row) = row.filter(|row| row.count > after) else {
        return Ok(Stretch::default());
    };
    let mut pieces = Pieces::new(after, bytes_max);
    let mut damage = None;
    while damage.is_none() && pieces.count() < row.count && !pieces.is_enough() {
        let page = page(client, row.key, pieces.count(), bytes_max).await?;
        damage = take_page(&row, &page, &mut pieces)?;
    }
    let damage = damage.map(|detail| row.damage(pieces.end(), &detail));
    Ok(Stretch {
        pieces: pieces.into_done(),
        damage,
    })
}

/// The segments from the one on that holds transaction `after`, at least one, up to so many bytes.
async fn page(
    client: &Connection,
    key: i64,
    after: u32,
    bytes_max: usize,
) -> Result<Vec<Row>, Failure> {
    let bytes = i64::try_from(bytes_max).unwrap_or(i64::MAX);
    let bytes = bytes.max(PAGE_BYTES_MIN);
    let parameters: [&(dyn ToSql + Sync); 4] = [&key, &i64::from(after), &bytes, &PAGE_ROWS_MAX];
    Ok(client.query(&PAGE, &parameters).await?)
}

/// Takes segments into pieces. Says what stands in the way, if something does.
fn take_page(
    session: &SessionRow,
    page: &[Row],
    pieces: &mut Pieces,
) -> Result<Option<String>, Failure> {
    let before = pieces.count();
    for row in page {
        if pieces.count() >= session.count || pieces.is_enough() {
            return Ok(None);
        }
        let start: u32 = body::unsigned(row.try_get(0)?);
        if start > pieces.count() {
            break;
        }
        if let Err(detail) = take_segment(start, row.try_get(1)?, pieces) {
            return Ok(Some(detail));
        }
        let signature: Option<&str> = row.try_get(2)?;
        let is_end = pieces.count() == session.count;
        let last = is_end.then_some(session.last_signature.as_str());
        // A damaged signature within the session costs nothing: the next one covers the same.
        let mut signatures = last.into_iter().chain(signature);
        let signature = signatures.find_map(|text| Signature::parse(text).ok());
        match signature {
            Some(signature) => pieces.close(signature),
            None if is_end => return Ok(Some("the last signature is none".into())),
            None => {}
        }
    }
    let is_stuck = pieces.count() == before;
    Ok(is_stuck.then(|| format!("transaction {before} is missing")))
}

fn take_segment(start: u32, lines: &[u8], pieces: &mut Pieces) -> Result<(), String> {
    let known = pieces.count().saturating_sub(start) as usize;
    for line in body::lines(lines).skip(known) {
        pieces.push(line?)?;
    }
    Ok(())
}

/// The ids after this one, in the order of their text. Text that is no id is passed over.
pub(super) async fn ids(
    client: &Connection,
    after: Option<&CoId>,
    count_max: usize,
) -> Result<Vec<CoId>, Failure> {
    let limit = i64::try_from(count_max).unwrap_or(i64::MAX);
    let mut after = after.map_or("", CoId::as_str).to_owned();
    loop {
        let rows = client.query(&IDS, &[&after, &limit]).await?;
        let texts = rows.iter().map(|row| row.try_get(0));
        let texts = texts.collect::<Result<Vec<&str>, _>>()?;
        let ids: Vec<CoId> = texts
            .iter()
            .filter_map(|text| CoId::parse(text).ok())
            .collect();
        match texts.last() {
            // A page of nothing but damage must not look like the end.
            Some(last) if ids.is_empty() => (*last).clone_into(&mut after),
            _ => return Ok(ids),
        }
    }
}

/// How many values there are.
pub(super) async fn count(client: &Connection) -> Result<u64, Failure> {
    let row = client.query_opt(&COUNT, &[]).await?;
    Ok(row.map_or(Ok(0), |row| row.try_get(0).map(body::unsigned))?)
}

/// How much is kept.
pub(super) async fn stats(client: &Connection, largest_max: usize) -> Result<Stats, Failure> {
    let rows = client.query(&STATS, &[]).await?;
    let limit = i64::try_from(largest_max).unwrap_or(i64::MAX);
    let largest = client.query(&LARGEST, &[&limit]).await?;
    let mut stats = Stats::default();
    for row in rows {
        stats.values = body::unsigned(row.try_get(0)?);
        stats.sessions = body::unsigned(row.try_get(1)?);
        stats.transactions = body::unsigned(row.try_get(2)?);
        stats.bytes = body::unsigned(row.try_get(3)?);
    }
    for row in largest {
        let id = CoId::parse(row.try_get(0)?).ok();
        let bytes = body::unsigned(row.try_get(1)?);
        stats.largest.extend(id.map(|id| (id, bytes)));
    }
    Ok(stats)
}
