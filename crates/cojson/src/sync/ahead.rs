//! Sending on what is being written, while it is written: so a change reaches others without waiting for a relay's disk.
//!
//! The rule that a transaction is durable before another machine sees it (R2) keeps its author from continuing a session
//! differently after a crash. A relay is no author: whoever wrote the transaction holds it durably, keeps it until it is
//! acknowledged, which is when it is durable here, and sends it again after a crash of ours, as does everyone who was sent it
//! ahead. So what goes ahead is never acknowledged, is never more than the one write under way has, and nothing goes ahead
//! while writes fail.

use super::effect::PeerId;
use super::entry::Mark;
use super::peer::Belief;
use super::replica::Replica;
use crate::ids::CoId;

impl Replica {
    /// How far the sessions of a value will be durable when the write under way is, if a peer may be sent that already:
    /// everything that the value depends on was offered to it before.
    pub(super) fn ahead(&self, id: &CoId, belief: &Belief) -> &[Mark] {
        let has_dependencies = |dependencies: usize| dependencies == belief.dependencies_offered;
        let goes_ahead = self.goes_ahead()
            && self.entries.get(id).is_some_and(|entry| {
                let is_whole = entry.header_durable && !entry.is_erased();
                is_whole && has_dependencies(entry.dependencies.len())
            });
        let write = self.in_flight.as_ref().filter(|_| goes_ahead);
        let marks = write.and_then(|write| write.marks.get(id));
        marks.map_or(&[], |marks| &marks.ends)
    }

    /// A write is under way: who is subscribed to what it has is sent that.
    pub(super) fn send_ahead(&mut self) {
        let write = self.in_flight.as_ref().filter(|_| self.goes_ahead());
        for id in write.map_or_else(Vec::new, |write| write.order.clone()) {
            // A lookup under way means that dependencies are still being loaded: they go first.
            if !self.lookups.contains_key(&id) {
                for peer in self.receivers_ahead(&id) {
                    self.send_missing(peer, &id);
                }
            }
        }
    }

    fn goes_ahead(&self) -> bool {
        super::RELAY && self.config.sends_ahead && !self.write_failed
    }

    fn receivers_ahead(&self, id: &CoId) -> Vec<PeerId> {
        let is_sent = |peer: &PeerId| {
            let belief = self.belief(*peer, id);
            belief.is_some_and(|belief| !self.ahead(id, belief).is_empty())
        };
        let subscribers = self.subscribers.get(id).into_iter().flatten();
        subscribers.copied().filter(is_sent).collect()
    }
}
