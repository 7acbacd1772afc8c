//! A running actor: its definition, its memory, its machine's place and its screen.

use std::rc::Rc;
use std::sync::Arc;

use cojson::collections::{OrderedMap, SortedMap};
use cojson::ids::{CoId, SessionId};
use cojson::json::Json;

use super::ActorId;
use super::definition::ActorDefinition;
use super::history::{Base, Recording};
use super::live_query::LiveQuery;
use super::memory::Memory;
use super::migration::Unreadable;
use super::query::Query;
use super::space::Named;
use super::world::World;
use crate::definition_error::DefinitionError;
use crate::machine::{Restored, Snapshot};
use crate::view::ViewInstance;

/// Everything that an actor has once it is restored or founded.
pub(crate) struct Running {
    pub(crate) definition: Rc<ActorDefinition>,
    pub(crate) memory: Memory,
    pub(crate) snapshot: Snapshot,
    pub(crate) view: Option<ViewInstance>,
    /// How many of each session's inbox messages are in the queue or handled.
    pub(crate) queued: SortedMap<SessionId, u32>,
    /// The children that were made, by the names that slots use.
    pub(crate) children: OrderedMap<Arc<str>, ActorId>,
    /// What its history is still to have, if it keeps one.
    pub(crate) recording: Option<Recording>,
    queries: Vec<LiveQuery>,
}

impl Running {
    /// An actor with that memory, in the machine's initial state until it is started or restored.
    pub(crate) fn new(
        definition: &Rc<ActorDefinition>,
        memory: Memory,
        space: &CoId,
        world: &mut World,
    ) -> Self {
        let snapshot = definition.machine.initial(memory.visible().clone());
        let mut running = Self {
            definition: Rc::clone(definition),
            memory,
            snapshot,
            view: definition
                .view
                .as_ref()
                .map(|view| ViewInstance::new(Arc::clone(view))),
            queued: SortedMap::new(),
            children: OrderedMap::new(),
            recording: None,
            queries: Vec::new(),
        };
        running.follow_queries(space, world);
        running
    }

    fn follow_queries(&mut self, space: &CoId, world: &mut World) {
        let definition = Rc::clone(&self.definition);
        for (key, query) in &definition.queries {
            self.follow_query(key, query, space, world);
        }
        self.refresh_queries(world);
    }

    /// Shows a query in the place of a context key, instead of the one that was there.
    fn follow_query(
        &mut self,
        key: &Arc<str>,
        query: &Arc<Query>,
        space: &CoId,
        world: &mut World,
    ) {
        let collection = Named::Collection(&query.schema).id(space, &world.node);
        world.load(&collection);
        world
            .collections
            .acquire(&collection, &query.schema, &mut world.node);
        self.queries.retain(|live| {
            let is_replaced = live.key == *key;
            if is_replaced {
                world.collections.release(&live.collection, world.now);
            }
            !is_replaced
        });
        self.queries.push(LiveQuery::new(key, query, collection));
    }

    /// Follows the queries that actions made, now or before they were stored.
    pub(crate) fn restore_queries(
        &mut self,
        space: &CoId,
        world: &mut World,
    ) -> Result<(), DefinitionError> {
        for (key, source) in self.memory.queries().clone() {
            let query = Query::of_data(&source)?;
            self.follow_query(&key, &Arc::new(query), space, world);
        }
        self.refresh_queries(world);
        Ok(())
    }

    /// Puts queries that a step made in the place of context keys.
    pub(crate) fn set_queries(
        &mut self,
        queries: &OrderedMap<Arc<str>, Json>,
        space: &CoId,
        world: &mut World,
    ) -> Result<(), DefinitionError> {
        for (key, query) in queries {
            self.memory.set_query(key, query.clone());
        }
        if queries.is_empty() {
            Ok(())
        } else {
            self.restore_queries(space, world)
        }
    }

    /// The keys that live queries fill and that the machine reads, if somebody keeps what it saw.
    pub(crate) fn queries_read(&self) -> Vec<Arc<str>> {
        if self.recording.is_none() {
            return Vec::new();
        }
        let keys = self.queries.iter().map(|live| &live.key);
        let read = keys.filter(|key| self.definition.mentioned.contains(&***key));
        read.cloned().collect()
    }

    /// Whether steps may follow each other without a look at anything but the machine: nothing shows what a step
    /// wrote, and nothing records it.
    pub(crate) fn is_alone(&self) -> bool {
        self.queries.is_empty() && self.recording.is_none()
    }

    /// Lets go of the collections that its queries read.
    pub(crate) fn release(&self, world: &mut World) {
        for live in &self.queries {
            world.collections.release(&live.collection, world.now);
        }
    }

    /// Tells the queries of a changed collection or value.
    pub(crate) fn note_changed(&mut self, id: &CoId) {
        for live in &mut self.queries {
            live.note_changed(id);
        }
    }

    /// Whether something is to be read anew or to be written.
    pub(crate) fn has_news(&self) -> bool {
        let recording = self.recording.as_ref();
        self.memory.has_unwritten()
            || self.queries.iter().any(LiveQuery::is_stale)
            || recording.is_some_and(|recording| !recording.unwritten.is_empty())
    }

    /// Runs the queries that are stale; whether the context shows something else now.
    pub(crate) fn refresh_queries(&mut self, world: &mut World) -> bool {
        let mut is_changed = false;
        for live in &mut self.queries {
            if let Some(result) = live.refresh(self.memory.visible(), world) {
                is_changed |= self.memory.set_result(&live.key, result);
            }
        }
        is_changed
    }

    /// Takes over where a step left the machine; whether the context or the state is another now.
    pub(crate) fn take_step(&mut self, snapshot: Snapshot) -> bool {
        let is_kept = |old: &Json, new: &Json| old.is_same(new) || old == new;
        let is_changed = !is_kept(self.memory.state(), &snapshot.state)
            || !is_kept(self.memory.history(), &snapshot.history)
            || !snapshot.context.is_same(self.memory.visible());
        self.memory.set(&snapshot);
        self.snapshot = snapshot;
        if is_changed {
            self.queries.iter_mut().for_each(LiveQuery::note_context);
        }
        is_changed
    }

    /// The machine's place, with the context as it is now.
    pub(crate) fn current(&self) -> Snapshot {
        let mut snapshot = self.snapshot.clone();
        snapshot.context = self.memory.visible().clone();
        snapshot
    }

    /// Takes in what is stored, from wherever it came, as this version of the definition has it; a state that the
    /// definition no longer has.
    pub(crate) fn read(&mut self, stored: &Json, now_ms: f64) -> Result<Option<Json>, Unreadable> {
        match self.definition.migrations.apply(stored, now_ms)? {
            None => self.memory.read(&self.definition.defaults, stored),
            Some((migrated, writes)) => {
                self.memory.read(&self.definition.defaults, &migrated);
                self.memory.note_migrated(writes);
            }
        }
        Ok(self.take_in())
    }

    fn take_in(&mut self) -> Option<Json> {
        self.queries.iter_mut().for_each(LiveQuery::note_context);
        if let Some(recording) = &mut self.recording {
            recording.base.get_or_insert(Base::Reread);
        }
        let (state, history) = (self.memory.state(), self.memory.history());
        if self.snapshot.state == *state && self.snapshot.history == *history {
            return None;
        }
        let context = self.memory.visible().clone();
        let restored = self.definition.machine.restore(state, history, context);
        let (snapshot, missing) = match restored {
            Restored::Same(snapshot) => (snapshot, None),
            Restored::FellBack { snapshot, missing } => (snapshot, Some(missing)),
        };
        self.memory.set(&snapshot);
        let before = std::mem::replace(&mut self.snapshot, snapshot);
        self.snapshot.carry_visits(&before);
        missing
    }
}
