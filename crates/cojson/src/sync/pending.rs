//! Content that waits: for storage to say what it has of the value, or for a dependency.
//!
//! Each peer has a queue per value, so nobody waits behind another peer's content. The bytes and messages that one
//! peer can make us hold are bounded.

use std::collections::VecDeque;

use super::effect::PeerId;
use super::limits::ReplicaConfig;
use super::message::ContentMessage;
use crate::collections::{SortedMap, SortedSet};
use crate::ids::CoId;

/// The peer's queues are full.
#[derive(Debug)]
pub(super) struct Full;

/// A content message that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) message: ContentMessage,
    /// What it no longer waits for: everybody who could have it said no.
    pub(super) given_up: SortedSet<CoId>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    blocked_on: SortedSet<CoId>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    bytes: usize,
    messages: usize,
}

/// All queues.
#[derive(Debug, Default)]
pub(super) struct Pending {
    queues: SortedMap<(PeerId, CoId), Queue>,
    held: SortedMap<PeerId, Held>,
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
        let bytes = message.memory_bytes();
        let rooms = if is_asked_for { 2 } else { 1 };
        let held = self.held.get_or_default(peer);
        let is_full = held.messages >= limits.pending_messages_per_peer_max * rooms
            || held.bytes.saturating_add(bytes) > limits.pending_bytes_per_peer_max * rooms;
        if is_full && held.messages > 0 {
            return Err(Full);
        }
        held.messages += 1;
        held.bytes += bytes;
        let queue = self.queues.get_or_default((peer, message.id.clone()));
        queue.waiting.push_back(Waiting {
            message,
            given_up: SortedSet::new(),
            bytes,
        });
        Ok(())
    }

    /// The message at the head of a queue.
    pub(super) fn front(&self, peer: PeerId, id: &CoId) -> Option<&Waiting> {
        self.queues.get(&(peer, id.clone()))?.waiting.front()
    }

    /// The same, to be changed.
    pub(super) fn front_mut(&mut self, peer: PeerId, id: &CoId) -> Option<&mut Waiting> {
        let queue = self.queues.get_mut(&(peer, id.clone()))?;
        queue.waiting.front_mut()
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
        let held = self.held.get_or_default(peer);
        held.bytes = held.bytes.saturating_sub(waiting.bytes);
        held.messages = held.messages.saturating_sub(1);
        Some(waiting.message)
    }

    /// Whether a peer holds half of what it may hold.
    pub(super) fn is_half_full(&self, peer: PeerId, limits: &ReplicaConfig) -> bool {
        self.held.get(&peer).is_some_and(|held| {
            held.messages >= limits.pending_messages_per_peer_max / 2
                || held.bytes >= limits.pending_bytes_per_peer_max / 2
        })
    }

    /// Notes what the head of a queue waits for; whether that is something else than before.
    pub(super) fn block(&mut self, peer: PeerId, id: &CoId, on: SortedSet<CoId>) -> bool {
        let Some(queue) = self.queues.get_mut(&(peer, id.clone())) else {
            return false;
        };
        let is_news = queue.blocked_on != on;
        queue.blocked_on = on;
        is_news
    }

    /// Notes what the head of a queue no longer waits for.
    pub(super) fn give_up(&mut self, peer: PeerId, id: &CoId, dependency: &CoId) {
        if let Some(head) = self.front_mut(peer, id) {
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
        let mut seen = SortedSet::new();
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
