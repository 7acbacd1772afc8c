//! A record: of one value its header, or a piece of one session, or both. On a line it is the `content` message that the
//! protocol has for it.
//!
//! A value's records are together, the first of them with its header, and so are those of a session, in order.

use cojson::header::{Header, Priority};
use cojson::ids::CoId;
use cojson::sync::{ContentMessage, FrameLimits, Segment, SyncMessage, decode_frame, encode_frame};

/// The longest line. A store's pieces end where a client's message did, or soon after: these have a limit of 8 MiB.
pub const LINE_BYTES_MAX: usize = 32 << 20;

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The value.
    pub id: CoId,
    /// Its header, if it comes with this record.
    pub header: Option<Header>,
    /// The piece, if there is one.
    pub segment: Option<Segment>,
}

/// A line that is no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct NotARecord {
    /// Why not.
    pub detail: String,
}

impl Record {
    /// How many transactions it brings.
    pub fn transactions(&self) -> usize {
        let content = self.segment.as_ref().map(|segment| &segment.content);
        content.map_or(0, |content| content.new_transactions.len())
    }

    /// The line, without its end.
    pub fn to_line(&self) -> String {
        let priority = self
            .header
            .as_ref()
            .map_or(Priority::High, Header::priority);
        let segment = self.segment.iter();
        let message = SyncMessage::Content(ContentMessage {
            id: self.id.clone(),
            header: self.header.clone(),
            priority: priority as u8,
            new: segment
                .map(|Segment { session, content }| (session.clone(), content.clone()))
                .collect(),
            expect_content_until: None,
        });
        encode_frame([&message])
    }

    /// The record of a line.
    pub fn from_line(line: &str) -> Result<Self, NotARecord> {
        let limits = FrameLimits {
            frame_bytes_max: LINE_BYTES_MAX,
            message_bytes_max: LINE_BYTES_MAX,
            frame_messages_max: 1,
        };
        let no_record = |detail: String| Err(NotARecord { detail });
        match decode_frame(line, &limits).pop() {
            Some(Ok(SyncMessage::Content(message))) => Self::from_message(message),
            Some(Err(error)) => no_record(error.to_string()),
            Some(Ok(_)) | None => no_record("it is not a `content` message".into()),
        }
    }

    fn from_message(message: ContentMessage) -> Result<Self, NotARecord> {
        let mut sessions = message.new.into_iter();
        let segment = sessions.next();
        let segment = segment.map(|(session, content)| Segment { session, content });
        if sessions.next().is_some() {
            let detail = "it has pieces of more than one session".into();
            return Err(NotARecord { detail });
        }
        Ok(Self {
            id: message.id,
            header: message.header,
            segment,
        })
    }
}
