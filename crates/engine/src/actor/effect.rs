//! What the actor engine wants done: the host carries it out and answers with an input. Nothing here does anything.

use std::sync::Arc;

use cojson::json::Json;
use cojson::json::quoted;
use cojson::node::WriteError;

use super::{ActorId, Ticket, Tickets, Unreadable};
use crate::definition_error::DefinitionError;
use crate::machine::{CallId, ToolFailure};
use crate::schema::Violation;

/// A thing for the host to do.
#[derive(Debug)]
pub enum Effect {
    /// The node's own: load from storage, store, send to a peer, count a refusal, tell that a value is nowhere.
    Node(cojson::sync::Effect),
    /// The actor is restored or newly founded: it takes events and can be rendered.
    ActorReady(ActorId),
    /// The actor could not be made.
    ActorFailed {
        /// Which one.
        actor: ActorId,
        /// Why.
        error: ActorError,
    },
    /// Call an application's tool; answer with `tool_finished`.
    CallTool {
        /// The call, and its idempotency key.
        call: CallId,
        /// Whose machine calls.
        actor: ActorId,
        /// The registered name.
        tool: Arc<str>,
        /// The evaluated payload.
        payload: Json,
    },
    /// Nobody waits for that call any more: end it. It needs no answer, and one that comes is for nobody.
    CancelCall(CallId),
    /// An actor that a state invoked has come to its end here, with those in its slots.
    ActorEnded(ActorId),
    /// Accepted sends are done, and what they changed is durable here; or they were refused.
    Handled {
        /// Which sends.
        tickets: Tickets,
        /// Whether a transition took the event; `false` if the active state has none for it or its guard said no.
        outcome: Result<bool, SendError>,
    },
    /// What came of an accepted `ask`.
    Answered {
        /// Which `ask`.
        ticket: Ticket,
        /// The answer's payload, or why there is none.
        outcome: Result<Json, ToolFailure>,
    },
    /// Some actor's screen is out of date: render what `take_pending_rerenders` names in the next frame.
    Rerender,
    /// Request the actor's lock, so that one tab drives it for messages from others; `set_driver` when obtained.
    Claim(ActorId),
    /// Something a developer should know.
    Warning(Warning),
}

/// Something that was put right or left out, for a developer to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// A stable code for programs.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
    /// The actor it is about.
    pub actor: ActorId,
}

/// Why an actor could not be made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ActorError {
    /// A document of its definition is wrong.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// What is stored of it is of another version of its definition.
    #[error("the actor {} cannot be restored: {cause}", quoted(actor))]
    Unreadable {
        /// The actor's id.
        actor: String,
        /// Which version, and why.
        #[source]
        cause: Unreadable,
    },
    /// Its first context could not be written.
    #[error("the context of actor {} could not be written: {cause}", quoted(actor))]
    Write {
        /// The actor's id.
        actor: String,
        /// What the data layer said.
        #[source]
        cause: WriteError,
    },
}

/// Why an actor's history cannot be told.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HistoryError {
    /// No such actor is running.
    #[error("no actor {0} is running: create it with runtime.actor(definition) first")]
    NoActor(ActorId),
    /// Its definition does not ask for it.
    #[error("the actor {0} keeps no history: write \"history\": true into its definition")]
    NotKept(ActorId),
}

impl HistoryError {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoActor(_) => "PLEIONE_E_NO_ACTOR",
            Self::NotKept(_) => "PLEIONE_E_NO_HISTORY",
        }
    }
}

/// Why an event was not handled.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SendError {
    /// No such actor is running.
    #[error("no actor {0} is running: create it with runtime.actor(definition) first")]
    NoActor(ActorId),
    /// The actor's contract does not name the type.
    #[error(
        "actor {actor} takes no {}: its messageTypes are {known}",
        quoted(event_type)
    )]
    NotInContract {
        /// The actor.
        actor: ActorId,
        /// The event's type.
        event_type: Arc<str>,
        /// The types that the contract names.
        known: String,
    },
    /// The payload does not satisfy the type's schema.
    #[error("the payload of {} for actor {actor} is not valid: {}", quoted(event_type), first(.violations))]
    InvalidPayload {
        /// The actor.
        actor: ActorId,
        /// The event's type.
        event_type: Arc<str>,
        /// Every rule that it breaks.
        violations: Vec<Violation>,
    },
    /// An expression of the definition could not be evaluated.
    #[error("actor {actor} could not handle {}: {message}", quoted(event_type))]
    Step {
        /// The actor.
        actor: ActorId,
        /// The event's type.
        event_type: Arc<str>,
        /// What went wrong, and where in the definition.
        message: String,
    },
    /// What the event changed could not be written; the actor is back in the state it was in.
    #[error("what actor {actor} changed could not be written: {cause}")]
    Write {
        /// The actor.
        actor: ActorId,
        /// What the data layer said.
        #[source]
        cause: WriteError,
    },
    /// A message could not be told.
    #[error("actor {actor} could not tell its message: {message}")]
    NotTold {
        /// The actor.
        actor: ActorId,
        /// What is in the way.
        message: String,
    },
    /// The host's storage refused the write. It is tried again with the next one.
    #[error("what was changed is not stored yet: the device's storage refused it")]
    Storage,
}

impl SendError {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoActor(_) => "PLEIONE_E_NO_ACTOR",
            Self::NotInContract { .. } => "PLEIONE_E_NOT_IN_CONTRACT",
            Self::InvalidPayload { .. } => "PLEIONE_E_INVALID_PAYLOAD",
            Self::Step { .. } => "PLEIONE_E_STEP",
            Self::Write { .. } => "PLEIONE_E_WRITE",
            Self::NotTold { .. } => "PLEIONE_E_NOT_TOLD",
            Self::Storage => "PLEIONE_E_STORAGE",
        }
    }
}

fn first(violations: &[Violation]) -> String {
    violations.first().map_or_else(String::new, |violation| {
        format!("{} {}", violation.path, violation.message)
    })
}
