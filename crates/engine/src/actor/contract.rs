//! An actor's contract: the message types that it takes, and the schema of each one's payload.

use std::sync::Arc;

use cojson::collections::OrderedMap;
use cojson::json::Json;

use super::{ActorId, SendError};
use crate::definition_error::{DefinitionError, Place, one_of};
use crate::machine::Event;
use crate::schema::{PatternCompiler, Schema};

/// What `messageTypes` says. A definition without one takes whatever its machine takes.
pub(crate) struct Contract {
    types: Option<OrderedMap<Arc<str>, Option<Schema>>>,
}

impl Contract {
    /// Reads `messageTypes`: a list of names, or an object of payload schemas by name (`true`: any payload).
    pub(crate) fn compile(
        message_types: Option<&Json>,
        place: &Place,
        patterns: &dyn PatternCompiler,
    ) -> Result<Self, DefinitionError> {
        let types = match message_types {
            None | Some(Json::Null) => None,
            Some(Json::Array(names)) => Some(named_types(names, place)?),
            Some(Json::Object(schemas)) => {
                let compile = |(name, schema): (&Arc<str>, &Json)| {
                    let schema = Schema::compile(schema, patterns)
                        .map_err(|error| error.at(&place.key(name)))?;
                    Ok((Arc::clone(name), Some(schema)))
                };
                Some(schemas.iter().map(compile).collect::<Result<_, _>>()?)
            }
            Some(other) => {
                return Err(place.error("a list of names or an object of schemas", other));
            }
        };
        Ok(Self { types })
    }

    /// The types that may arrive; `None` if any may.
    pub(crate) fn types(&self) -> Option<Vec<&str>> {
        self.types
            .as_ref()
            .map(|types| types.keys().map(AsRef::as_ref).collect())
    }

    /// Checks a message that arrives from outside: its type, then its payload.
    pub(crate) fn check(&self, actor: &ActorId, event: &Event) -> Result<(), SendError> {
        let Some(types) = &self.types else {
            return Ok(());
        };
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
}

fn named_types(
    names: &[Json],
    place: &Place,
) -> Result<OrderedMap<Arc<str>, Option<Schema>>, DefinitionError> {
    let name = |(index, name): (usize, &Json)| match name {
        Json::String(name) => Ok((Arc::clone(name), None)),
        other => Err(place.index(index).error("a message type's name", other)),
    };
    names.iter().enumerate().map(name).collect()
}
