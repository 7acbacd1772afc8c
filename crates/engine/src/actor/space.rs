//! The space an actor lives in: one group, and the values that are known in it by name.

use cojson::header::{Header, Uniqueness, ValueType};
use cojson::ids::CoId;
use cojson::json::Json;
use cojson::node::{NewValue, Node};

use super::ActorId;

/// A value that every device of the space can name without having heard of it.
pub(crate) enum Named<'a> {
    /// An actor's context, a map.
    Context(&'a ActorId),
    /// An actor's inbox, a stream of `{type, payload, source}`.
    Inbox(&'a ActorId),
    /// What an actor makes known that it may be told, a map of JSON Schemas by message type.
    Interface(&'a ActorId),
    /// An actor's published definition, a map.
    Definition(&'a ActorId),
    /// What an account has published, a map of definitions' ids by actor.
    Definitions,
    /// A collection, a list of its items' ids.
    Collection(&'a str),
    /// What an actor did, a stream of [`history`](super::history) items; of one period, if it is kept by periods.
    History(&'a ActorId, Option<u64>),
}

/// The actor that a value is a part of, as its header has it.
pub(crate) fn actor_of(header: &Header) -> Option<ActorId> {
    match &header.uniqueness {
        Uniqueness::Names(names) => Some(ActorId::new(names.get("actor")?.as_str()?)),
        _ => None,
    }
}

impl Named<'_> {
    fn value_type(&self) -> ValueType {
        match self {
            Self::Context(_) | Self::Interface(_) | Self::Definition(_) | Self::Definitions => {
                ValueType::CoMap
            }
            Self::Inbox(_) | Self::History(..) => ValueType::CoStream,
            Self::Collection(_) => ValueType::CoList,
        }
    }

    fn uniqueness(&self) -> Uniqueness {
        match self {
            Self::Context(actor) => {
                Uniqueness::named([("actor", actor.as_str()), ("part", "context")])
            }
            Self::Inbox(actor) => Uniqueness::named([("actor", actor.as_str()), ("part", "inbox")]),
            Self::Interface(actor) => {
                Uniqueness::named([("actor", actor.as_str()), ("part", "interface")])
            }
            Self::Definition(actor) => {
                Uniqueness::named([("actor", actor.as_str()), ("part", "definition")])
            }
            Self::Definitions => Uniqueness::named([("part", "definitions")]),
            Self::Collection(name) => Uniqueness::named([("collection", *name)]),
            Self::History(actor, period) => {
                let named = [("actor", actor.as_str()), ("part", "history")];
                let period = period.map(|period| period.to_string());
                let period = period.as_deref().map(|period| ("period", period));
                Uniqueness::named(named.into_iter().chain(period))
            }
        }
    }

    /// The value's id in that space: the same on every device.
    pub(crate) fn id(&self, space: &CoId, node: &Node) -> CoId {
        node.named_id(&self.value(space))
    }

    /// The value as it is made.
    pub(crate) fn value(&self, space: &CoId) -> NewValue {
        NewValue {
            value_type: self.value_type(),
            owner: space.clone(),
            uniqueness: self.uniqueness(),
            meta: Json::Null,
        }
    }
}
