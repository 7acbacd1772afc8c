//! Definitions by what they say: actors that differ in nothing but their names run the same compiled one, and keep one text.

use std::rc::{Rc, Weak};

use cojson::json::Json;

use super::definition::ActorDefinition;

/// How many are known at once; one more, and they are met anew. A live edit makes a new one with each change.
const KNOWN_MAX: usize = 16;

/// What tells actors of one definition apart.
const NAMES: [&str; 2] = ["id", "space"];

/// The definitions that were met lately.
#[derive(Default)]
pub(crate) struct SharedDefinitions(Vec<Known>);

struct Known {
    body: Json,
    /// Nothing while no actor runs it.
    compiled: Weak<ActorDefinition>,
}

impl SharedDefinitions {
    /// What a definition says without what names its actor: the very same for all that say it.
    pub(crate) fn body(&mut self, definition: &Json) -> Json {
        let members = definition.as_object().into_iter().flatten();
        let members = members.filter(|(name, _)| !NAMES.contains(&&***name));
        let body = Json::object(members.map(|(name, value)| (name.clone(), value.clone())));
        let known = self.known(&body).map(|known| known.body.clone());
        known.unwrap_or(body)
    }

    /// What was compiled of a body, if an actor runs it already.
    pub(crate) fn running(&mut self, body: &Json) -> Option<Rc<ActorDefinition>> {
        self.known(body)?.compiled.upgrade()
    }

    /// A body was compiled.
    pub(crate) fn note(&mut self, body: &Json, definition: &Rc<ActorDefinition>) {
        if let Some(known) = self.known(body) {
            known.compiled = Rc::downgrade(definition);
        }
    }

    fn known(&mut self, body: &Json) -> Option<&mut Known> {
        let is_known = |known: &Known| known.body.is_same(body) || known.body == *body;
        if let Some(place) = self.0.iter().position(is_known) {
            return self.0.get_mut(place);
        }
        if self.0.len() == KNOWN_MAX {
            self.0.clear();
        }
        self.0.push(Known {
            body: body.clone(),
            compiled: Weak::new(),
        });
        self.0.last_mut()
    }
}
