//! The engine's state and what a host may ask of it. What happens in a task is in the modules beside.

mod calls;
mod changes;
mod dead_letters;
mod due;
mod history;
mod inbox;
mod lease;
mod lifecycle;
mod messages;
#[cfg(feature = "once")]
mod once;
mod published;
mod retention;
mod screen;
mod stores;
mod task;
mod timers;
mod unfinished;

use std::collections::VecDeque;
use std::rc::Rc;

use cojson::collections::{OrderedMap, OrderedSet, SortedMap, SortedSet};
use cojson::ids::{CoId, SessionId};
use cojson::json::Json;
use cojson::node::Node;
use cojson::sync::WriteId;

use super::documents::Documents;
use super::history::Keep;
use super::message::Message;
use super::running::Running;
use super::sent::{Events, Outcome, Receipt, Sent};
use super::shared_definitions::SharedDefinitions;
use super::world::World;
use super::{ActorId, Effect, SendError, Ticket, Tickets, ToolDeclaration, Warning};
use crate::definition_error::DefinitionError;
use crate::machine::{CallId, Event};
use crate::reactive_store::ReactiveStore;
use crate::schema::PatternCompiler;
use crate::style::{SheetId, StyleEngine};
use messages::Origin;
pub use published::PublishError;
use stores::ValueStores;

pub use history::When;
pub use lease::Unsent;

/// How many messages one task handles before it lets the host breathe; the rest waits for the next.
pub const MESSAGES_PER_TASK_MAX: usize = 10_000;

/// What an engine is made of.
pub struct EngineConfig {
    /// The node whose values the actors are.
    pub node: Node,
    /// How patterns of JSON Schemas are matched on this host.
    pub patterns: Rc<dyn PatternCompiler>,
    /// Whether a server will be asked: then what storage does not have is not founded before the server answered or
    /// [`ActorEngine::stop_awaiting_sync`] says that it will not.
    pub awaits_sync: bool,
}

/// Every actor of a node. See the [module](super) for how it is driven.
pub struct ActorEngine {
    world: World,
    patterns: Rc<dyn PatternCompiler>,
    styles: StyleEngine,
    definitions: SharedDefinitions,
    actors: OrderedMap<ActorId, Actor>,
    pending_messages: VecDeque<Pending>,
    pending_rerenders: OrderedSet<ActorId>,
    effects: VecDeque<Effect>,
    /// The actors whose context changed since the stores were told.
    changed_contexts: OrderedSet<ActorId>,
    /// What became of this task's events.
    outcomes: Vec<Outcome>,
    /// What became of flushed tasks' events; it goes with the next write.
    flushed: Awaiting,
    in_flight: SortedMap<WriteId, Awaiting>,
    /// The calls of application's tools that this task began or tries again.
    calls_to_make: Vec<CallId>,
    /// Calls under way here: whose they are, and how they go on.
    calls: OrderedMap<CallId, calls::Call>,
    finished_calls: VecDeque<calls::Answered>,
    /// The calls of invoked actors that have come to their ends, with what these give.
    ended: OrderedMap<CallId, Json>,
    /// The actors whose last step is not done.
    unfinished: OrderedMap<ActorId, unfinished::Unfinished>,
    /// Calls that are to begin in the next task: actors that steps invoked, messages of the host.
    new_calls: Vec<CallId>,
    /// Actors whose interfaces are to be made known once it is clear what that value holds.
    to_make_known: Vec<(CoId, ActorId)>,
    dead_letters: ReactiveStore,
    has_new_dead_letters: bool,
    /// The actors that have documents in values.
    followers: OrderedSet<ActorId>,
    waiting: Waiting,
    /// Whether a task runs: then it is known what time it is.
    is_in_task: bool,
    /// What is to be done at some time, the first first.
    due: SortedSet<due::Due>,
    live_sessions: SortedSet<SessionId>,
    device_sessions: SortedSet<SessionId>,
    wire: lease::Wire,
    leases_to_check: OrderedSet<ActorId>,
    watches: lease::Watches,
    /// By how much this session tells later than others that it watches.
    watch_delay_ms: u16,
    pulses: lease::Pulses,
    published: published::Published,
    /// Streams that are no longer to be kept, once it is known what they hold.
    to_delete: SortedSet<CoId>,
    stores: ValueStores,
    tickets_given: u64,
    is_founded: bool,
}

/// An actor, running or not yet.
struct Actor {
    space: CoId,
    context: CoId,
    inbox: CoId,
    documents: Documents,
    is_driver: bool,
    lease: lease::Lease,
    /// How much of its history is kept, if any is.
    keep: Option<Keep>,
    /// The first period of its history that was read when streams of older ones were last looked for.
    first_kept: Option<u64>,
    store: ReactiveStore,
    /// `None` until everything it needs is loaded, and while it is being worked on.
    running: Option<Box<Running>>,
}

/// Actors that do not run yet, as something they need is not there.
#[derive(Default)]
struct Waiting {
    actors: OrderedSet<ActorId>,
    /// Whether something has become known since they were last looked at.
    has_news: bool,
}

impl Waiting {
    fn is_due(&self) -> bool {
        self.has_news && !self.actors.is_empty()
    }
}

/// What waits to be handled.
enum Pending {
    /// Events from the host: a click, a program.
    Sent(Sent),
    /// A message from an actor.
    Told(PendingMessage),
    /// An event from the host, which may give it again.
    #[cfg(feature = "once")]
    Once(once::Once),
}

impl Pending {
    /// Whom it is for.
    fn actor(&self) -> &ActorId {
        match self {
            Self::Sent(sent) => &sent.actor,
            Self::Told(told) => &told.actor,
            #[cfg(feature = "once")]
            Self::Once(once) => once.actor(),
        }
    }
}

/// A message on its way to an actor's machine.
struct PendingMessage {
    actor: ActorId,
    message: Message,
    origin: Origin,
}

/// What happens when a write is durable.
#[derive(Default)]
struct Awaiting {
    outcomes: Vec<Outcome>,
    /// A tool is called once the record of its call cannot be lost: what a crash cuts off is known to have been called.
    calls: Vec<CallId>,
}

impl ActorEngine {
    /// An engine without actors. The account and its own group are founded once storage said that it has none.
    pub fn new(mut config: EngineConfig) -> Self {
        config.node.load_own();
        let watch_delay_ms = lease::delay_ms(config.node.session());
        Self {
            world: World::new(config.node, config.awaits_sync),
            patterns: config.patterns,
            styles: StyleEngine::default(),
            definitions: SharedDefinitions::default(),
            actors: OrderedMap::new(),
            pending_messages: VecDeque::new(),
            pending_rerenders: OrderedSet::new(),
            effects: VecDeque::new(),
            changed_contexts: OrderedSet::new(),
            outcomes: Vec::new(),
            flushed: Awaiting::default(),
            calls_to_make: Vec::new(),
            in_flight: SortedMap::new(),
            calls: OrderedMap::new(),
            finished_calls: VecDeque::new(),
            ended: OrderedMap::new(),
            unfinished: OrderedMap::new(),
            new_calls: Vec::new(),
            to_make_known: Vec::new(),
            dead_letters: ReactiveStore::new(Vec::new().into()),
            has_new_dead_letters: false,
            followers: OrderedSet::new(),
            waiting: Waiting::default(),
            is_in_task: false,
            due: SortedSet::new(),
            live_sessions: SortedSet::new(),
            device_sessions: SortedSet::new(),
            wire: lease::Wire::new(config.awaits_sync),
            leases_to_check: OrderedSet::new(),
            watches: lease::Watches::default(),
            watch_delay_ms,
            pulses: lease::Pulses::default(),
            published: published::Published::default(),
            to_delete: SortedSet::new(),
            stores: ValueStores::default(),
            tickets_given: 0,
            is_founded: false,
        }
    }

    /// The node.
    pub fn node(&self) -> &Node {
        &self.world.node
    }

    /// The node, to hand it an input. A local write is made known with [`changed`](Self::changed).
    pub fn node_mut(&mut self) -> &mut Node {
        &mut self.world.node
    }

    /// The compiled styles.
    pub fn styles(&self) -> &StyleEngine {
        &self.styles
    }

    /// Adds a tool that machines may call, or replaces it.
    pub fn register_tool(&mut self, declaration: &ToolDeclaration) -> Result<(), DefinitionError> {
        self.world.tools.register(declaration, &*self.patterns)
    }

    /// The application's tools in the form that language models take: a list of `{name, description, input_schema}`.
    pub fn tools(&self) -> Json {
        self.world.tools.to_json()
    }

    /// The sheet of an actor's style, if it has one.
    pub fn sheet(&self, actor: &ActorId) -> Option<SheetId> {
        self.running(actor)?.definition.sheet
    }

    /// An actor's context: what queries show in place.
    pub fn context_store(&self, actor: &ActorId) -> Option<ReactiveStore> {
        self.actors.get(actor).map(|actor| actor.store.clone())
    }

    /// An actor's active state: its name, or an object of names where states are nested.
    pub fn state(&self, actor: &ActorId) -> Option<Json> {
        self.running(actor)
            .map(|running| running.snapshot.state.clone())
    }

    /// Whether that actor runs: restored or founded.
    pub fn is_ready(&self, actor: &ActorId) -> bool {
        self.running(actor).is_some()
    }

    /// Whether the account and its own group are there: values can be made.
    pub fn is_founded(&self) -> bool {
        self.is_founded
    }

    /// Whether nothing waits to be handled.
    pub fn is_idle(&self) -> bool {
        self.pending_messages.is_empty()
            && self.finished_calls.is_empty()
            && self.new_calls.is_empty()
            && !self.waiting.is_due()
    }

    /// Whether this tab holds the actor's lock: then it handles what others tell the actor, unless another device hosts
    /// it, and takes up what sessions left that no tab holds.
    pub fn set_driver(&mut self, actor: &ActorId, is_driver: bool) {
        if let Some(found) = self.actors.get_mut(actor) {
            found.is_driver = is_driver;
            self.leases_to_check.insert(actor.clone());
            self.adopt_orphans(actor);
        }
    }

    /// The sessions of this device that other tabs hold now.
    pub fn set_live_sessions(&mut self, sessions: SortedSet<SessionId>) {
        self.live_sessions = sessions;
        self.adopt_all();
    }

    /// No server answers: found what storage does not have.
    pub fn stop_awaiting_sync(&mut self) {
        for id in self.world.stop_awaiting_sync() {
            self.settled(&id);
        }
    }

    /// Queues an event for an actor. Its contract is checked now; what became of it is told by [`Effect::Handled`].
    pub fn send(&mut self, actor: &ActorId, event: Event) -> Result<Ticket, SendError> {
        self.check(actor, &event)?;
        Ok(self.queue(actor, event, 1))
    }

    /// Queues an event so many times, each with a ticket of its own, of which the first is handed back. A refusal is told
    /// by [`Effect::Handled`] too.
    pub fn send_times(&mut self, actor: &ActorId, event: Event, count: u32) -> Ticket {
        let checked = self.check(actor, &event);
        match checked {
            Ok(()) => self.queue(actor, event, count),
            Err(error) => {
                let tickets = self.tickets(count);
                let outcome = Err(error);
                self.effects.push_back(Effect::Handled { tickets, outcome });
                tickets.first
            }
        }
    }

    /// Queues events for an actor that are handled one right after the other. It counts as handled if each of them was; of
    /// those that failed the first is told.
    pub fn send_all(&mut self, actor: &ActorId, events: Events) -> Result<Ticket, SendError> {
        for event in events.distinct() {
            self.check(actor, event)?;
        }
        let ticket = self.tickets(1).first;
        self.pending_messages.push_back(Pending::Sent(Sent {
            actor: actor.clone(),
            events,
            receipt: Receipt::All(ticket, Ok(true)),
        }));
        Ok(ticket)
    }

    fn check(&self, actor: &ActorId, event: &Event) -> Result<(), SendError> {
        match self.running(actor) {
            Some(running) => running.definition.contract.check(actor, event),
            None => Err(SendError::NoActor(actor.clone())),
        }
    }

    /// What follows each other for the same actor is handled together.
    fn queue(&mut self, actor: &ActorId, event: Event, count: u32) -> Ticket {
        let tickets = self.tickets(count);
        if let Some(Pending::Sent(last)) = self.pending_messages.back_mut()
            && last.takes_more(actor, &event, tickets)
        {
            return tickets.first;
        }
        let mut events = Events::default();
        events.push(event, count as usize);
        self.pending_messages.push_back(Pending::Sent(Sent {
            actor: actor.clone(),
            events,
            receipt: Receipt::Each(tickets),
        }));
        tickets.first
    }

    fn tickets(&mut self, count: u32) -> Tickets {
        let first = Ticket(self.tickets_given + 1);
        self.tickets_given += u64::from(count);
        Tickets { first, count }
    }

    /// The next thing to do. Drain it after every `flush`, and after `stored`, `loaded` and `receive`.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The stores whose value is another now; set them with nothing of the engine borrowed.
    pub fn take_changed_stores(&mut self) -> Vec<(ReactiveStore, Json)> {
        let contexts = std::mem::take(&mut self.changed_contexts);
        let context = |id: &ActorId| {
            let actor = self.actors.get(id)?;
            let running = actor.running.as_ref()?;
            Some((actor.store.clone(), running.memory.visible().clone()))
        };
        let mut changed: Vec<_> = contexts.iter().filter_map(context).collect();
        changed.extend(self.stores.take_changed(&mut self.world.node));
        changed.extend(self.take_dead_letters());
        changed
    }

    /// The actors of which that holds.
    fn those(&self, holds: fn(&Actor) -> bool) -> Vec<ActorId> {
        let found = self.actors.iter().filter(|(_, actor)| holds(actor));
        found.map(|(id, _)| id.clone()).collect()
    }

    fn running(&self, actor: &ActorId) -> Option<&Running> {
        self.actors.get(actor)?.running.as_deref()
    }

    /// Lets a closure work on a running actor and the world at once.
    fn with_running<R>(
        &mut self,
        actor: &ActorId,
        work: impl FnOnce(&mut Self, &mut Running) -> R,
    ) -> Option<R> {
        let mut running = self.actors.get_mut(actor)?.running.take()?;
        let result = work(self, &mut running);
        if let Some(actor) = self.actors.get_mut(actor) {
            actor.running = Some(running);
        }
        Some(result)
    }

    fn mark_changed(&mut self, actor: &ActorId) {
        self.changed_contexts.insert(actor.clone());
        self.request_render(actor);
    }

    fn request_render(&mut self, actor: &ActorId) {
        if self.pending_rerenders.is_empty() {
            self.effects.push_back(Effect::Rerender);
        }
        self.pending_rerenders.insert(actor.clone());
    }

    fn warn(&mut self, actor: &ActorId, code: &'static str, message: String) {
        self.effects.push_back(Effect::Warning(Warning {
            code,
            message,
            actor: actor.clone(),
        }));
    }
}

/// An actor that runs, found without borrowing the rest of the engine.
fn running_mut<'a>(
    actors: &'a mut OrderedMap<ActorId, Actor>,
    actor: &ActorId,
) -> Option<&'a mut Running> {
    actors.get_mut(actor)?.running.as_deref_mut()
}
