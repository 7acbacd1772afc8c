//! What is asked of the host, and what it answers.

use cojson::ids::CoId;
use cojson::json::Json;
use engine::actor::{ActorId, HistoryError, SendError};
use engine::machine::{Event, ToolFailure};
use tokio::sync::oneshot;

use super::Host;
use crate::account::AccountOutcome;

/// A question, and where the answer goes.
#[derive(Debug)]
pub(crate) enum Request {
    /// Give an actor an event.
    Send {
        /// Which one.
        actor: ActorId,
        /// The event.
        event: Event,
        /// Under what it may be given again.
        key: Option<String>,
        /// Whether it was handled, when what it changed is durable.
        answer: oneshot::Sender<Result<bool, SendError>>,
    },
    /// Ask an actor something.
    Ask {
        /// The question: `{target, type, payload, timeout}`.
        question: Json,
        /// Whom.
        actor: ActorId,
        /// What it answers.
        answer: oneshot::Sender<Result<Json, AskError>>,
    },
    /// How is it?
    Health(oneshot::Sender<Health>),
    /// Who is it?
    Profile(oneshot::Sender<Profile>),
    /// What does an actor know?
    Actor(ActorId, oneshot::Sender<Option<ActorView>>),
    /// What did an actor do?
    History(ActorId, oneshot::Sender<Result<Json, HistoryError>>),
}

/// Why a question has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AskError {
    /// It could not be asked.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The actor refused it, did not take it, or did not answer in time.
    #[error(transparent)]
    Refused(#[from] ToolFailure),
}

/// How far this agent and the server agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncState {
    /// There is no server.
    Off,
    /// It cannot be reached.
    Offline,
    /// It does not have everything yet.
    Syncing,
    /// It has everything.
    Synced,
}

impl SyncState {
    /// The state as one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Offline => "offline",
            Self::Syncing => "syncing",
            Self::Synced => "synced",
        }
    }
}

/// How a host is.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Whether storage takes what is changed, and the actors that were named run.
    pub is_well: bool,
    /// How many actors run.
    pub actors_count: usize,
    /// How far it and the server agree.
    pub sync: SyncState,
    /// How many transactions the server does not have.
    pub pending_uploads: u64,
}

/// Who a host is.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The account.
    pub account: CoId,
    /// The name in its profile.
    pub name: Option<String>,
    /// How the account came to be here, once that is known.
    pub outcome: Option<AccountOutcome>,
    /// The actors that run.
    pub actors: Vec<ActorId>,
}

/// An actor as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct ActorView {
    /// The active state.
    pub state: Json,
    /// What it knows, with its queries' results in place.
    pub context: Json,
}

impl Host {
    pub(super) fn answer(&mut self, request: Request) {
        match request {
            Request::Send {
                actor,
                event,
                key,
                answer,
            } => {
                let sent = match key {
                    Some(key) => self.engine.send_once(&actor, event, &key),
                    None => self.engine.send(&actor, event),
                };
                match sent {
                    Ok(ticket) => drop(self.sent.insert(ticket, answer)),
                    Err(error) => drop(answer.send(Err(error))),
                }
            }
            // The actor asks itself, so that the answer finds its way wherever it comes from.
            Request::Ask {
                actor,
                question,
                answer,
            } => match self.engine.ask(&actor, &question) {
                Ok(ticket) => drop(self.asked.insert(ticket, answer)),
                Err(error) => drop(answer.send(Err(error.into()))),
            },
            Request::Health(answer) => drop(answer.send(self.health())),
            Request::Profile(answer) => drop(answer.send(self.who())),
            Request::Actor(actor, answer) => drop(answer.send(self.view_of(&actor))),
            Request::History(actor, answer) => {
                drop(answer.send(self.engine.history(&actor)));
            }
        }
    }

    fn health(&self) -> Health {
        let unsent = self.engine.unsent();
        let sync = match (&self.sync, &self.line) {
            (None, _) => SyncState::Off,
            (_, None) => SyncState::Offline,
            _ if unsent.is_nothing => SyncState::Synced,
            _ => SyncState::Syncing,
        };
        Health {
            is_well: self.refused.is_none() && self.started().is_some(),
            actors_count: self.founding.ready.len(),
            sync,
            pending_uploads: self.sync.as_ref().map_or(0, |_| unsent.transactions),
        }
    }

    fn who(&mut self) -> Profile {
        Profile {
            account: self.engine.node().account_id().clone(),
            name: self.name_in_profile(),
            outcome: self.founding.outcome,
            actors: self.founding.ready.iter().cloned().collect(),
        }
    }

    fn view_of(&self, actor: &ActorId) -> Option<ActorView> {
        Some(ActorView {
            state: self.engine.state(actor)?,
            context: self.engine.context_store(actor)?.value(),
        })
    }
}
