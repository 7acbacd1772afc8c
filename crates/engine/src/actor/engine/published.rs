//! Definitions as values: published once, live wherever they run.
//!
//! A published definition is a map in the actor's space, a document under each key; so an edit of one document is one write.
//! The account's own space lists what it has published, by the actor's name, so that another device can host it unasked.

use std::sync::Arc;

use cojson::collections::OrderedMap;
use cojson::ids::{CoId, Timestamp};
use cojson::json::Json;
use cojson::node::{Stamp, WriteError};
use cojson::view::MapView;

use super::super::ActorId;
use super::super::definition::identity;
use super::super::documents::Documents;
use super::super::space::Named;
use super::ActorEngine;
use crate::definition_error::{DefinitionError, Place};

/// The definitions that are followed, and the actors that they became.
#[derive(Default)]
pub(super) struct Published {
    /// None until the definition can be read.
    followed: OrderedMap<CoId, Option<ActorId>>,
    /// The list of the account's, if all of them are hosted here.
    listed: Option<CoId>,
}

impl Published {
    /// The actor is gone: its definition is followed no more.
    pub(super) fn forget(&mut self, id: &ActorId) {
        self.followed.retain(|_, actor| actor.as_ref() != Some(id));
    }
}

impl ActorEngine {
    /// Asks for the values that publishing this definition writes to. Once each is [settled](Self::is_settled),
    /// [`publish`](Self::publish) can be called.
    pub fn prepare_publishing(&mut self, definition: &Json) -> Result<[CoId; 2], DefinitionError> {
        let (actor, space) = identity(definition)?;
        Documents::of(definition, &Place::root("actor"))?;
        let own = self.world.node.own_group();
        let space = space.unwrap_or_else(|| own.clone());
        self.world.load(&space);
        let values = [
            Named::Definition(&actor).id(&space, &self.world.node),
            Named::Definitions.id(&own, &self.world.node),
        ];
        for id in &values {
            self.world.load(id);
        }
        Ok(values)
    }

    /// Whether it is known what the value is, or that there is none: then it may be written to.
    pub fn is_settled(&self, id: &CoId) -> bool {
        self.world.is_settled(id)
    }

    /// Writes a definition to a value of its own, or what differs from what is there, and lists it. Returns the value's id,
    /// the same each time and on every device.
    pub fn publish(&mut self, definition: &Json, now: Timestamp) -> Result<CoId, PublishError> {
        let (actor, space) = identity(definition)?;
        let own = self.world.node.own_group();
        let space = space.unwrap_or_else(|| own.clone());
        let id = self.write_map(&Named::Definition(&actor), &space, definition, now)?;
        let list = self
            .world
            .node
            .create(Named::Definitions.value(&own), now)?;
        let listed = self
            .world
            .node
            .map(&list)
            .and_then(|map| map.get(actor.as_str()));
        if listed.and_then(Json::as_str) != Some(id.as_str()) {
            let entry = (actor.as_str().into(), id.as_str().into());
            self.world.node.map_set(&list, &[entry], Stamp::Now(now))?;
            self.changed(&list);
        }
        Ok(id)
    }

    /// Makes a named map say what this object says.
    fn write_map(
        &mut self,
        named: &Named<'_>,
        space: &CoId,
        content: &Json,
        now: Timestamp,
    ) -> Result<CoId, WriteError> {
        let id = self.world.node.create(named.value(space), now)?;
        let there = self
            .world
            .node
            .map(&id)
            .map(MapView::to_json)
            .unwrap_or_default();
        let wanted = content.as_object().into_iter().flatten();
        let mut entries: Vec<(Arc<str>, Option<Json>)> = wanted
            .filter(|(key, value)| there.get(key) != Some(value))
            .map(|(key, value)| (Arc::clone(key), Some(value.clone())))
            .collect();
        let gone = there.as_object().into_iter().flatten();
        let gone = gone.filter(|(key, _)| content.get(key).is_none());
        entries.extend(gone.map(|(key, _)| (Arc::clone(key), None)));
        if !entries.is_empty() {
            self.world.node.map_write(&id, &entries, Stamp::Now(now))?;
        }
        self.changed(&id);
        Ok(id)
    }

    /// Creates or restores the actor of a published definition, and follows the definition from then on. `None` while it
    /// cannot be read: the actor begins once it can.
    pub fn open_published(&mut self, id: &CoId) -> Result<Option<ActorId>, DefinitionError> {
        if !self.published.followed.contains_key(id) {
            self.published.followed.insert(id.clone(), None);
            self.world.load(id);
        }
        self.follow(id)
    }

    /// Hosts every actor whose definition the account has published, now or later.
    pub fn open_all_published(&mut self) {
        let own = self.world.node.own_group();
        let list = Named::Definitions.id(&own, &self.world.node);
        self.world.load(&list);
        self.published.listed = Some(list);
        self.follow_list();
    }

    fn follow_list(&mut self) {
        let list = self.published.listed.clone();
        let map = list.and_then(|list| Some(self.world.node.map(&list)?.to_json()));
        let listed = map.as_ref().and_then(Json::as_object).into_iter().flatten();
        let ids = listed.filter_map(|(_, id)| CoId::parse(id.as_str()?).ok());
        for id in ids.collect::<Vec<_>>() {
            if !self.published.followed.contains_key(&id) {
                self.open_and_tell(&id);
            }
        }
    }

    /// A value is there or has changed: if it is a definition that is followed, its actor is.
    pub(super) fn follow_published(&mut self, id: &CoId) {
        if self.published.listed.as_ref() == Some(id) {
            self.follow_list();
        }
        if self.published.followed.contains_key(id) {
            self.open_and_tell(id);
        }
    }

    fn open_and_tell(&mut self, id: &CoId) {
        if let Err(error) = self.open_published(id) {
            let known = self.published.followed.get(id).cloned().flatten();
            let actor = known.unwrap_or_else(|| ActorId::new(id.as_str()));
            self.fail(&actor, error.into());
        }
    }

    fn follow(&mut self, id: &CoId) -> Result<Option<ActorId>, DefinitionError> {
        let Some(source) = self.world.node.map(id).map(MapView::to_json) else {
            return Ok(None);
        };
        let known = self.published.followed.get(id).cloned().flatten();
        let (actor, _) = identity(&source)?;
        if let Some(known) = known.filter(|known| *known != actor) {
            let place = Place::root("actor").key("id");
            return Err(place.error_text(format!("the id that it has, {known}"), actor.to_string()));
        }
        let actor = self.create_in(&source, None)?;
        self.published
            .followed
            .insert(id.clone(), Some(actor.clone()));
        Ok(Some(actor))
    }
}

/// Why a definition is not published.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PublishError {
    /// It is none.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}
