//! What goes out: missing content, dependencies first, acknowledgements and answers.
//!
//! Only what is durable is told (R2). Everything here looks at what the peer is believed to have and says what is
//! missing; said twice, it says nothing the second time.

use super::effect::PeerId;
use super::message::{KnownMessage, SyncMessage};
use super::peer::{Ack, Belief, Peer};
use super::rejection::Rejection;
use super::replica::Replica;
use crate::collections::SortedSet;
use crate::ids::CoId;
use crate::known_state::KnownState;

impl Replica {
    /// The belief about a peer and a value, if the peer is subscribed.
    pub(super) fn belief(&self, peer: PeerId, id: &CoId) -> Option<&Belief> {
        self.peers.get(&peer)?.beliefs.get(id)
    }

    /// The same, to be changed.
    pub(super) fn belief_mut(&mut self, peer: PeerId, id: &CoId) -> Option<&mut Belief> {
        self.peers.get_mut(&peer)?.beliefs.get_mut(id)
    }

    /// Subscribes a peer to a value; `None` if it is gone or has too many.
    pub(super) fn subscribe(&mut self, peer: PeerId, id: &CoId) -> Option<&mut Belief> {
        let values_max = self.config.values_per_peer_max;
        let connected = self.peers.get(&peer)?;
        if !connected.beliefs.contains_key(id) {
            if !connected.is_server() && connected.beliefs.len() >= values_max {
                self.reject(
                    Some(peer),
                    Some(id),
                    Rejection::TooManyValues { values_max },
                );
                return None;
            }
            let subscribers = self.subscribers.get_or_default(id.clone());
            subscribers.insert(peer);
        }
        let beliefs = &mut self.peers.get_mut(&peer)?.beliefs;
        Some(beliefs.get_or_insert_with(id.clone(), || Belief::new(id.clone())))
    }

    /// More of a value is durable: everyone who should hear of it does.
    pub(super) fn publish(&mut self, id: &CoId) {
        if !self
            .entries
            .get(id)
            .is_some_and(|entry| entry.header_durable)
        {
            return;
        }
        for server in self.servers() {
            self.introduce(server, id);
        }
        for peer in self.subscribers.get(id).cloned().unwrap_or_default() {
            self.report_progress(peer, id);
            self.serve(peer, id);
        }
    }

    /// Tells an upstream peer of a value: by content if nobody else can have made it, else by asking first.
    fn introduce(&mut self, server: PeerId, id: &CoId) {
        let Some(entry) = self.entries.get(id).filter(|entry| entry.header_durable) else {
            return;
        };
        let is_told = |peer: &Peer| peer.beliefs.contains_key(id);
        if self.peers.get(&server).is_none_or(is_told) {
            return;
        }
        let was_told = self.uploads.acknowledged(server, id).is_some();
        let asks = was_told || !entry.founded_here;
        let state = entry.durable_state();
        if let Some(belief) = self.subscribe(server, id) {
            belief.awaits_answer = asks;
        }
        if asks {
            self.send(server, SyncMessage::Load(state));
        } else {
            self.serve(server, id);
        }
    }

    /// Tells an upstream peer that just connected of everything in memory, dependencies first.
    pub(super) fn introduce_all(&mut self, server: PeerId) {
        let mut order = Order::default();
        for id in self.entries.keys() {
            self.order_from(id, &mut order, &|_| true);
        }
        for id in order.ids {
            let durable = self.entries.get(&id).filter(|entry| entry.header_durable);
            let Some(state) = durable.map(super::entry::Entry::durable_state) else {
                continue;
            };
            if let Some(belief) = self.subscribe(server, &id)
                && !std::mem::replace(&mut belief.awaits_answer, true)
            {
                self.send(server, SyncMessage::Load(state));
            }
        }
    }

    /// Gives a subscribed peer what it is owed and what it lacks: acknowledgement, content, answer, in this order.
    pub(super) fn serve(&mut self, peer: PeerId, id: &CoId) {
        if self.owes(peer, id) != Ack::None && self.is_all_durable(peer, id) {
            let ack = self
                .belief_mut(peer, id)
                .map(|belief| std::mem::take(&mut belief.ack));
            self.send_known(peer, id, ack == Some(Ack::Correction));
            self.note_exchanged(peer, id);
        }
        let is_durable = self
            .entries
            .get(id)
            .is_some_and(|entry| entry.header_durable);
        // A lookup under way means that dependencies are still being loaded: they go first.
        if is_durable && !self.lookups.contains_key(id) {
            self.answer(peer, id);
        }
    }

    /// Tells a peer that sends without pause how far it is durable: the last of it may always be under way.
    fn report_progress(&mut self, peer: PeerId, id: &CoId) {
        if self.owes(peer, id) == Ack::Known && !self.is_all_durable(peer, id) {
            self.send_known(peer, id, false);
        }
    }

    fn owes(&self, peer: PeerId, id: &CoId) -> Ack {
        let belief = self.belief(peer, id);
        belief.map_or(Ack::None, |belief| belief.ack)
    }

    /// Whether all that we took in of what the peer has is durable.
    fn is_all_durable(&self, peer: PeerId, id: &CoId) -> bool {
        let belief = self.belief(peer, id);
        let entry = self.entries.get(id);
        entry
            .zip(belief)
            .is_none_or(|(entry, belief)| entry.has_durable(&belief.believed))
    }

    fn answer(&mut self, peer: PeerId, id: &CoId) {
        let Some(belief) = self
            .belief_mut(peer, id)
            .filter(|belief| !belief.awaits_answer)
        else {
            return;
        };
        let answer_due = std::mem::replace(&mut belief.answer_due, false);
        // Who has some of the value learns what we have of it, lest it sends all of its own sessions again.
        if answer_due && belief.believed.header {
            self.send_known(peer, id, false);
            self.offer(peer, id);
        } else if !self.offer(peer, id) && answer_due {
            self.send_known(peer, id, false);
        }
    }

    /// Sends what the peer lacks of a value, what it depends on first. Returns whether it lacks something of the value
    /// itself.
    fn offer(&mut self, peer: PeerId, id: &CoId) -> bool {
        for dependency in self.dependencies_to_offer(peer, id) {
            if self.subscribe(peer, &dependency).is_some() {
                self.send_missing(peer, &dependency);
            }
        }
        self.send_missing(peer, id)
    }

    /// What the value depends on, near and far, as far as it may be told and the peer was not offered it yet.
    fn dependencies_to_offer(&mut self, peer: PeerId, id: &CoId) -> Vec<CoId> {
        let count = self
            .entries
            .get(id)
            .map_or(0, |entry| entry.dependencies.len());
        let offered = self
            .belief_mut(peer, id)
            .map(|belief| &mut belief.dependencies_offered);
        if offered.is_none_or(|offered| std::mem::replace(offered, count) == count) {
            return Vec::new();
        }
        let mut order = Order::default();
        let mut is_complete = true;
        if let Some(entry) = self.entries.get(id) {
            order.seen.insert(id.clone());
            for dependency in &entry.dependencies {
                is_complete &= self
                    .entries
                    .get(dependency)
                    .is_some_and(|entry| entry.header_durable);
                self.order_from(dependency, &mut order, &|id| {
                    self.entries
                        .get(id)
                        .is_some_and(|entry| entry.header_durable)
                });
            }
        }
        if !is_complete && let Some(belief) = self.belief_mut(peer, id) {
            belief.dependencies_offered = 0;
        }
        order.ids
    }

    /// Appends a value behind all that it depends on, without recursion: chains may be long.
    fn order_from(&self, id: &CoId, order: &mut Order, is_wanted: &dyn Fn(&CoId) -> bool) {
        let mut open = vec![(id.clone(), false)];
        while let Some((id, is_expanded)) = open.pop() {
            if is_expanded {
                order.ids.push(id);
            } else if is_wanted(&id) && order.seen.insert(id.clone()) {
                let dependencies = self.entries.get(&id).map(|entry| entry.dependencies.iter());
                open.push((id, true));
                open.extend(
                    dependencies
                        .into_iter()
                        .flatten()
                        .map(|id| (id.clone(), false)),
                );
            }
        }
    }

    /// Sends what we have of a value, as far as it is durable.
    pub(super) fn send_known(&mut self, peer: PeerId, id: &CoId, is_correction: bool) {
        let state = self.told_state(peer, id);
        let known = KnownMessage {
            state,
            is_correction,
        };
        self.send(peer, SyncMessage::Known(known));
    }

    /// Says that we have nothing of a value.
    pub(super) fn send_unavailable(&mut self, peer: PeerId, id: &CoId) {
        let known = KnownMessage {
            state: KnownState::empty(id.clone()),
            is_correction: false,
        };
        self.send(peer, SyncMessage::Known(known));
    }
}

/// Values in an order in which they can be sent.
#[derive(Default)]
struct Order {
    seen: SortedSet<CoId>,
    ids: Vec<CoId>,
}
