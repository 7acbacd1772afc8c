//! Reading a value's log. A session is read in pieces, each up to a signature; where a record is damaged the session
//! ends at the last signature before it.

use std::collections::BTreeMap;

use cojson::crypto::Signature;
use cojson::header::Header;
use cojson::ids::{CoId, SessionId};
use cojson::session_log::SessionContent;
use cojson::sync::{Segment, StoredLog};
use cojson::transaction::Transaction;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::storage::{Damage, LoadError, Loaded};

/// Reads everything that is kept of a value.
pub(super) fn load(connection: &Connection, id: &CoId) -> Result<Option<Loaded>, LoadError> {
    let Some((row_id, header)) = value_row(connection, id)? else {
        return Ok(None);
    };
    let header = header.and_then(|text| parse::<Header>(&text));
    let header = header.map_err(|detail| LoadError::DamagedHeader {
        id: id.clone(),
        detail,
    })?;
    let mut loaded = Loaded {
        log: StoredLog {
            header,
            segments: Vec::new(),
        },
        damage: Vec::new(),
    };
    for session in session_rows(connection, row_id)? {
        session.read_into(connection, &mut loaded)?;
    }
    Ok(Some(loaded))
}

type Text = Result<String, String>;

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

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

struct SessionRow {
    row_id: i64,
    session: Text,
    count: u32,
    last_signature: Text,
}

fn session_rows(connection: &Connection, value: i64) -> rusqlite::Result<Vec<SessionRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT rowID, sessionID, lastIdx, lastSignature FROM sessions WHERE coValue = ?1 ORDER BY rowID",
    )?;
    let rows = statement.query_map([value], |row| {
        Ok(SessionRow {
            row_id: row.get(0)?,
            session: text(row, 1)?,
            count: count(row.get_ref(2)?),
            last_signature: text(row, 3)?,
        })
    })?;
    rows.collect()
}

/// A count that is none reads as as many as there can be: then the session is damaged at the end of its transactions.
fn count(value: ValueRef<'_>) -> u32 {
    let number = value.as_i64().ok();
    let number = number.and_then(|number| u32::try_from(number).ok());
    number.unwrap_or(u32::MAX)
}

impl SessionRow {
    fn read_into(&self, connection: &Connection, loaded: &mut Loaded) -> rusqlite::Result<()> {
        let session = self
            .session
            .clone()
            .and_then(|text| SessionId::parse(&text).map_err(|error| error.to_string()));
        let session = match session {
            Ok(session) => session,
            Err(detail) => {
                loaded.damage.push(self.damage(0, detail));
                return Ok(());
            }
        };
        let mut pieces = Pieces::new(self.signatures(connection)?);
        if let Err(detail) = self.read_transactions(connection, &mut pieces)? {
            loaded.damage.push(self.damage(pieces.after, detail));
        }
        let segments = pieces.done.into_iter().map(|content| Segment {
            session: session.clone(),
            content,
        });
        loaded.log.segments.extend(segments);
        Ok(())
    }

    fn damage(&self, readable: u32, detail: String) -> Damage {
        Damage {
            session: self.session.clone().unwrap_or_else(|_| "?".into()),
            readable,
            expected: self.count,
            detail,
        }
    }

    /// Where the session can be cut: how many transactions a signature covers, and the signature.
    fn signatures(&self, connection: &Connection) -> rusqlite::Result<BTreeMap<u32, Text>> {
        let mut statement = connection
            .prepare_cached("SELECT idx, signature FROM signatureAfter WHERE ses = ?1")?;
        let rows = statement.query_map([self.row_id], |row| {
            Ok((count(row.get_ref(0)?).saturating_add(1), text(row, 1)?))
        })?;
        let mut signatures: BTreeMap<u32, Text> = rows.collect::<rusqlite::Result<_>>()?;
        signatures.insert(self.count, self.last_signature.clone());
        Ok(signatures)
    }

    /// Reads transactions into pieces until the count is reached or a record is damaged.
    fn read_transactions(
        &self,
        connection: &Connection,
        pieces: &mut Pieces,
    ) -> rusqlite::Result<Result<(), String>> {
        let mut statement = connection
            .prepare_cached("SELECT idx, tx FROM transactions WHERE ses = ?1 ORDER BY idx")?;
        let mut rows = statement.query([self.row_id])?;
        while pieces.count() < self.count {
            let Some(row) = rows.next()? else {
                return Ok(Err(format!("transaction {} is missing", pieces.count())));
            };
            let taken = match count(row.get_ref(0)?) {
                index if index == pieces.count() => text(row, 1)?,
                _ => Err(format!("transaction {} is missing", pieces.count())),
            };
            if let Err(detail) = taken.and_then(|text| pieces.push(&text)) {
                return Ok(Err(detail));
            }
        }
        Ok(Ok(()))
    }
}

/// The pieces of one session: those that are complete, and what has come since the last signature.
struct Pieces {
    signatures: BTreeMap<u32, Text>,
    done: Vec<SessionContent>,
    after: u32,
    open: Vec<Transaction>,
}

impl Pieces {
    fn new(signatures: BTreeMap<u32, Text>) -> Self {
        Self {
            signatures,
            done: Vec::new(),
            after: 0,
            open: Vec::new(),
        }
    }

    fn count(&self) -> u32 {
        let open = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
        self.after.saturating_add(open)
    }

    /// Takes the next transaction, and closes the piece if a signature covers it.
    fn push(&mut self, text: &str) -> Result<(), String> {
        self.open.push(parse(text)?);
        let count = self.count();
        let Some(signature) = self.signatures.remove(&count) else {
            return Ok(());
        };
        let last_signature = signature
            .and_then(|text| Signature::parse(&text).map_err(|error| error.to_string()))?;
        self.done.push(SessionContent {
            after: self.after,
            new_transactions: std::mem::take(&mut self.open),
            last_signature,
        });
        self.after = count;
        Ok(())
    }
}
