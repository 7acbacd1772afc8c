//! Content that waits: for storage to say what it has of the value, or for a dependency.
//!
//! Each peer has a queue per value, so nobody waits behind another peer's content. The bytes and messages that one
//! peer can make us hold are bounded.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::effect::PeerId;
use super::limits::ReplicaConfig;
use super::message::ContentMessage;
use crate::ids::{CoId, SessionId};
use crate::session_log::{CHECKPOINT_BYTES, SessionContent};
use crate::transaction::Transaction;

/// The most bytes of content that are verified together: about as much as goes out in one piece.
const RUN_BYTES_MAX: usize = CHECKPOINT_BYTES;

/// What a transaction and a session cost besides their content, in bytes, roughly.
const OVERHEAD_BYTES: usize = 200;

/// The peer's queues are full.
#[derive(Debug)]
pub(super) struct Full;

/// A content message that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) message: ContentMessage,
    /// What it no longer waits for: everybody who could have it said no.
    pub(super) given_up: BTreeSet<CoId>,
    bytes: usize,
}

/// Messages that are taken in together: the first one, and what the next ones bring of its only session.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) message: ContentMessage,
    pub(super) more: Vec<SessionContent>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    blocked_on: BTreeSet<CoId>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    bytes: usize,
    messages: usize,
}

/// All queues.
#[derive(Debug, Default)]
pub(super) struct Pending {
    queues: BTreeMap<(PeerId, CoId), Queue>,
    held: BTreeMap<PeerId, Held>,
}

impl Pending {
    /// Puts a message at the end of its queue, if the peer may have more held: twice as much, if we asked for it, lest
    /// what everything waits for finds no room.
    pub(super) fn push(
        &mut self,
        peer: PeerId,
        message: ContentMessage,
        is_asked_for: bool,
        limits: &ReplicaConfig,
    ) -> Result<(), Full> {
        let bytes = weight(&message);
        let rooms = if is_asked_for { 2 } else { 1 };
        let held = self.held.entry(peer).or_default();
        let is_full = held.messages >= limits.pending_messages_per_peer_max * rooms
            || held.bytes.saturating_add(bytes) > limits.pending_bytes_per_peer_max * rooms;
        if is_full && held.messages > 0 {
            return Err(Full);
        }
        held.messages += 1;
        held.bytes += bytes;
        let queue = self.queues.entry((peer, message.id.clone())).or_default();
        queue.waiting.push_back(Waiting {
            message,
            given_up: BTreeSet::new(),
            bytes,
        });
        Ok(())
    }

    /// The message at the head of a queue.
    pub(super) fn front(&self, peer: PeerId, id: &CoId) -> Option<&Waiting> {
        self.queues.get(&(peer, id.clone()))?.waiting.front()
    }

    /// Takes the message at the head of a queue.
    pub(super) fn pop(&mut self, peer: PeerId, id: &CoId) -> Option<ContentMessage> {
        let key = (peer, id.clone());
        let queue = self.queues.get_mut(&key)?;
        queue.blocked_on.clear();
        let waiting = queue.waiting.pop_front()?;
        if queue.waiting.is_empty() {
            self.queues.remove(&key);
        }
        let held = self.held.entry(peer).or_default();
        held.bytes = held.bytes.saturating_sub(waiting.bytes);
        held.messages = held.messages.saturating_sub(1);
        Some(waiting.message)
    }

    /// Takes the message at the head of a queue and those behind it that merely continue its one session: they wait for
    /// nothing that it does not wait for.
    pub(super) fn pop_run(&mut self, peer: PeerId, id: &CoId) -> Option<Run> {
        let message = self.pop(peer, id)?;
        let mut more = Vec::new();
        if let Some((session, end)) = only_session(&message) {
            let session = session.clone();
            let mut end = end;
            let mut bytes = weight(&message);
            while let Some(waiting) = self.front(peer, id)
                && bytes.saturating_add(waiting.bytes) <= RUN_BYTES_MAX
                && waiting.given_up.is_empty()
                && continues(&waiting.message, &session, end)
                && let Some(mut next) = self.pop(peer, id)
                && let Some(piece) = next.new.remove(&session)
            {
                bytes = bytes.saturating_add(weight_of(&piece));
                end = piece.end();
                more.push(piece);
            }
        }
        Some(Run { message, more })
    }

    /// Whether a peer holds half of what it may hold.
    pub(super) fn is_half_full(&self, peer: PeerId, limits: &ReplicaConfig) -> bool {
        self.held.get(&peer).is_some_and(|held| {
            held.messages >= limits.pending_messages_per_peer_max / 2
                || held.bytes >= limits.pending_bytes_per_peer_max / 2
        })
    }

    /// Notes what the head of a queue waits for; whether that is something else than before.
    pub(super) fn block(&mut self, peer: PeerId, id: &CoId, on: BTreeSet<CoId>) -> bool {
        let Some(queue) = self.queues.get_mut(&(peer, id.clone())) else {
            return false;
        };
        let is_news = queue.blocked_on != on;
        queue.blocked_on = on;
        is_news
    }

    /// Notes what the head of a queue no longer waits for.
    pub(super) fn give_up(&mut self, peer: PeerId, id: &CoId, dependency: &CoId) {
        let queue = self.queues.get_mut(&(peer, id.clone()));
        if let Some(head) = queue.and_then(|queue| queue.waiting.front_mut()) {
            head.given_up.insert(dependency.clone());
        }
    }

    /// Whether content of one of these peers for the value waits.
    pub(super) fn has(&self, peers: &[PeerId], id: &CoId) -> bool {
        let mut keys = peers.iter().map(|peer| (*peer, id.clone()));
        keys.any(|key| self.queues.contains_key(&key))
    }

    /// Whether nothing of the peer waits.
    pub(super) fn is_empty_for(&self, peer: PeerId) -> bool {
        self.held.get(&peer).is_none_or(|held| held.messages == 0)
    }

    /// Whether the content of these peers for `start` waits, directly or by what it waits for, for `target`.
    pub(super) fn waits_for(&self, peers: &[PeerId], start: &CoId, target: &CoId) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![start];
        while let Some(id) = open.pop() {
            if id == target {
                return true;
            }
            if seen.insert(id) {
                let queues = peers.iter().map(|peer| (*peer, id.clone()));
                let queues = queues.filter_map(|key| self.queues.get(&key));
                open.extend(queues.flat_map(|queue| &queue.blocked_on));
            }
        }
        false
    }

    /// Forgets all of a peer's. Returns the values that its content was for.
    pub(super) fn drop_peer(&mut self, peer: PeerId) -> Vec<CoId> {
        self.held.remove(&peer);
        let is_theirs = |key: &(PeerId, CoId)| key.0 == peer;
        let ids = self.queues.keys().filter(|key| is_theirs(key));
        let ids = ids.map(|(_, id)| id.clone()).collect();
        self.queues.retain(|key, _| !is_theirs(key));
        ids
    }
}

fn weight(message: &ContentMessage) -> usize {
    let sessions = message.new.values();
    OVERHEAD_BYTES + sessions.map(weight_of).sum::<usize>()
}

fn weight_of(piece: &SessionContent) -> usize {
    let transactions = &piece.new_transactions;
    let content = transactions.iter().map(Transaction::content_bytes);
    content.sum::<usize>() + (transactions.len() + 1) * OVERHEAD_BYTES
}

/// The session of a message that has only one, and where it ends with it.
fn only_session(message: &ContentMessage) -> Option<(&SessionId, usize)> {
    let (session, piece) = message.new.first_key_value()?;
    (message.new.len() == 1).then(|| (session, piece.end()))
}

/// Whether a message brings nothing but what comes next in this session.
fn continues(message: &ContentMessage, session: &SessionId, end: usize) -> bool {
    let piece = message.new.get(session);
    let is_next = |piece: &SessionContent| piece.after as usize == end;
    message.header.is_none()
        && message.expect_content_until.is_none()
        && message.new.len() == 1
        && piece.is_some_and(is_next)
}
