//! The way to a peer: what it is yet to be sent, in turn and at its pace.
//!
//! Content is not pushed out at once. A value of which a peer lacks something takes a place in the peer's lane; turn by
//! turn a bounded part is sent, from memory or, where it is no longer there, from storage; and when what was sent and
//! has not left yet fills the peer's window, the lane rests until the host says that some of it left. So a peer that
//! reads slowly holds a window's worth of memory, however much it lacks and however long the logs are. Values take turns,
//! but for groups and accounts, which others depend on: those go out whole before what comes after them.

use std::collections::VecDeque;

use super::RELAY;
use super::effect::{Effect, PeerId, ReadId, Segment};
use super::entry::Entry;
use super::message::{ContentMessage, SyncMessage};
use super::peer::Belief;
use super::reading::Purpose;
use super::replica::Replica;
use crate::collections::SortedMap;
use crate::header::Priority;
use crate::ids::{CoId, SessionId};

/// Where a value stands in a peer's lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nowhere: the peer lacks nothing, as far as is known.
    #[default]
    None,
    /// It waits; nothing was sent yet.
    Waiting,
    /// Part of what the peer lacks was sent.
    Begun,
}

impl Turn {
    /// What the peer lacks is sent from the start.
    pub(super) fn begin_anew(&mut self) {
        if *self == Self::Begun {
            *self = Self::Waiting;
        }
    }
}

/// What one peer is yet to be sent.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// The values of which it lacks something, the next one first.
    queue: VecDeque<CoId>,
    /// What was sent and has not left yet, in bytes.
    pub(super) under_way_bytes: usize,
    /// The host was asked to say when some of it left.
    is_resting: bool,
    /// What is being read from storage for it.
    pub(super) reading: Option<ReadId>,
}

impl Replica {
    /// Some of the content that was sent to a peer left, so many bytes by [`SyncMessage::content_bytes`]: there is room
    /// for more. The answer to [`Effect::Pace`].
    pub fn drained(&mut self, peer: PeerId, bytes: usize) {
        let Some(connected) = self.peers.get_mut(&peer) else {
            return;
        };
        let lane = &mut connected.lane;
        let left = bytes.min(lane.under_way_bytes);
        lane.under_way_bytes -= left;
        lane.is_resting = false;
        self.under_way_bytes -= left;
        self.advance(peer);
        self.work_off();
    }

    /// Sees to it that a peer is sent what it lacks of a value, unless it is being asked what it has. Returns whether it
    /// lacks something.
    pub(super) fn send_missing(&mut self, peer: PeerId, id: &CoId) -> bool {
        if !self.lacks(peer, id) {
            return false;
        }
        if let Some(connected) = self.peers.get_mut(&peer)
            && let Some(belief) = connected.beliefs.get_mut(id)
            && belief.turn == Turn::None
        {
            belief.turn = Turn::Waiting;
            connected.lane.queue.push_back(id.clone());
            self.advance(peer);
        }
        true
    }

    /// Sends a peer what it lacks, until it lacks nothing or its window is full or storage has to be asked.
    pub(super) fn advance(&mut self, peer: PeerId) {
        while let Some(id) = self.next_turn(peer) {
            let room = self.room(peer);
            if RELAY && room == 0 {
                self.rest(peer);
                return;
            }
            self.take_turn(peer, &id, room);
        }
    }

    fn next_turn(&self, peer: PeerId) -> Option<CoId> {
        let lane = &self.peers.get(&peer)?.lane;
        let is_busy = RELAY && lane.reading.is_some();
        lane.queue.front().filter(|_| !is_busy).cloned()
    }

    /// How many bytes may be sent to a peer now. All lanes together hold a quarter of the cache's bound; above that each
    /// has one message under way.
    fn room(&self, peer: PeerId) -> usize {
        if !RELAY || self.config.window_bytes_max == usize::MAX {
            return usize::MAX;
        }
        let under_way = self
            .peers
            .get(&peer)
            .map_or(0, |peer| peer.lane.under_way_bytes);
        if self.under_way_bytes > self.config.cache_bytes_max / 4 {
            return usize::from(under_way == 0);
        }
        self.config.window_bytes_max.saturating_sub(under_way)
    }

    fn rest(&mut self, peer: PeerId) {
        if let Some(connected) = self.peers.get_mut(&peer)
            && !std::mem::replace(&mut connected.lane.is_resting, true)
        {
            self.effect(Effect::Pace(peer));
        }
    }

    /// Sends a part of what a peer lacks of the value at the head of its lane, or asks storage for it.
    fn take_turn(&mut self, peer: PeerId, id: &CoId, room: usize) {
        let missing = self.asked(peer, id).map(|(entry, belief)| {
            let ahead = self.ahead(id, belief);
            entry.missing_for(&belief.believed, ahead, self.config.piece_bytes_max, room)
        });
        let Some(missing) = missing else {
            self.end_turn(peer, id);
            return;
        };
        let has_sent = !missing.messages.is_empty();
        self.send_contents(peer, id, missing.messages);
        if RELAY && !missing.stored.is_empty() {
            self.read_for(peer, id, missing.stored, room);
        } else if !has_sent || !self.lacks(peer, id) {
            self.end_turn(peer, id);
        } else {
            self.pass_turn(peer, id);
        }
    }

    /// A value and what we believe that a peer has of it, unless the peer is being asked.
    fn asked(&self, peer: PeerId, id: &CoId) -> Option<(&Entry, &Belief)> {
        let belief = self.belief(peer, id);
        let belief = belief.filter(|belief| !belief.awaits_answer)?;
        Some((self.entries.get(id)?, belief))
    }

    fn lacks(&self, peer: PeerId, id: &CoId) -> bool {
        let is_ahead = |(entry, belief): (&Entry, &Belief)| {
            entry.is_ahead_of(&belief.believed, self.ahead(id, belief))
        };
        self.asked(peer, id).is_some_and(is_ahead)
    }

    fn end_turn(&mut self, peer: PeerId, id: &CoId) {
        let Some(connected) = self.peers.get_mut(&peer) else {
            return;
        };
        connected.lane.queue.pop_front_if(|queued| queued == id);
        if let Some(belief) = connected.beliefs.get_mut(id) {
            belief.turn = Turn::None;
        }
    }

    /// The next value in the lane has its turn, unless it may depend on this one.
    fn pass_turn(&mut self, peer: PeerId, id: &CoId) {
        let entry = self.entries.get(id);
        let is_first = entry.is_some_and(|entry| entry.log.header().priority() == Priority::High);
        if let Some(connected) = self.peers.get_mut(&peer).filter(|_| !is_first) {
            connected.lane.queue.rotate_left(1);
        }
    }

    /// Sends parts of a value; the first of several says how far the value's sessions will reach.
    fn send_contents(&mut self, peer: PeerId, id: &CoId, messages: Vec<ContentMessage>) {
        let mut is_first = true;
        let count = messages.len();
        for mut message in messages {
            let Some(belief) = self.belief_mut(peer, id) else {
                return;
            };
            belief.believed.header = true;
            for (session, count) in message.reached() {
                belief.believed.raise(session, count);
            }
            let has_begun = std::mem::replace(&mut belief.turn, Turn::Begun) == Turn::Begun;
            if is_first && !has_begun && (count > 1 || self.lacks(peer, id)) {
                message.expect_content_until = self.reach(peer, id);
            }
            is_first = false;
            self.send_content(peer, message);
        }
    }

    /// How far the sessions of a value will reach for a peer, with all that it may be sent now.
    fn reach(&self, peer: PeerId, id: &CoId) -> Option<SortedMap<SessionId, u32>> {
        let (entry, belief) = self.asked(peer, id)?;
        let mut reach = entry.durable_state();
        for (session, end) in self.ahead(id, belief) {
            reach.raise(session, end.count);
        }
        Some(reach.sessions)
    }

    fn send_content(&mut self, peer: PeerId, message: ContentMessage) {
        let message = SyncMessage::Content(message);
        if RELAY && let Some(connected) = self.peers.get_mut(&peer) {
            let bytes = message.content_bytes();
            connected.lane.under_way_bytes += bytes;
            self.under_way_bytes += bytes;
        }
        self.send(peer, message);
    }

    /// Asks storage for the next part of what a peer lacks of a value.
    fn read_for(&mut self, peer: PeerId, id: &CoId, from: Vec<(SessionId, u32)>, room: usize) {
        let reading = self.ask_to_read(Purpose::Send(peer), id, from, room);
        if let Some(connected) = self.peers.get_mut(&peer) {
            connected.lane.reading = Some(reading);
        }
    }

    /// Storage's part of what a peer lacks of a value is there.
    pub(super) fn send_read(&mut self, peer: PeerId, id: &CoId, segments: Vec<Segment>) -> bool {
        let messages = self.asked(peer, id).map(|(entry, belief)| {
            entry.messages_of(segments, &belief.believed, self.config.piece_bytes_max)
        });
        let messages = messages.unwrap_or_default();
        let has_sent = !messages.is_empty();
        self.send_contents(peer, id, messages);
        if has_sent && self.lacks(peer, id) {
            self.pass_turn(peer, id);
        } else {
            self.end_turn(peer, id);
        }
        has_sent
    }
}
