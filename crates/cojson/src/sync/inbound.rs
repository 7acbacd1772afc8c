//! What comes in: connections, and one peer's message at a time.
//!
//! A message changes what we believe of its sender, and at most that much else as its content proves.

use super::effect::PeerId;
use super::lookup::Seek;
use super::message::{ContentMessage, KnownMessage, SyncMessage};
use super::peer::{Ack, Peer, PeerRole};
use super::rejection::Rejection;
use super::replica::{Replica, Waiter};
use crate::ids::CoId;
use crate::known_state::KnownState;

impl Replica {
    /// A peer is connected. An upstream peer is told of everything in memory and asked for what is wanted; a peer that
    /// was connected under the same id is disconnected first.
    pub fn connect(&mut self, peer: PeerId, role: PeerRole) {
        self.disconnect(peer);
        self.peers.insert(peer, Peer::new(role));
        if role == PeerRole::Server {
            self.remember_upstream(peer);
            self.introduce_all(peer);
            self.ask_new_server(peer);
        }
        self.work_off();
    }

    /// A peer is gone. What it acknowledged is remembered if it was an upstream peer; what was merely sent is not.
    pub fn disconnect(&mut self, peer: PeerId) {
        let Some(gone) = self.peers.remove(&peer) else {
            return;
        };
        for id in gone.beliefs.keys() {
            if let Some(subscribers) = self.subscribers.get_mut(id) {
                subscribers.remove(&peer);
                if subscribers.is_empty() {
                    self.subscribers.remove(id);
                }
            }
        }
        self.under_way_bytes -= gone.lane.under_way_bytes;
        self.audits.drop_peer(peer);
        self.drop_from_lookups(peer);
        for id in self.pending.drop_peer(peer) {
            self.news_of(&id);
        }
        self.work_off();
    }

    /// A peer said something. What must be stored is stored with the next flush, and acknowledged when that is done.
    pub fn receive(&mut self, peer: PeerId, message: SyncMessage) {
        self.take(peer, message);
        self.work_off();
    }

    /// Peers said these things, in this order. Content that continues a session is verified together, by its newest
    /// signature, and acknowledged once; else it is as if each message were received by itself.
    pub fn receive_all(&mut self, messages: impl IntoIterator<Item = (PeerId, SyncMessage)>) {
        for (peer, message) in messages {
            let joins = matches!(message, SyncMessage::Content(_));
            if !joins || self.pending.is_half_full(peer, &self.config) {
                self.work_off();
            }
            self.take(peer, message);
        }
        self.work_off();
    }

    fn take(&mut self, peer: PeerId, message: SyncMessage) {
        if !self.peers.contains_key(&peer) {
            self.reject(Some(peer), message.id(), Rejection::UnknownPeer);
            return;
        }
        if let Some(id) = message.id() {
            self.touch(id);
            self.judge_tombstones(id);
        }
        match message {
            SyncMessage::Load(state) => self.receive_load(peer, state),
            SyncMessage::Known(known) => self.receive_known(peer, &known),
            SyncMessage::Content(content) => self.receive_content(peer, content),
            SyncMessage::Reconcile(reconcile) => self.receive_reconcile(peer, reconcile),
            SyncMessage::ReconcileAck { .. } => {}
        }
    }

    fn receive_load(&mut self, peer: PeerId, state: KnownState) {
        let id = state.id.clone();
        self.note_acknowledged(peer, &state, true);
        let Some(belief) = self.subscribe(peer, &id) else {
            self.send_unavailable(peer, &id);
            return;
        };
        belief.believed = state;
        belief.turn.begin_anew();
        belief.awaits_answer = false;
        belief.answer_due = true;
        belief.dependencies_offered = 0;
        if self.entries.contains_key(&id) && !self.lookups.contains_key(&id) {
            self.serve(peer, &id);
        } else {
            self.seek(&id, Seek::asked_by(peer));
        }
    }

    fn receive_known(&mut self, peer: PeerId, known: &KnownMessage) {
        let state = &known.state;
        let id = &state.id;
        let Some(belief) = self.subscribe(peer, id) else {
            return;
        };
        let replaces = belief.awaits_answer || known.is_correction;
        belief.awaits_answer = false;
        if replaces {
            belief.believed.clone_from(state);
        } else {
            belief.believed.merge(state);
        }
        self.note_acknowledged(peer, state, replaces);
        if !state.header {
            self.note_answer(peer, id);
        }
        self.note_exchanged(peer, id);
        self.serve(peer, id);
    }

    fn receive_content(&mut self, peer: PeerId, content: ContentMessage) {
        let id = content.id.clone();
        let Some(belief) = self.subscribe(peer, &id) else {
            return;
        };
        belief.awaits_answer = false;
        let lookup = self.lookups.get(&id);
        let is_asked_for = lookup.is_some_and(|lookup| lookup.is_open_for(&[peer]));
        if let Some(found) = self.wrong_id(&content) {
            self.reject(Some(peer), Some(&id), Rejection::WrongId { found });
            self.acknowledge(peer, &id, Ack::Known);
        } else if self
            .pending
            .push(peer, content, is_asked_for, &self.config)
            .is_ok()
        {
            self.agenda.push_back(Waiter::Queue(peer, id.clone()));
        } else {
            self.refuse_pending(peer, &id);
        }
        self.note_answer(peer, &id);
    }

    /// The id that the header really has, if it is not the one under which a new value came.
    fn wrong_id(&self, content: &ContentMessage) -> Option<CoId> {
        let header = content.header.as_ref()?;
        let is_new = !self.entries.contains_key(&content.id);
        let found = is_new.then(|| header.id())?;
        (found != content.id).then_some(found)
    }

    fn refuse_pending(&mut self, peer: PeerId, id: &CoId) {
        let reason = Rejection::PendingFull {
            bytes_max: self.config.pending_bytes_per_peer_max,
            messages_max: self.config.pending_messages_per_peer_max,
        };
        self.reject(Some(peer), Some(id), reason);
        if let Some(connected) = self.peers.get_mut(&peer)
            && connected.refetch.len() < self.config.pending_messages_per_peer_max
        {
            connected.refetch.insert(id.clone());
        }
    }

    /// Owes a peer an acknowledgement, and gives it at once if everything is durable.
    pub(super) fn acknowledge(&mut self, peer: PeerId, id: &CoId, ack: Ack) {
        self.owe(peer, id, ack);
        self.serve(peer, id);
    }

    /// Owes a peer an acknowledgement.
    pub(super) fn owe(&mut self, peer: PeerId, id: &CoId, ack: Ack) {
        if let Some(belief) = self.belief_mut(peer, id) {
            belief.ack = belief.ack.max(ack);
        }
    }
}
