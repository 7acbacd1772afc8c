//! Messages of one peer that merely continue one session, taken in together as if they had come in one.
//!
//! A signature covers all of its session that comes before it, so the newest one is checked alone, and those before it,
//! which are not kept, are not looked at. Should the whole not be taken in, each piece is taken by itself, so that a
//! forged one costs itself and what builds on it, and nobody else.

use super::effect::PeerId;
use super::message::ContentMessage;
use super::pending::Pending;
use super::replica::Replica;
use crate::ids::{CoId, SessionId};
use crate::session_log::{CHECKPOINT_BYTES, SessionContent};

/// The most bytes that are taken in together: about as much as goes out in one piece.
const RUN_BYTES_MAX: usize = CHECKPOINT_BYTES;

/// A message, and what the next ones bring of its only session.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) message: ContentMessage,
    pub(super) more: Vec<SessionContent>,
}

impl From<ContentMessage> for Run {
    fn from(message: ContentMessage) -> Self {
        let more = Vec::new();
        Self { message, more }
    }
}

impl Replica {
    /// What is taken in next. A group's messages are taken one by one, as each may name values that it waits for; so are
    /// deletions, of which a session may hold one.
    pub(super) fn next_run(&mut self, peer: PeerId, id: &CoId) -> Option<Run> {
        let head = self.pending.front(peer, id)?;
        let known = self.entries.get(id).map(|entry| entry.log.header());
        let header = known.or(head.message.header.as_ref());
        let is_joinable = header.is_some_and(|header| !header.has_members());
        let message = self.pending.pop(peer, id)?;
        Some(match only_session(&message).filter(|_| is_joinable) {
            Some((session, end)) => {
                let session = session.clone();
                let more = self.pending.pop_more(peer, id, &session, end);
                Run { message, more }
            }
            None => message.into(),
        })
    }
}

impl Pending {
    /// Takes those messages at the head of a queue that continue a session and wait for nothing.
    fn pop_more(
        &mut self,
        peer: PeerId,
        id: &CoId,
        session: &SessionId,
        mut end: usize,
    ) -> Vec<SessionContent> {
        let mut more = Vec::new();
        let mut bytes = 0;
        while let Some(waiting) = self.front(peer, id)
            && waiting.given_up.is_empty()
            && continues(&waiting.message, session, end)
        {
            bytes += waiting.message.memory_bytes();
            if bytes > RUN_BYTES_MAX {
                break;
            }
            let message = self.pop(peer, id);
            let piece = message.and_then(|mut message| message.new.remove(session));
            end = piece.as_ref().map_or(end, SessionContent::end);
            more.extend(piece);
        }
        more
    }
}

/// The session of a message that has only one, and where it ends with it.
fn only_session(message: &ContentMessage) -> Option<(&SessionId, usize)> {
    let (session, piece) = message.new.iter().next()?;
    let is_only = message.new.len() == 1 && !session.is_delete();
    is_only.then(|| (session, piece.end()))
}

/// Whether a message brings nothing but what comes next in this session.
fn continues(message: &ContentMessage, session: &SessionId, end: usize) -> bool {
    let is_next =
        |piece: &SessionContent| piece.after as usize == end && !piece.new_transactions.is_empty();
    message.header.is_none()
        && message.expect_content_until.is_none()
        && message.new.len() == 1
        && message.new.get(session).is_some_and(is_next)
}

/// Pieces of which each follows the one before as one, under the last one's signature; `None` if there is only one.
pub(super) fn joined(pieces: &[SessionContent]) -> Option<SessionContent> {
    let [first, .., last] = pieces else {
        return None;
    };
    let transactions = pieces.iter().flat_map(|piece| &piece.new_transactions);
    Some(SessionContent {
        after: first.after,
        new_transactions: transactions.cloned().collect(),
        last_signature: last.last_signature,
    })
}
