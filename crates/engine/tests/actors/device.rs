//! A device in memory: an engine, the storage under it, and the tools of an application. It can be killed and
//! started again on what its storage holds, and two of them can share a server or a storage.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use cojson::crypto::AgentSecret;
use cojson::ids::{CoId, SessionId, Timestamp};
use cojson::json::Json;
use cojson::node::{Node, NodeConfig};
use cojson::sync::{
    Effect as NodeEffect, ReplicaConfig, Segment, StoredLog, SyncMessage, WriteBatch,
};
use engine::actor::{
    ActorEngine, ActorId, Effect, EngineConfig, SendError, Ticket, ToolDeclaration, Warning,
};
use engine::machine::{CallId, Event, ToolFailure};

use super::patterns::NativePatterns;

/// What a storage holds, shared by the devices (tabs) over it.
pub(crate) type Storage = Rc<RefCell<BTreeMap<CoId, StoredLog>>>;

/// A call of an application's tool that waits for its answer.
#[derive(Clone, Debug)]
pub(crate) struct OpenCall {
    pub(crate) call: CallId,
    pub(crate) payload: Json,
}

/// One running tab or process.
pub(crate) struct Device {
    pub(crate) engine: ActorEngine,
    pub(crate) storage: Storage,
    pub(crate) calls: Vec<OpenCall>,
    pub(crate) cancelled: Vec<CallId>,
    pub(crate) ended: Vec<ActorId>,
    pub(crate) handled: BTreeMap<Ticket, Result<bool, SendError>>,
    pub(crate) answered: BTreeMap<Ticket, Result<Json, ToolFailure>>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) failures: Vec<String>,
    pub(crate) writes: Vec<WriteBatch>,
    pub(crate) claims: Vec<ActorId>,
    /// Whether an actor's lock is given as soon as it is wished for: no other tab has it.
    pub(crate) grants_claims: bool,
    pub(crate) outbox: Vec<SyncMessage>,
    pub(crate) refuses_writes: bool,
    /// Whether storage takes its time: what it is asked waits in `unanswered`.
    pub(crate) is_slow: bool,
    pub(crate) unanswered: Vec<CoId>,
    pub(crate) frames: usize,
    pub(crate) now: Timestamp,
}

fn secret(account_number: u8) -> AgentSecret {
    AgentSecret::generate(&mut cojson::entropy::Entropy::from_seed(
        [account_number; 32],
    ))
}

fn session(account_number: u8, number: u8) -> SessionId {
    let account = cojson::account::account_id(&secret(account_number).agent_id());
    SessionId::random_of_account(
        &account,
        &mut cojson::entropy::Entropy::from_seed([number; 32]),
    )
}

/// The session of that number of the account of most devices.
pub(crate) fn own_session(number: u8) -> SessionId {
    session(7, number)
}

pub(crate) fn mail_tool(is_idempotent: bool) -> ToolDeclaration {
    ToolDeclaration {
        name: "@mail/send".into(),
        is_idempotent,
        ..ToolDeclaration::default()
    }
}

/// Writes a batch to a storage, all of it.
pub(crate) fn keep(storage: &Storage, batch: &WriteBatch) {
    let mut storage = storage.borrow_mut();
    for value in &batch.values {
        match (storage.get_mut(&value.id), &value.header) {
            (Some(stored), _) => {
                // As in a database, a segment stands under its session and where it begins.
                let is_new = |it: &Segment| {
                    let is_it = |new: &Segment| {
                        new.session == it.session && new.content.after == it.content.after
                    };
                    !value.segments.iter().any(is_it)
                };
                stored.segments.retain(is_new);
                stored.take(value);
            }
            (None, Some(header)) => {
                let log = StoredLog {
                    header: header.clone(),
                    segments: value.segments.clone(),
                };
                storage.insert(value.id.clone(), log);
            }
            (None, None) => panic!("{} was stored without its header", value.id),
        }
    }
}

impl Device {
    pub(crate) fn new(session_number: u8) -> Self {
        Self::over(Storage::default(), session_number, &[])
    }

    /// A device over a storage, with tools registered before anything runs.
    pub(crate) fn over(storage: Storage, session_number: u8, tools: &[ToolDeclaration]) -> Self {
        Self::of_account(7, storage, session_number, tools)
    }

    /// The same with a server that will be asked, once it can be reached.
    pub(crate) fn with_server(
        storage: Storage,
        session_number: u8,
        tools: &[ToolDeclaration],
    ) -> Self {
        Self::of(7, storage, session_number, tools, true)
    }

    /// The same of another account than most.
    pub(crate) fn of_account(
        account_number: u8,
        storage: Storage,
        session_number: u8,
        tools: &[ToolDeclaration],
    ) -> Self {
        Self::of(account_number, storage, session_number, tools, false)
    }

    fn of(
        account_number: u8,
        storage: Storage,
        session_number: u8,
        tools: &[ToolDeclaration],
        awaits_sync: bool,
    ) -> Self {
        let node = Node::new(NodeConfig {
            secret: secret(account_number),
            session: session(account_number, session_number),
            entropy_seed: [session_number; 32],
            limits: ReplicaConfig::default(),
        });
        let config = EngineConfig {
            node,
            patterns: Rc::new(NativePatterns),
            awaits_sync,
        };
        let mut engine = ActorEngine::new(config);
        for tool in tools {
            engine.register_tool(tool).unwrap();
        }
        let mut device = Self {
            engine,
            storage,
            calls: Vec::new(),
            cancelled: Vec::new(),
            ended: Vec::new(),
            handled: BTreeMap::new(),
            answered: BTreeMap::new(),
            warnings: Vec::new(),
            failures: Vec::new(),
            writes: Vec::new(),
            claims: Vec::new(),
            grants_claims: true,
            outbox: Vec::new(),
            refuses_writes: false,
            is_slow: false,
            unanswered: Vec::new(),
            frames: 0,
            now: Timestamp(1_800_000_000_000),
        };
        device.settle();
        device.writes.clear();
        device
    }

    /// Kills the process; what was not stored is gone. Starts it again over the same storage.
    pub(crate) fn restart(&self, session_number: u8, tools: &[ToolDeclaration]) -> Self {
        let mut device = Self::over(Rc::clone(&self.storage), session_number, tools);
        device.now = self.now.plus_ms(1000);
        device
    }

    /// Runs tasks and carries their effects out until nothing is left to do.
    pub(crate) fn settle(&mut self) {
        for _ in 0..100 {
            if !self.turn() && self.engine.is_idle() {
                return;
            }
        }
        panic!("the engine never settles");
    }

    /// Runs one task and carries its effects out; whether there were any.
    pub(crate) fn turn(&mut self) -> bool {
        self.now = self.now.plus_ms(1);
        self.engine.process_inbox(self.now);
        self.engine.flush();
        self.tell_stores();
        self.carry_out()
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
            Effect::Node(NodeEffect::Load(id)) if self.is_slow => self.unanswered.push(id),
            Effect::Node(NodeEffect::Load(id)) => self.answer_load(&id),
            Effect::Node(NodeEffect::Store(batch)) if self.refuses_writes => {
                self.engine.store_failed(batch.id);
            }
            Effect::Node(NodeEffect::Store(batch)) => self.store(batch),
            Effect::CallTool { call, payload, .. } => self.calls.push(OpenCall { call, payload }),
            Effect::Handled { tickets, outcome } => {
                let told = tickets.iter().map(|ticket| (ticket, outcome.clone()));
                self.handled.extend(told);
            }
            Effect::Warning(warning) => self.warnings.push(warning),
            Effect::CancelCall(call) => {
                self.calls.retain(|open| open.call != call);
                self.cancelled.push(call);
            }
            Effect::Answered { ticket, outcome } => {
                self.answered.insert(ticket, outcome);
            }
            Effect::ActorEnded(actor) => self.ended.push(actor),
            Effect::ActorFailed { error, .. } => self.failures.push(error.to_string()),
            Effect::Claim(actor) => {
                if self.grants_claims {
                    self.engine.set_driver(&actor, true);
                }
                self.claims.push(actor);
            }
            Effect::Node(NodeEffect::Send { message, .. }) => self.outbox.push(message),
            Effect::Rerender => self.frames += 1,
            Effect::Node(_) | Effect::ActorReady(_) => {}
        }
    }

    fn answer_load(&mut self, id: &CoId) {
        let stored = self.storage.borrow().get(id).cloned();
        self.engine.node_mut().loaded(id, stored);
    }

    /// Storage answers all that it was asked, with what it holds by now.
    pub(crate) fn answer_loads(&mut self) {
        self.is_slow = false;
        for id in std::mem::take(&mut self.unanswered) {
            self.answer_load(&id);
        }
        self.settle();
    }

    /// Hears what another tab of the same storage made durable.
    pub(crate) fn hear(&mut self, batches: &[WriteBatch]) {
        for message in batches.iter().flat_map(WriteBatch::to_messages) {
            self.engine.node_mut().absorb(message);
        }
        self.settle();
    }

    fn store(&mut self, batch: WriteBatch) {
        keep(&self.storage, &batch);
        self.engine.stored(batch.id);
        self.writes.push(batch);
    }

    /// Creates an actor and waits until it runs.
    pub(crate) fn create(&mut self, definition: &Json) -> ActorId {
        let actor = self.engine.create_actor(definition).unwrap();
        self.settle();
        assert!(self.failures.is_empty(), "{:?}", self.failures);
        actor
    }

    /// Sends an event and waits until it is durable; whether it was handled.
    pub(crate) fn send(&mut self, actor: &ActorId, event_type: &str, payload: &str) -> bool {
        let ticket = self.queue(actor, event_type, payload);
        self.settle();
        self.handled.remove(&ticket).unwrap().unwrap()
    }

    /// Queues an event for the next task.
    pub(crate) fn queue(&mut self, actor: &ActorId, event_type: &str, payload: &str) -> Ticket {
        self.engine
            .send(actor, Event::new(event_type, Json::parse(payload).unwrap()))
            .unwrap()
    }

    /// Answers the oldest open call.
    pub(crate) fn answer(&mut self, outcome: Result<Json, ToolFailure>) {
        let call = self.calls.remove(0);
        self.engine.tool_finished(&call.call, outcome);
        self.settle();
    }

    pub(crate) fn state(&self, actor: &ActorId) -> String {
        let state = self.engine.state(actor).unwrap();
        state
            .as_str()
            .map_or_else(|| state.to_string(), str::to_owned)
    }

    /// As a host does after every task.
    fn tell_stores(&mut self) {
        for (store, value) in self.engine.take_changed_stores() {
            store.set(value);
        }
    }

    /// The context as a store shows it.
    pub(crate) fn context(&mut self, actor: &ActorId) -> Json {
        self.tell_stores();
        self.engine.context_store(actor).unwrap().value()
    }

    /// How many transactions the writes since the last call held.
    pub(crate) fn take_transactions(&mut self) -> usize {
        let writes = std::mem::take(&mut self.writes);
        let segments = writes
            .iter()
            .flat_map(|write| &write.values)
            .flat_map(|value| &value.segments);
        segments
            .map(|segment| segment.content.new_transactions.len())
            .sum()
    }
}
