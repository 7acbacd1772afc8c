//! A chart that runs others: an actor of an engine, over a storage that takes everything at once.

use std::rc::Rc;

use cojson::account::account_id;
use cojson::crypto::AgentSecret;
use cojson::entropy::Entropy;
use cojson::ids::{SessionId, Timestamp};
use cojson::json::Json;
use cojson::node::{Node, NodeConfig};
use cojson::sync::{Effect as NodeEffect, ReplicaConfig};
use engine::actor::{ActorEngine, ActorId, Effect, EngineConfig};
use engine::machine::Event;

use super::{Interpreter, NoPatterns};

/// More tasks than any chart of the suite takes to come to rest.
const TASKS_MAX: usize = 1_000;

pub(super) struct Actors {
    engine: ActorEngine,
    actor: ActorId,
    now: Timestamp,
    failure: Option<String>,
}

impl Actors {
    /// Starts the actor, and what it invokes; a task that starts it may go on to what it sends itself.
    pub(super) fn start(definition: &Json) -> Result<Self, String> {
        let mut entropy = Entropy::from_seed([7; 32]);
        let secret = AgentSecret::generate(&mut entropy);
        let session = SessionId::random_of_account(&account_id(&secret.agent_id()), &mut entropy);
        let mut engine = ActorEngine::new(EngineConfig {
            node: Node::new(NodeConfig {
                secret,
                session,
                entropy_seed: [8; 32],
                limits: ReplicaConfig::default(),
            }),
            patterns: Rc::new(NoPatterns),
            awaits_sync: false,
        });
        let actor = engine.create_actor(definition);
        let actor = actor.map_err(|error| error.to_string())?;
        let mut actors = Self {
            engine,
            actor,
            now: Timestamp(1_800_000_000_000),
            failure: None,
        };
        actors.settle();
        actors.failure.take().map_or(Ok(actors), Err)
    }

    /// Runs tasks until nothing is left to do now.
    fn settle(&mut self) {
        for _ in 0..TASKS_MAX {
            if !self.task() && self.engine.is_idle() {
                return;
            }
        }
        self.failure = Some("it does not come to rest".into());
    }

    /// Runs a task and carries its effects out; whether there were any.
    fn task(&mut self) -> bool {
        self.engine.process_inbox(self.now);
        self.engine.flush();
        let mut has_effects = false;
        while let Some(effect) = self.engine.poll_effect() {
            has_effects = true;
            match effect {
                Effect::Node(NodeEffect::Load(id)) => self.engine.node_mut().loaded(&id, None),
                Effect::Node(NodeEffect::Store(batch)) => self.engine.stored(batch.id),
                Effect::Claim(actor) => self.engine.set_driver(&actor, true),
                Effect::ActorFailed { error, .. } => self.failure = Some(error.to_string()),
                _ => {}
            }
        }
        has_effects
    }
}

impl Interpreter for Actors {
    fn give(&mut self, event: Event) {
        if let Err(refused) = self.engine.send(&self.actor, event) {
            self.failure = Some(refused.to_string());
        }
        self.settle();
    }

    fn pass(&mut self, ms: f64) {
        let end = self.now.plus_ms(whole(ms));
        self.settle();
        while let Some(due) = self.engine.next_deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.settle();
        }
        self.now = end;
    }

    fn leaves(&self) -> Vec<String> {
        let mut leaves = Vec::new();
        match (&self.failure, self.engine.state(&self.actor)) {
            (Some(failure), _) => leaves.push(failure.clone()),
            (None, Some(state)) => add_leaves(&state, &mut leaves),
            (None, None) => {}
        }
        leaves
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates"
)]
fn whole(ms: f64) -> u64 {
    ms as u64
}

fn add_leaves(state: &Json, leaves: &mut Vec<String>) {
    if let Some(name) = state.as_str() {
        leaves.push(name.into());
    }
    for (name, inside) in state.as_object().into_iter().flatten() {
        if *inside == Json::empty_object() {
            leaves.push(name.to_string());
        } else {
            add_leaves(inside, leaves);
        }
    }
}
