//! What the replica asks of its host, and the words they share: peers, writes, what storage holds.

use crate::collections::SortedMap;
use crate::crypto::Signature;
use crate::header::Header;
use crate::ids::{CoId, SessionId};
use crate::session_log::SessionContent;

use super::message::{ContentMessage, SyncMessage};
use super::rejection::Rejection;

/// A peer, named by the host. A server that is connected to again should keep its id: what it has acknowledged is
/// then remembered over the gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u64);

/// One write to storage; the host answers with `stored` or `store_failed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId(pub u64);

/// One read of a part of a log; the host answers with `read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId(pub u64);

/// What the host is to do, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask storage for this value; answer with [`loaded`](super::Replica::loaded), or with
    /// [`outlined`](super::Replica::outlined) if it is too long to be held and no group.
    Load(CoId),
    /// Read a part of a value's log; answer with [`read`](super::Replica::read). Only what was outlined or evicted is
    /// read so.
    Read(ReadRequest),
    /// The peer's window is full: once some of the content that was sent to it has left, say so with
    /// [`drained`](super::Replica::drained).
    Pace(PeerId),
    /// Make this durable, all or nothing; answer with [`stored`](super::Replica::stored) or
    /// [`store_failed`](super::Replica::store_failed). At most one write is under way.
    Store(WriteBatch),
    /// Send this message. Messages to one peer keep their order.
    Send {
        /// To whom.
        peer: PeerId,
        /// What.
        message: SyncMessage,
    },
    /// The value's log is there for the first time, or grew from outside.
    Changed(CoId),
    /// Neither storage nor any upstream peer has the value now. `Changed` follows if it appears later.
    Unavailable(CoId),
    /// Something was refused; the host counts it.
    Rejected {
        /// The peer it came from, if it came from one.
        peer: Option<PeerId>,
        /// The value it was about, if that is known.
        id: Option<CoId>,
        /// Why.
        reason: Rejection,
    },
}

/// A part of a value's log that is to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadRequest {
    /// The name to answer with.
    pub id: ReadId,
    /// The value.
    pub value: CoId,
    /// The sessions, and after how many transactions to begin in each. The first is read in any case, the others as far
    /// as there is room.
    pub from: Vec<(SessionId, u32)>,
    /// About how many bytes are wanted in all; at least one piece is read, and pieces end at signatures.
    pub bytes_max: usize,
}

/// Everything that is new since the last write.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteBatch {
    /// The name to answer with.
    pub id: WriteId,
    /// The values that grew, each once.
    pub values: Vec<ValueWrite>,
}

impl WriteBatch {
    /// What was written, as content messages for [`absorb`](super::Replica::absorb): for the other tabs of the same
    /// database.
    pub fn to_messages(&self) -> Vec<ContentMessage> {
        self.values
            .iter()
            .flat_map(ValueWrite::to_messages)
            .collect()
    }
}

/// What is new of one value.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueWrite {
    /// The value.
    pub id: CoId,
    /// Its header, the first time it is written. Storage may have it already (another tab made the same named value).
    pub header: Option<Header>,
    /// Whether the value was deleted: before the new pieces are written, storage forgets its sessions but for those that
    /// are made for a tombstone ([`SessionId::is_delete`]).
    pub erases: bool,
    /// The new pieces, those of one session in order. A piece may overlap what storage has.
    pub segments: Vec<Segment>,
}

impl ValueWrite {
    /// A message per round of pieces: one session comes at most once in each.
    fn to_messages(&self) -> Vec<ContentMessage> {
        let mut messages = vec![self.to_message(self.header.clone())];
        for segment in &self.segments {
            let is_there =
                |message: &&mut ContentMessage| message.new.contains_key(&segment.session);
            if messages.last_mut().as_ref().is_none_or(is_there) {
                messages.push(self.to_message(None));
            }
            if let Some(last) = messages.last_mut() {
                last.new
                    .insert(segment.session.clone(), segment.content.clone());
            }
        }
        messages
    }

    fn to_message(&self, header: Option<Header>) -> ContentMessage {
        ContentMessage {
            id: self.id.clone(),
            header,
            priority: 0,
            new: SortedMap::new(),
            expect_content_until: None,
        }
    }
}

/// A signed piece of one session.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// The session.
    pub session: SessionId,
    /// The piece.
    pub content: SessionContent,
}

/// How much storage holds of a value, without the transactions.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredOutline {
    /// The value's header.
    pub header: Header,
    /// Every session.
    pub sessions: Vec<OutlinedSession>,
}

/// How much storage holds of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct OutlinedSession {
    /// The session.
    pub session: SessionId,
    /// How many transactions.
    pub count: u32,
    /// The signature over all of them.
    pub last_signature: Signature,
}

/// What storage holds of a value. Segments may come in any order and may overlap.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredLog {
    /// The value's header.
    pub header: Header,
    /// Every piece of every session.
    pub segments: Vec<Segment>,
}

impl StoredLog {
    /// Takes in what a write brings, as storage that keeps such logs does it.
    pub fn take(&mut self, write: &ValueWrite) {
        if write.erases {
            self.segments.retain(|segment| segment.session.is_delete());
        }
        self.segments.extend(write.segments.iter().cloned());
    }
}
