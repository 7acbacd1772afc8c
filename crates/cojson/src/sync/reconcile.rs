//! Reconciliation: a client audits what it stores against what we have, in batches of values and hashes.
//!
//! Where the hashes differ we send a `load` with what we have, which makes the client send what we lack and ask for
//! what it lacks. When all of a batch is exchanged, and durable here, the batch is acknowledged.

use super::effect::PeerId;
use super::lookup::Seek;
use super::message::{ReconcileMessage, SyncMessage};
use super::rejection::Rejection;
use super::replica::Replica;
use crate::collections::SortedMap;
use crate::ids::CoId;

/// What is open about one value of a batch.
#[derive(Debug)]
enum Audit {
    /// It is being looked up; the client's hash.
    Looking(String),
    /// A `load` was sent.
    Exchanging,
}

/// The open batches of all peers.
#[derive(Debug, Default)]
pub(super) struct Audits {
    batches: SortedMap<(PeerId, String), SortedMap<CoId, Audit>>,
}

impl Audits {
    pub(super) fn drop_peer(&mut self, peer: PeerId) {
        self.batches.retain(|(owner, _), _| *owner != peer);
    }

    fn of(&mut self, peer: PeerId) -> impl Iterator<Item = &mut SortedMap<CoId, Audit>> {
        let batches = self.batches.iter_mut();
        batches
            .filter(move |((owner, _), _)| *owner == peer)
            .map(|(_, batch)| batch)
    }

    /// Takes the batches of a peer in which nothing is open any more.
    fn take_done(&mut self, peer: PeerId) -> Vec<String> {
        let is_done = |key: &(PeerId, String), batch: &SortedMap<CoId, Audit>| {
            key.0 == peer && batch.is_empty()
        };
        let done = self
            .batches
            .iter()
            .filter(|(key, batch)| is_done(key, batch));
        let done: Vec<String> = done.map(|((_, id), _)| id.clone()).collect();
        self.batches.retain(|key, batch| !is_done(key, batch));
        done
    }
}

impl Replica {
    pub(super) fn receive_reconcile(&mut self, peer: PeerId, message: ReconcileMessage) {
        let ReconcileMessage { id, values } = message;
        let is_too_large = values.len() > self.config.reconcile_values_max
            || self.audits.of(peer).count() >= self.config.reconcile_batches_max;
        if is_too_large {
            self.reject(Some(peer), None, Rejection::ReconcileTooLarge);
            return;
        }
        let ids: Vec<CoId> = values.iter().map(|(id, _)| id.clone()).collect();
        let open = values
            .into_iter()
            .map(|(id, hash)| (id, Audit::Looking(hash)));
        self.audits.batches.insert((peer, id), open.collect());
        for id in ids {
            if self.entries.contains_key(&id) && !self.lookups.contains_key(&id) {
                self.audit(peer, &id);
            } else {
                self.seek(&id, Seek::audited_by(peer));
            }
        }
        self.acknowledge_batches(peer);
    }

    /// It is known now what we have of a value: compares it with what the peer's open batches say.
    pub(super) fn audit(&mut self, peer: PeerId, id: &CoId) {
        let state = self.durable_state(id);
        let hash = state.sessions_hash();
        let mut differs = false;
        for batch in self.audits.of(peer) {
            match batch.get_mut(id) {
                Some(Audit::Looking(theirs)) if *theirs == hash && state.header => {
                    batch.remove(id);
                }
                Some(open @ Audit::Looking(_)) => {
                    *open = Audit::Exchanging;
                    differs = true;
                }
                Some(Audit::Exchanging) | None => {}
            }
        }
        if differs && let Some(belief) = self.subscribe(peer, id) {
            belief.awaits_answer = true;
            self.send(peer, SyncMessage::Load(state));
        }
        self.acknowledge_batches(peer);
    }

    /// A peer's state of a value is known, or its content durable: the value is done with in its batches.
    pub(super) fn note_exchanged(&mut self, peer: PeerId, id: &CoId) {
        for batch in self.audits.of(peer) {
            if matches!(batch.get(id), Some(Audit::Exchanging)) {
                batch.remove(id);
            }
        }
        self.acknowledge_batches(peer);
    }

    fn acknowledge_batches(&mut self, peer: PeerId) {
        for id in self.audits.take_done(peer) {
            self.send(peer, SyncMessage::ReconcileAck { id });
        }
    }
}
