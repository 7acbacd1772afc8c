//! A device in memory: an engine, the storage under it, and the tools of an application. It can be killed and
//! started again on what its storage holds, and two of them can share a server or a storage.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use cojson::crypto::AgentSecret;
use cojson::ids::{CoId, SessionId, Timestamp};
use cojson::json::Json;
use cojson::node::{Node, NodeConfig};
use cojson::sync::{Effect as NodeEffect, StoredLog, WriteBatch};
use engine::actor::{
    ActorEngine, ActorId, Effect, EngineConfig, SendError, Ticket, ToolDeclaration, Warning,
};
use engine::machine::{CallId, Event, ToolFailure};

use super::patterns::NativePatterns;

/// What a storage holds, shared by the devices (tabs) over it.
pub type Storage = Rc<RefCell<BTreeMap<CoId, StoredLog>>>;

/// A call of an application's tool that waits for its answer.
#[derive(Clone, Debug)]
pub struct OpenCall {
    pub call: CallId,
    pub tool: String,
    pub payload: Json,
}

/// One running tab or process.
pub struct Device {
    pub engine: ActorEngine,
    pub storage: Storage,
    pub calls: Vec<OpenCall>,
    pub handled: BTreeMap<Ticket, Result<bool, SendError>>,
    pub warnings: Vec<Warning>,
    pub failures: Vec<String>,
    pub writes: Vec<WriteBatch>,
    pub claims: Vec<ActorId>,
    pub refuses_writes: bool,
    pub now: Timestamp,
}

pub fn secret() -> AgentSecret {
    AgentSecret::generate(&mut cojson::entropy::Entropy::from_seed([7; 32]))
}

pub fn session(number: u8) -> SessionId {
    let account = cojson::account::account_id(&secret());
    SessionId::random_of_account(&account, &mut cojson::entropy::Entropy::from_seed([number; 32]))
}

pub fn todo_tool(is_idempotent: bool) -> ToolDeclaration {
    ToolDeclaration { name: "@mail/send".into(), parameters: None, is_idempotent }
}

impl Device {
    pub fn new(session_number: u8) -> Self {
        Self::over(Storage::default(), session_number, &[])
    }

    /// A device over a storage, with tools registered before anything runs.
    pub fn over(storage: Storage, session_number: u8, tools: &[ToolDeclaration]) -> Self {
        let mut node = Node::new(NodeConfig::new(secret(), session(session_number), [session_number; 32]));
        node.found_account();
        let config = EngineConfig { node, patterns: Rc::new(NativePatterns), awaits_sync: false };
        let mut engine = ActorEngine::new(config);
        for tool in tools {
            engine.register_tool(tool).unwrap();
        }
        let mut device = Self {
            engine,
            storage,
            calls: Vec::new(),
            handled: BTreeMap::new(),
            warnings: Vec::new(),
            failures: Vec::new(),
            writes: Vec::new(),
            claims: Vec::new(),
            refuses_writes: false,
            now: Timestamp(1_800_000_000_000),
        };
        device.settle();
        device.writes.clear();
        device
    }

    /// Kills the process; what was not stored is gone. Starts it again over the same storage.
    pub fn restart(&self, session_number: u8, tools: &[ToolDeclaration]) -> Self {
        let mut device = Self::over(Rc::clone(&self.storage), session_number, tools);
        device.now = self.now.plus_ms(1000);
        device
    }

    /// Runs tasks and carries their effects out until nothing is left to do.
    pub fn settle(&mut self) {
        for _ in 0..100 {
            self.now = self.now.plus_ms(1);
            self.engine.process_inbox(self.now);
            self.engine.flush();
            if !self.carry_out() && self.engine.is_idle() {
                return;
            }
        }
        panic!("the engine never settles");
    }

    fn carry_out(&mut self) -> bool {
        let mut effects = VecDeque::new();
        while let Some(effect) = self.engine.poll_effect() {
            effects.push_back(effect);
        }
        let is_busy = !effects.is_empty();
        for effect in effects {
            self.carry_out_one(effect);
        }
        is_busy
    }

    fn carry_out_one(&mut self, effect: Effect) {
        match effect {
            Effect::Node(NodeEffect::Load(id)) => {
                let stored = self.storage.borrow().get(&id).cloned();
                self.engine.node_mut().loaded(id, stored);
            }
            Effect::Node(NodeEffect::Store(batch)) if self.refuses_writes => {
                self.engine.store_failed(batch.id);
            }
            Effect::Node(NodeEffect::Store(batch)) => self.store(batch),
            Effect::CallTool { call, tool, payload, .. } => {
                self.calls.push(OpenCall { call, tool: tool.to_string(), payload });
            }
            Effect::Handled { ticket, outcome } => {
                self.handled.insert(ticket, outcome);
            }
            Effect::Warning(warning) => self.warnings.push(warning),
            Effect::ActorFailed { error, .. } => self.failures.push(error.to_string()),
            Effect::Claim(actor) => self.claims.push(actor),
            Effect::Node(_) | Effect::ActorReady(_) | Effect::Rerender => {}
        }
    }

    fn store(&mut self, batch: WriteBatch) {
        for value in &batch.values {
            let mut storage = self.storage.borrow_mut();
            match (storage.get_mut(&value.id), &value.header) {
                (Some(stored), _) => stored.segments.extend(value.segments.iter().cloned()),
                (None, Some(header)) => {
                    let log = StoredLog { header: header.clone(), segments: value.segments.clone() };
                    storage.insert(value.id.clone(), log);
                }
                (None, None) => panic!("{} was stored without its header", value.id),
            }
        }
        self.engine.stored(batch.id);
        self.writes.push(batch);
    }

    /// Creates an actor and waits until it runs.
    pub fn create(&mut self, definition: &Json) -> ActorId {
        let actor = self.engine.create_actor(definition).unwrap();
        self.settle();
        assert!(self.failures.is_empty(), "{:?}", self.failures);
        actor
    }

    /// Sends an event and waits until it is durable; whether it was handled.
    pub fn send(&mut self, actor: &ActorId, event_type: &str, payload: &str) -> bool {
        let ticket = self.queue(actor, event_type, payload);
        self.settle();
        self.handled.remove(&ticket).unwrap().unwrap()
    }

    /// Queues an event for the next task.
    pub fn queue(&mut self, actor: &ActorId, event_type: &str, payload: &str) -> Ticket {
        self.engine.send(actor, Event::new(event_type, Json::parse(payload).unwrap())).unwrap()
    }

    /// Answers the oldest open call.
    pub fn answer(&mut self, outcome: Result<Json, ToolFailure>) {
        let call = self.calls.remove(0);
        self.engine.tool_finished(&call.call, outcome);
        self.settle();
    }

    pub fn state(&self, actor: &ActorId) -> String {
        self.engine.state(actor).unwrap().to_string()
    }

    /// The context as a store shows it.
    pub fn context(&mut self, actor: &ActorId) -> Json {
        for (store, value) in self.engine.take_changed_stores() {
            store.set(value);
        }
        self.engine.context_store(actor).unwrap().value()
    }

    /// How many transactions the writes since the last call held.
    pub fn take_transactions(&mut self) -> usize {
        let writes = std::mem::take(&mut self.writes);
        let segments = writes.iter().flat_map(|write| &write.values).flat_map(|value| &value.segments);
        segments.map(|segment| segment.content.new_transactions.len()).sum()
    }
}
