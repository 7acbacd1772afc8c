//! Reading a value: its outline, and a session in pieces, each up to a signature. Where a record is damaged the session
//! ends at the last signature before it.

use cojson::crypto::Signature;
use cojson::header::Header;
use cojson::ids::{CoId, SessionId};
use cojson::session_log::CHECKPOINT_BYTES;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::pieces::{Pieces, Text, parse};
use crate::{Damage, LoadError, Outline, SessionOutline, Stretch};

/// What is kept of a value, without its transactions.
pub(super) fn outline(connection: &Connection, id: &CoId) -> Result<Option<Outline>, LoadError> {
    let Some((row_id, header)) = value_row(connection, id)? else {
        return Ok(None);
    };
    let header = header.and_then(|text| parse::<Header>(&text));
    let header = header.map_err(|detail| LoadError::DamagedHeader {
        id: id.clone(),
        detail,
    })?;
    let mut outline = Outline {
        header,
        sessions: Vec::new(),
        damage: Vec::new(),
    };
    for row in session_rows(connection, row_id)? {
        row.outline_into(connection, &mut outline)?;
    }
    Ok(Some(outline))
}

/// A session's transactions from `after` on.
pub(super) fn read(
    connection: &Connection,
    id: &CoId,
    session: &SessionId,
    after: u32,
    bytes_max: usize,
) -> Result<Stretch, LoadError> {
    let mut statement = connection.prepare_cached(
        "SELECT sessions.rowID, sessionID, lastIdx, lastSignature, bytesSinceLastSignature
         FROM sessions JOIN coValues ON coValues.rowID = coValue WHERE sessionID = ?1 AND id = ?2",
    )?;
    let row = statement
        .query_row([session.as_str(), id.as_str()], session_row)
        .optional()?;
    match row {
        Some(row) if row.count > after => Ok(row.read(connection, after, bytes_max)?),
        _ => Ok(Stretch::default()),
    }
}

fn value_row(connection: &Connection, id: &CoId) -> rusqlite::Result<Option<(i64, Text)>> {
    connection
        .prepare_cached("SELECT rowID, header FROM coValues WHERE id = ?1")?
        .query_row([id.as_str()], |row| Ok((row.get(0)?, text(row, 1)?)))
        .optional()
}

/// A column's text. What is there but is no text is damage of the record, not of the database.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Text> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) => {
            String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string())
        }
        other => Err(format!("expected text, found {}", other.data_type())),
    })
}

struct SessionRow {
    row_id: i64,
    session: Text,
    count: u32,
    last_signature: Text,
    bytes_since_signature: u64,
}

fn session_row(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    let bytes = row.get_ref(4)?.as_i64().unwrap_or_default();
    Ok(SessionRow {
        row_id: row.get(0)?,
        session: text(row, 1)?,
        count: count(row.get_ref(2)?),
        last_signature: text(row, 3)?,
        bytes_since_signature: u64::try_from(bytes).unwrap_or_default(),
    })
}

fn session_rows(connection: &Connection, value: i64) -> rusqlite::Result<Vec<SessionRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT rowID, sessionID, lastIdx, lastSignature, bytesSinceLastSignature
         FROM sessions WHERE coValue = ?1 ORDER BY rowID",
    )?;
    let rows = statement.query_map([value], session_row)?;
    rows.collect()
}

/// A count that is none reads as as many as there can be: then the session is damaged at the end of its transactions.
fn count(value: ValueRef<'_>) -> u32 {
    let number = value.as_i64().ok();
    let number = number.and_then(|number| u32::try_from(number).ok());
    number.unwrap_or(u32::MAX)
}

fn parse_signature(text: &Text) -> Result<Signature, String> {
    let text = text.as_ref().map_err(Clone::clone)?;
    Signature::parse(text).map_err(|error| error.to_string())
}

impl SessionRow {
    fn outline_into(self, connection: &Connection, outline: &mut Outline) -> rusqlite::Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let session = self.session.as_ref().map_err(Clone::clone);
        let session =
            session.and_then(|text| SessionId::parse(text).map_err(|error| error.to_string()));
        let session = match session {
            Ok(session) => session,
            Err(detail) => {
                outline.damage.push(self.damage(0, detail));
                return Ok(());
            }
        };
        let checkpoints = self.checkpoints(connection)?;
        let (count, last_signature) = match self.end() {
            Ok(end) => end,
            Err(detail) => {
                let end = self.last_checkpoint(connection)?;
                let readable = end.map_or(0, |(count, _)| count);
                outline.damage.push(self.damage(readable, detail));
                let Some(end) = end else { return Ok(()) };
                end
            }
        };
        let kept = checkpoints.saturating_mul(CHECKPOINT_BYTES as u64);
        outline.sessions.push(SessionOutline {
            session,
            count,
            last_signature,
            bytes_least: kept.saturating_add(self.bytes_since_signature),
        });
        Ok(())
    }

    /// How many transactions there should be, and the signature over them.
    fn end(&self) -> Result<(u32, Signature), String> {
        if self.count == u32::MAX {
            return Err("the count of transactions is none".into());
        }
        Ok((self.count, parse_signature(&self.last_signature)?))
    }

    fn checkpoints(&self, connection: &Connection) -> rusqlite::Result<u64> {
        connection
            .prepare_cached("SELECT count(*) FROM signatureAfter WHERE ses = ?1")?
            .query_row([self.row_id], |row| row.get(0))
            .map(|count: i64| u64::try_from(count).unwrap_or_default())
    }

    /// The last place before the damaged end at which the session can be cut.
    fn last_checkpoint(
        &self,
        connection: &Connection,
    ) -> rusqlite::Result<Option<(u32, Signature)>> {
        let mut statement = connection.prepare_cached(
            "SELECT idx, signature FROM signatureAfter WHERE ses = ?1 ORDER BY idx DESC",
        )?;
        let mut rows = statement.query([self.row_id])?;
        while let Some(row) = rows.next()? {
            let end = count(row.get_ref(0)?).saturating_add(1);
            if let (true, Ok(signature)) = (end < u32::MAX, parse_signature(&text(row, 1)?)) {
                return Ok(Some((end, signature)));
            }
        }
        Ok(None)
    }

    fn damage(&self, readable: u32, detail: String) -> Damage {
        Damage {
            session: self.session.clone().unwrap_or_else(|_| "?".into()),
            readable,
            expected: self.count,
            detail,
        }
    }

    fn read(
        &self,
        connection: &Connection,
        after: u32,
        bytes_max: usize,
    ) -> rusqlite::Result<Stretch> {
        let mut pieces = Pieces::new(after, bytes_max);
        let read = self.read_transactions(connection, &mut pieces)?;
        let damage = read.err().map(|detail| self.damage(pieces.end(), detail));
        let pieces = pieces.into_done();
        Ok(Stretch { pieces, damage })
    }

    /// Reads transactions into pieces until there are enough, the count is reached or a record is damaged.
    fn read_transactions(
        &self,
        connection: &Connection,
        pieces: &mut Pieces,
    ) -> rusqlite::Result<Result<(), String>> {
        let mut transactions = connection.prepare_cached(
            "SELECT transactions.idx, tx, signature FROM transactions
             LEFT JOIN signatureAfter
               ON signatureAfter.ses = transactions.ses AND signatureAfter.idx = transactions.idx
             WHERE transactions.ses = ?1 AND transactions.idx >= ?2 ORDER BY transactions.idx",
        )?;
        let mut rows = transactions.query([self.row_id, i64::from(pieces.end())])?;
        while pieces.count() < self.count && !pieces.is_enough() {
            let Some(row) = rows.next()? else {
                return Ok(Err(format!("transaction {} is missing", pieces.count())));
            };
            if count(row.get_ref(0)?) != pieces.count() {
                return Ok(Err(format!("transaction {} is missing", pieces.count())));
            }
            if let Err(detail) = self.take(row, pieces)? {
                return Ok(Err(detail));
            }
        }
        Ok(Ok(()))
    }

    /// Takes the next transaction, and closes the piece if a signature covers it. A damaged signature within the session
    /// costs nothing: the next one covers the same.
    fn take(&self, row: &Row<'_>, pieces: &mut Pieces) -> rusqlite::Result<Result<(), String>> {
        if let Err(detail) = text(row, 1)?.and_then(|text| pieces.push(&text)) {
            return Ok(Err(detail));
        }
        let within = parse_signature(&text(row, 2)?);
        let signature = if pieces.count() == self.count {
            parse_signature(&self.last_signature).or(within)
        } else if let Ok(signature) = within {
            Ok(signature)
        } else {
            return Ok(Ok(()));
        };
        Ok(signature.map(|signature| pieces.close(signature)))
    }
}
