//! How an actor comes to run, changes its definition, and goes.

use std::rc::Rc;

use cojson::ids::{CoId, Timestamp};
use cojson::json::Json;
use cojson::node::{Stamp, WriteError};
use cojson::view::MapView;

use super::super::definition::{ActorDefinition, Library, compile_sheet, identity};
use super::super::documents::Documents;
use super::super::history::{Base, Keep, Recording};
use super::super::input::Input;
use super::super::memory::Memory;
use super::super::running::Running;
use super::super::space::Named;
use super::super::{ActorError, ActorId, Effect, Unreadable};
use super::lease::Lease;
use super::{Actor, ActorEngine};
use crate::definition_error::{DefinitionError, Place};
use crate::reactive_store::ReactiveStore;

impl ActorEngine {
    /// Creates an actor, or restores it by its definition's `id`; an actor that runs takes the definition over.
    /// [`Effect::ActorReady`] or [`Effect::ActorFailed`] tells how it went.
    pub fn create_actor(&mut self, definition: &Json) -> Result<ActorId, DefinitionError> {
        self.create_in(definition, None)
    }

    /// The child that a slot names, made when it is first shown. `None`: the definition has no such child.
    pub fn child(
        &mut self,
        parent: &ActorId,
        name: &str,
    ) -> Result<Option<ActorId>, DefinitionError> {
        let Some(running) = self.running(parent) else {
            return Ok(None);
        };
        if let Some(child) = running.children.get(name) {
            return Ok(Some(child.clone()));
        }
        let Some(definition) = running.definition.children.get(name).cloned() else {
            return Ok(None);
        };
        let space = self.actors.get(parent).map(|actor| actor.space.clone());
        let child = self.create_in(&definition, space)?;
        self.with_running(parent, |_, running| {
            running.children.insert(name.into(), child.clone());
        });
        Ok(Some(child))
    }

    pub(super) fn create_in(
        &mut self,
        source: &Json,
        default_space: Option<CoId>,
    ) -> Result<ActorId, DefinitionError> {
        let (id, space) = identity(source)?;
        let source = &self.definitions.body(source);
        let documents = Documents::of(source, &Place::root("actor"))?;
        let keep = Keep::read(source)?;
        if let Some(actor) = self.actors.get_mut(&id) {
            if !actor.documents.is_same_source(source) {
                actor.documents = documents;
                actor.keep = keep;
                self.note_follower(&id);
                self.reload_definition(&id);
            }
            self.announce(&id);
            return Ok(id);
        }
        let node = &self.world.node;
        let space = space.or(default_space).unwrap_or_else(|| node.own_group());
        let actor = Actor {
            context: Named::Context(&id).id(&space, node),
            inbox: Named::Inbox(&id).id(&space, node),
            space,
            documents,
            is_driver: false,
            lease: Lease::default(),
            keep,
            first_kept: None,
            store: ReactiveStore::new(Json::Null),
            running: None,
        };
        self.load_for(&actor);
        self.actors.insert(id.clone(), actor);
        self.note_follower(&id);
        self.advance(&id);
        Ok(id)
    }

    /// Remembers whether an actor follows values that hold its documents.
    fn note_follower(&mut self, id: &ActorId) {
        let actor = self.actors.get(id);
        if actor.is_some_and(|actor| actor.documents.references().next().is_some()) {
            self.followers.insert(id.clone());
        } else {
            self.followers.remove(id);
        }
    }

    fn load_for(&mut self, actor: &Actor) {
        let own = [&actor.space, &actor.context, &actor.inbox];
        for id in own.into_iter().chain(actor.documents.references()) {
            self.world.load(id);
        }
    }

    fn announce(&mut self, id: &ActorId) {
        if self.is_ready(id) {
            self.effects.push_back(Effect::ActorReady(id.clone()));
        }
    }

    /// Brings an actor to run, if everything it needs is there; within a task, which knows what time it is.
    pub(super) fn advance(&mut self, id: &ActorId) {
        if !self.actors.contains_key(id) {
            return;
        }
        let Some(source) = self.source_of_settled(id) else {
            self.waiting.has_news |= !self.is_in_task;
            self.waiting.actors.insert(id.clone());
            return;
        };
        let result = self
            .compile(&source)
            .map_err(ActorError::from)
            .and_then(|definition| self.begin(id, &definition));
        if let Err(error) = result {
            self.take_out(id);
            self.fail(id, error);
        }
    }

    /// An actor's definition, once everything is known that it begins with.
    fn source_of_settled(&mut self, id: &ActorId) -> Option<Json> {
        let actor = self.actors.get(id).filter(|_| self.is_in_task)?;
        let is_settled = |id: &CoId| self.world.is_settled(id);
        let has_space = self.is_founded && self.world.node.is_loaded(&actor.space);
        let has_own = has_space && is_settled(&actor.context) && is_settled(&actor.inbox);
        if !has_own || !self.has_history(id) {
            return None;
        }
        let actor = self.actors.get(id)?;
        actor.documents.resolve(&mut self.world.node)
    }

    fn take_out(&mut self, id: &ActorId) -> Option<Actor> {
        let actor = self.actors.remove(id)?;
        self.followers.remove(id);
        self.waiting.actors.remove(id);
        Some(actor)
    }

    /// A definition, compiled anew only if no actor runs it.
    fn compile(&mut self, source: &Json) -> Result<Rc<ActorDefinition>, DefinitionError> {
        if let Some(running) = self.definitions.running(source) {
            if running.sheet.is_some() {
                compile_sheet(source, &mut self.styles)?;
            }
            return Ok(running);
        }
        let mut library = Library {
            patterns: &*self.patterns,
            tools: &self.world.tools,
            styles: &mut self.styles,
        };
        let definition = Rc::new(ActorDefinition::compile(source, &mut library)?);
        self.definitions.note(source, &definition);
        Ok(definition)
    }

    fn begin(&mut self, id: &ActorId, definition: &Rc<ActorDefinition>) -> Result<(), ActorError> {
        let Some(actor) = self.actors.get(id) else {
            return Ok(());
        };
        let (space, context, keep) = (actor.space.clone(), actor.context.clone(), actor.keep);
        let stored = self.world.node.map(&context).map(MapView::to_json);
        let is_restored = stored
            .as_ref()
            .is_some_and(|stored| stored.get("_currentState").is_some());
        let memory = if is_restored {
            Memory::default()
        } else {
            Memory::first(&definition.defaults)
        };
        let mut running = Running::new(definition, memory, &space, &mut self.world);
        running.recording = keep.map(|_| Recording::default());
        if is_restored {
            let missing = running
                .read(&stored.unwrap_or_default(), self.world.now_ms())
                .map_err(|cause| unreadable(id, cause))?;
            running.restore_queries(&space, &mut self.world)?;
            self.install(id, running);
            self.with_running(id, |engine, running| engine.tell_of_end(id, running));
            if let Some(missing) = missing {
                self.warn_of_missing_state(id, &missing);
            }
        } else {
            let founded = self.found(id, running);
            founded.map_err(|cause| ActorError::Write {
                actor: id.to_string(),
                cause,
            })?;
        }
        self.skip_handled(id);
        self.tell_remarks(id, definition);
        self.mark_changed(id);
        self.effects.push_back(Effect::ActorReady(id.clone()));
        self.effects.push_back(Effect::Claim(id.clone()));
        self.has_new_dead_letters = true;
        self.make_interface_known(id);
        self.forget_old_history(id);
        self.restore_timers(id, true);
        self.leases_to_check.insert(id.clone());
        self.adopt_orphans(id);
        Ok(())
    }

    fn install(&mut self, id: &ActorId, mut running: Running) {
        running.refresh_queries(&mut self.world);
        if let Some(actor) = self.actors.get_mut(id) {
            actor.running = Some(Box::new(running));
        }
    }

    /// Writes an actor's first context, then runs the entry actions of its initial state.
    fn found(&mut self, id: &ActorId, mut running: Running) -> Result<(), WriteError> {
        let Some(actor) = self.actors.get(id) else {
            return Ok(());
        };
        let is_own = actor.space == self.world.node.own_group();
        let now = self.world.now;
        let stamp = if is_own {
            Stamp::Founding
        } else {
            Stamp::Now(now)
        };
        let context = actor.context.clone();
        let values = [
            (Named::Context(id), &actor.context),
            (Named::Inbox(id), &actor.inbox),
        ];
        for (named, value) in values {
            if !self.world.node.is_loaded(value) {
                self.world.node.create(named.value(&actor.space), now)?;
            }
        }
        let initial = running.current();
        running.take_step(initial);
        let version = running.definition.migrations.stored_version();
        running.memory.set_version(version);
        self.write_context(id, &mut running, stamp)?;
        self.world.note_present(&context);
        self.install(id, running);
        self.with_running(id, |engine, running| engine.start(id, running));
        Ok(())
    }

    fn start(&mut self, id: &ActorId, running: &mut Running) {
        if let Err(error) = self.step(id, running, &Input::Start) {
            self.warn(id, error.code(), error.to_string());
        }
    }

    /// A document changed: the actor goes on under the new definition, in the state it is in.
    pub(super) fn reload_definition(&mut self, id: &ActorId) {
        let Some(actor) = self.actors.get(id) else {
            return;
        };
        let space = actor.space.clone();
        let Some(source) = actor.documents.resolve(&mut self.world.node) else {
            return;
        };
        match self.compile(&source) {
            Ok(definition) => self.adopt_definition(id, &space, &definition),
            Err(error) => self.fail(id, error.into()),
        }
    }

    fn tell_remarks(&mut self, id: &ActorId, definition: &ActorDefinition) {
        for remark in definition.machine.unreachable() {
            self.warn(id, "PLEIONE_W_UNREACHABLE", remark.to_string());
        }
        for remark in &definition.remarks {
            self.warn(id, "PLEIONE_W_UNKNOWN_KEY", remark.to_string());
        }
    }

    pub(super) fn fail(&mut self, id: &ActorId, error: ActorError) {
        if self.tell_of_failure(id, error.to_string()) {
            return;
        }
        self.effects.push_back(Effect::ActorFailed {
            actor: id.clone(),
            error,
        });
    }

    fn adopt_definition(&mut self, id: &ActorId, space: &CoId, definition: &Rc<ActorDefinition>) {
        let keeps_history = self
            .actors
            .get(id)
            .is_some_and(|actor| actor.keep.is_some());
        let missing = self.with_running(id, |engine, running| {
            let stored = running.memory.stored();
            let now_ms = engine.world.now_ms();
            let readable = definition.migrations.apply(&stored, now_ms);
            readable.map_err(|cause| unreadable(id, cause))?;
            running.release(&mut engine.world);
            if let Some(sheet) = running.definition.sheet {
                engine.styles.release(sheet);
            }
            let children = std::mem::take(&mut running.children);
            let before = running.snapshot.clone();
            let mut recording = running.recording.take().unwrap_or_default();
            recording.base = Some(Base::Restored);
            *running = Running::new(definition, Memory::default(), space, &mut engine.world);
            running.children = children;
            running.recording = keeps_history.then_some(recording);
            let missing = running
                .read(&stored, now_ms)
                .map_err(|cause| unreadable(id, cause))?;
            running.snapshot.carry_visits(&before);
            running.restore_queries(space, &mut engine.world)?;
            Ok::<_, ActorError>(missing)
        });
        match missing {
            Some(Ok(Some(missing))) => self.warn_of_missing_state(id, &missing),
            Some(Err(error)) => self.fail(id, error),
            _ => {}
        }
        self.tell_remarks(id, definition);
        self.mark_changed(id);
    }

    /// Ends an actor here that another device took on to a newer version.
    pub(super) fn end_unreadable(&mut self, id: &ActorId, cause: Unreadable) {
        self.destroy_actor(id, self.world.now);
        self.fail(id, unreadable(id, cause));
    }

    /// Ends an actor and its children here. What is stored stays.
    pub fn destroy_actor(&mut self, id: &ActorId, now: Timestamp) {
        let Some(actor) = self.take_out(id) else {
            return;
        };
        self.pending_rerenders.remove(id);
        self.changed_contexts.remove(id);
        self.give_up_calls(id);
        self.published.forget(id);
        let Some(running) = actor.running else { return };
        self.world.now = now;
        running.release(&mut self.world);
        if let Some(sheet) = running.definition.sheet {
            self.styles.release(sheet);
        }
        for child in running.children.values() {
            self.destroy_actor(child, now);
        }
    }
}

fn unreadable(actor: &ActorId, cause: Unreadable) -> ActorError {
    ActorError::Unreadable {
        actor: actor.to_string(),
        cause,
    }
}
