//! An actor's contract: the message types that it takes, and the schema of each one's payload.

use std::sync::Arc;

use cojson::collections::OrderedMap;
use cojson::json::{Json, JsonObject};

use super::{ActorId, SendError};
use crate::definition_error::{DefinitionError, Place, one_of};
use crate::machine::Event;
use crate::schema::{PatternCompiler, Schema};

/// What `messageTypes` and `interface` say. A definition without them takes whatever its machine takes.
pub(crate) struct Contract {
    types: Option<Types>,
    /// What other actors may tell it, where that is not the same.
    interface: Option<Types>,
    /// The interface as it is made known to them.
    source: Option<Json>,
}

type Types = OrderedMap<Arc<str>, Option<Schema>>;

impl Contract {
    /// Reads `messageTypes`: a list of names, or an object of payload schemas by name (`true`: any payload).
    pub(crate) fn compile(
        message_types: Option<&Json>,
        interface: Option<&Json>,
        place: &Place,
        patterns: &dyn PatternCompiler,
    ) -> Result<Self, DefinitionError> {
        let types_place = place.key("messageTypes");
        let types = match message_types {
            None | Some(Json::Null) => None,
            Some(Json::Array(names)) => Some(named_types(names, &types_place)?),
            Some(Json::Object(schemas)) => Some(typed(schemas, &types_place, patterns)?),
            Some(other) => {
                return Err(types_place.error("a list of names or an object of schemas", other));
            }
        };
        let place = place.key("interface");
        let source = interface.filter(|interface| !interface.is_null()).cloned();
        let interface = match &source {
            None => None,
            Some(Json::Object(schemas)) => Some(typed(schemas, &place, patterns)?),
            Some(other) => {
                return Err(place.error("an object of JSON Schemas by message type", other));
            }
        };
        Ok(Self {
            types,
            interface,
            source,
        })
    }

    /// What it makes known to other actors.
    pub(crate) fn interface(&self) -> Option<&Json> {
        self.source.as_ref()
    }

    /// The types that may arrive; `None` if any may.
    pub(crate) fn types(&self) -> Option<Vec<&str>> {
        let own = self.types.as_ref()?.keys();
        let told = self.interface.iter().flat_map(OrderedMap::keys);
        Some(own.chain(told).map(AsRef::as_ref).collect())
    }

    /// Checks what another actor tells: by the interface, or else as everything else.
    pub(crate) fn check_told(&self, actor: &ActorId, event: &Event) -> Result<(), SendError> {
        match &self.interface {
            Some(interface) => check(interface, actor, event),
            None => self.check(actor, event),
        }
    }

    /// Checks an event that the host gives it: its type, then its payload.
    pub(crate) fn check(&self, actor: &ActorId, event: &Event) -> Result<(), SendError> {
        let types = self.types.as_ref();
        types.map_or(Ok(()), |types| check(types, actor, event))
    }
}

fn check(types: &Types, actor: &ActorId, event: &Event) -> Result<(), SendError> {
    let Some(schema) = types.get(&event.event_type) else {
        return Err(SendError::NotInContract {
            actor: actor.clone(),
            event_type: Arc::clone(&event.event_type),
            known: one_of(types.keys().map(AsRef::as_ref)),
        });
    };
    let Some(schema) = schema else { return Ok(()) };
    schema
        .validate(&event.payload)
        .map_err(|violations| SendError::InvalidPayload {
            actor: actor.clone(),
            event_type: Arc::clone(&event.event_type),
            violations,
        })
}

fn typed(
    schemas: &JsonObject,
    place: &Place,
    patterns: &dyn PatternCompiler,
) -> Result<Types, DefinitionError> {
    let compile = |(name, schema): (&Arc<str>, &Json)| {
        let schema = Schema::compile(schema, patterns);
        let schema = schema.map_err(|error| error.at(&place.key(name)))?;
        Ok((Arc::clone(name), Some(schema)))
    };
    schemas.iter().map(compile).collect()
}

fn named_types(names: &[Json], place: &Place) -> Result<Types, DefinitionError> {
    let name = |(index, name): (usize, &Json)| match name {
        Json::String(name) => Ok((Arc::clone(name), None)),
        other => Err(place.index(index).error("a message type's name", other)),
    };
    names.iter().enumerate().map(name).collect()
}
