//! What goes straight to the replica and back: peers, storage, flushes, effects.

use super::writing::FOLLOW_AHEAD_MS_MAX;
use super::{Node, NodeEffect};
use crate::access::Identity;
use crate::ids::{CoId, Timestamp};
use crate::sync::{
    ContentMessage, Effect, PeerId, PeerRole, Rejection, StoredLog, SyncMessage, WriteId,
};

impl Node {
    /// Wants a value: `Changed` or `Unavailable` follows.
    pub fn load(&mut self, id: &CoId) {
        self.replica.load(id);
        self.drain();
    }

    /// A peer is connected.
    pub fn connect(&mut self, peer: PeerId, role: PeerRole) {
        if role == PeerRole::Server {
            self.upstreams.insert(peer);
        }
        self.replica.connect(peer, role);
        self.drain();
    }

    /// A peer is gone.
    pub fn disconnect(&mut self, peer: PeerId) {
        self.upstreams.remove(&peer);
        self.replica.disconnect(peer);
        self.drain();
    }

    /// Whether an upstream peer is connected: what is not here may still come.
    pub fn has_upstream(&self) -> bool {
        !self.upstreams.is_empty()
    }

    /// Says that there is an upstream peer of that id, connected or not: what it has not acknowledged is pending.
    pub fn remember_upstream(&mut self, peer: PeerId) {
        self.replica.remember_upstream(peer);
        self.drain();
    }

    /// A peer said something, whatever its date.
    pub fn receive(&mut self, peer: PeerId, message: SyncMessage) {
        self.replica.receive(peer, message);
        self.drain();
    }

    /// A peer said something at this time by our clock. A session with a transaction that is dated further ahead than
    /// others are followed, a day, is left out: whatever we wrote would lose against it until that day comes. Should it
    /// come again then, it is taken.
    pub fn receive_at(&mut self, peer: PeerId, mut message: SyncMessage, now: Timestamp) {
        if let SyncMessage::Content(content) = &mut message {
            for session in content.leave_out_later_than(now.plus_ms(FOLLOW_AHEAD_MS_MAX)) {
                self.effects.push_back(Effect::Rejected {
                    peer: Some(peer),
                    id: Some(content.id.clone()),
                    reason: Rejection::DatedAhead { session },
                });
            }
        }
        self.receive(peer, message);
    }

    /// What storage has of a value, in answer to `Load`.
    pub fn loaded(&mut self, id: &CoId, stored: Option<StoredLog>) {
        self.replica.loaded(id, stored);
        self.drain();
    }

    /// A write is durable.
    pub fn stored(&mut self, id: WriteId) {
        self.replica.stored(id);
        self.drain();
    }

    /// A write failed.
    pub fn store_failed(&mut self, id: WriteId) {
        self.replica.store_failed(id);
        self.drain();
    }

    /// Another tab of the same database has made this durable.
    pub fn absorb(&mut self, content: ContentMessage) {
        self.replica.absorb(content);
        self.drain();
    }

    /// Signs what was written, once per session, and asks for one write of all that is new.
    pub fn flush(&mut self) {
        let own = [&self.session, &self.agent_session];
        let Identity {
            account, secret, ..
        } = self.access.identity();
        let guests = &self.guests;
        self.replica.flush(|session| {
            if own.contains(&session) || session.is_deletion_by(account) {
                return Some(secret.signer.clone());
            }
            guests.get(session).cloned()
        });
        self.drain();
    }

    /// The next thing that the host is to do.
    pub fn poll_effect(&mut self) -> Option<NodeEffect> {
        let effect = self.effects.pop_front()?;
        if let Effect::Changed(id) = &effect {
            self.announced.remove(id);
        }
        Some(effect)
    }

    /// How many transactions are durable here and not acknowledged by some upstream peer.
    pub fn pending_uploads(&self) -> u64 {
        self.replica.pending_uploads()
    }

    /// Whether everything is durable and acknowledged by every upstream peer.
    pub fn is_synced(&self) -> bool {
        self.replica.is_synced()
    }
}
