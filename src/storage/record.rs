//! The records' form: a header is its JSON text; a segment is the JSON text of a session's name and a piece of its log.
//!
//! Text as bytes: it crosses the border ten times cheaper than as a string, and a database can still be read by eye.

use cojson::header::Header;
use cojson::ids::{CoId, SessionId};
use cojson::json::{Json, JsonError, Reader, Wire as _};
use cojson::session_log::SessionContent;

use super::{HeaderRow, SegmentRow};

/// A stored header that cannot be read: the value is taken for unknown, and the server is asked for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored header of {id} cannot be read: {detail}")]
pub struct DecodeError {
    /// The value.
    pub id: CoId,
    /// What the parser says.
    pub detail: String,
}

/// A piece of one session's log.
pub struct Record {
    /// The session.
    pub session: SessionId,
    /// The piece.
    pub content: SessionContent,
}

/// The row of a header.
pub fn header_row(id: &CoId, header: &Header) -> HeaderRow {
    HeaderRow {
        id: id.clone(),
        bytes: header.to_json().to_string().into_bytes(),
    }
}

/// The row of a segment.
pub fn segment_row(id: &CoId, session: &SessionId, content: &SessionContent) -> SegmentRow {
    SegmentRow {
        id: id.clone(),
        session: session.to_string(),
        after: content.after,
        bytes: segment_text(session, content).into_bytes(),
    }
}

// An id is plain text: it needs no escapes.
fn segment_text(session: &SessionId, content: &SessionContent) -> String {
    format!(
        r#"{{"session":"{session}","content":{}}}"#,
        content.to_text()
    )
}

/// The segment of one record; none if the record cannot be read.
pub fn segment(record: &[u8]) -> Option<Record> {
    read_record(std::str::from_utf8(record).ok()?).ok()
}

fn read_record(text: &str) -> Result<Record, JsonError> {
    let mut reader = Reader::new(text);
    let (mut session, mut content) = (None, None);
    reader.object(&mut |reader, member| {
        match member {
            "session" => session = Some(SessionId::read(reader)?),
            "content" => content = Some(SessionContent::read(reader)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    reader.end()?;
    Ok(Record {
        session: reader.required(session, "session")?,
        content: reader.required(content, "content")?,
    })
}

/// The header of one record.
pub fn header(id: &CoId, bytes: &[u8]) -> Result<Header, DecodeError> {
    let unreadable = |detail: String| DecodeError {
        id: id.clone(),
        detail,
    };
    let text = std::str::from_utf8(bytes).map_err(|error| unreadable(error.to_string()))?;
    let json = Json::parse(text).map_err(|error| unreadable(error.to_string()))?;
    Header::from_json(&json).map_err(|error| unreadable(error.to_string()))
}
