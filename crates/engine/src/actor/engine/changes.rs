//! What changed in the data, and whom it concerns: queries, contexts, inboxes, documents, stores, waiting calls.

use cojson::ids::CoId;
use cojson::json::Json;
use cojson::sync::Effect as NodeEffect;
use cojson::view::MapView;

use super::super::space::actor_of;
use super::super::{ActorId, Effect};
use super::ActorEngine;

impl ActorEngine {
    /// A value was written through [`node_mut`](Self::node_mut): whoever shows it is told with the next task.
    pub fn changed(&mut self, id: &CoId) {
        self.world.written.push(id.clone());
    }

    /// Takes in what the node tells, and passes on what the host must do.
    pub(super) fn take_in_node_effects(&mut self) {
        loop {
            self.note_written();
            while let Some(effect) = self.world.node.poll_effect() {
                self.take_in(effect);
                self.note_written();
            }
            if !self.advance_waiting() {
                return;
            }
        }
    }

    fn take_in(&mut self, effect: NodeEffect) {
        match effect {
            NodeEffect::Changed(id) => {
                self.world.note_present(&id);
                self.value_changed(&id, true);
            }
            NodeEffect::Unavailable(id) => {
                self.world.note_absent(&id);
                self.settled(&id);
                let told = NodeEffect::Unavailable(id);
                self.effects.push_back(Effect::Node(told));
            }
            NodeEffect::Store(batch) => {
                let awaiting = std::mem::take(&mut self.flushed);
                self.in_flight.insert(batch.id, awaiting);
                let told = NodeEffect::Store(batch);
                self.effects.push_back(Effect::Node(told));
            }
            other => self.effects.push_back(Effect::Node(other)),
        }
    }

    /// Takes notice of what this task wrote, and begins the actors that waited for it.
    pub(super) fn take_in_written(&mut self) {
        self.note_written();
        while self.advance_waiting() {
            self.note_written();
        }
    }

    fn note_written(&mut self) {
        while let Some(id) = self.world.written.pop() {
            self.value_changed(&id, false);
        }
    }

    fn value_changed(&mut self, id: &CoId, is_foreign: bool) {
        self.stores.note_changed(id);
        self.note_pulse(id);
        self.mark_queries(id);
        for actor in self.concerned(id) {
            if self.is_ready(&actor) {
                self.actor_value_changed(&actor, id, is_foreign);
            }
        }
        self.follow_published(id);
        self.settled(id);
    }

    /// The actors that have this value for their context, inbox or document.
    fn concerned(&self, id: &CoId) -> Vec<ActorId> {
        let is_concerned = |actor: &&ActorId| {
            self.actors.get(*actor).is_some_and(|actor| {
                actor.context == *id || actor.inbox == *id || actor.documents.refers_to(id)
            })
        };
        let log = self.world.node.log(id);
        let own = log.and_then(|log| actor_of(log.header()));
        let following = self.followers.iter().filter(is_concerned);
        let mut concerned: Vec<ActorId> = following.cloned().collect();
        let own = own.filter(|own| is_concerned(&own) && !concerned.contains(own));
        concerned.extend(own);
        concerned
    }

    fn actor_value_changed(&mut self, actor: &ActorId, id: &CoId, is_foreign: bool) {
        let Some(found) = self.actors.get(actor) else {
            return;
        };
        if found.inbox == *id || found.context == *id {
            self.leases_to_check.insert(actor.clone());
        }
        let Some(found) = self.actors.get(actor) else {
            return;
        };
        if found.inbox == *id {
            self.collect_inbox(actor);
        } else if found.documents.refers_to(id) {
            self.reload_definition(actor);
        } else if is_foreign {
            self.reread(actor);
        }
    }

    fn mark_queries(&mut self, id: &CoId) {
        if self.world.collections.count() == 0 {
            return;
        }
        let mut touched = self.world.collections.changed(id, &mut self.world.node);
        touched.insert(id.clone());
        for actor in self.actors.values_mut() {
            if let Some(running) = &mut actor.running {
                for id in &touched {
                    running.note_changed(id);
                }
            }
        }
    }

    /// It is known now what the value is, or that there is none: what waited for it goes on.
    pub(super) fn settled(&mut self, id: &CoId) {
        self.found_account();
        self.retry_calls(id);
        self.make_interfaces_known(id);
        self.delete_forgotten(id);
        self.waiting.has_news = true;
    }

    /// Begins the actors that have everything now that they need, if something is known that was not when they were last
    /// looked at; whether it is. All that a task settles is looked at together.
    pub(super) fn advance_waiting(&mut self) -> bool {
        let is_due = self.is_in_task && self.waiting.is_due();
        if is_due {
            for actor in std::mem::take(&mut self.waiting).actors.iter() {
                self.advance(actor);
            }
        }
        is_due
    }

    fn found_account(&mut self) {
        if self.is_founded {
            return;
        }
        let account = self.world.node.account_id().clone();
        let own_group = self.world.node.own_group();
        if self.world.is_asked(&account) && self.world.is_asked(&own_group) {
            // Storage has answered for both, which is all that it can refuse for; if not, the next answer tries again.
            self.is_founded = self.world.node.found_account().is_ok();
        }
    }

    /// Makes an actor what is stored: another device or tab moved it.
    pub(super) fn reread(&mut self, actor: &ActorId) {
        let Some(context) = self.actors.get(actor).map(|actor| actor.context.clone()) else {
            return;
        };
        let Some(stored) = self.world.node.map(&context).map(MapView::to_json) else {
            return;
        };
        let now_ms = self.world.now_ms();
        match self.with_running(actor, |_, running| running.read(&stored, now_ms)) {
            Some(Ok(Some(missing))) => self.warn_of_missing_state(actor, &missing),
            Some(Err(cause)) => return self.end_unreadable(actor, cause),
            _ => {}
        }
        self.has_new_dead_letters = true;
        self.prune_inbox(actor);
        self.give_up_unrecorded(actor);
        self.plan_timers(actor);
        self.mark_changed(actor);
    }

    pub(super) fn warn_of_missing_state(&mut self, actor: &ActorId, missing: &Json) {
        let state = self.state(actor).unwrap_or_default();
        self.warn(
            actor,
            "PLEIONE_W_STATE_GONE",
            format!(
                "was stored in the state {missing}, which its definition no longer has; it is in {state}"
            ),
        );
    }

    /// Takes up what the sessions of dead tabs left to do for an actor.
    pub(super) fn adopt_orphans(&mut self, actor: &ActorId) {
        self.collect_inbox(actor);
        self.resume_calls(actor);
        self.restore_timers(actor, false);
    }
}
