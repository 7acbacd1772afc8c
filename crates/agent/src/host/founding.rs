//! How the account and the actors come to be there, and what came of it.

use std::collections::BTreeSet;

use cojson::header::{Uniqueness, ValueType};
use cojson::ids::CoId;
use cojson::json::Json;
use cojson::node::{NewValue, Stamp};
use cojson::sync::SyncMessage;
use engine::actor::{ActorError, ActorId};
use engine::definition_error::DefinitionError;

use super::{Host, HostError, Started};
use crate::account::AccountOutcome;
use crate::clock::now;

/// Which actors a host is to run.
#[derive(Debug)]
pub(super) enum Wanted {
    /// Those that the command line names.
    Named {
        /// Definitions, inline.
        definitions: Vec<Json>,
        /// Values that hold one.
        published: Vec<CoId>,
    },
    /// Every one that the account has published.
    AllPublished,
}

/// What is known of the account, and which actors are still to run.
#[derive(Debug)]
pub(super) struct Founding {
    account: CoId,
    has_sync: bool,
    pub(super) outcome: Option<AccountOutcome>,
    /// What is to run once the account is there; then none.
    wanted: Option<Wanted>,
    awaited: BTreeSet<ActorId>,
    pub(super) ready: BTreeSet<ActorId>,
    profile: ProfileStep,
}

/// How far the profile is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProfileStep {
    ToBeLoaded,
    ToBeWritten,
    Written,
}

impl Founding {
    pub(super) fn new(account: CoId, has_sync: bool, wanted: Wanted) -> Self {
        Self {
            account,
            has_sync,
            outcome: None,
            wanted: Some(wanted),
            awaited: BTreeSet::new(),
            ready: BTreeSet::new(),
            profile: ProfileStep::ToBeLoaded,
        }
    }

    /// Storage said what it has of a value.
    pub(super) fn note_stored(&mut self, id: &CoId, is_there: bool) {
        if *id == self.account && is_there {
            self.decide(AccountOutcome::LoadedFromStorage);
        } else if *id == self.account && !self.has_sync {
            self.decide(AccountOutcome::CreatedOffline);
        }
    }

    /// The server said something; its first word of the account tells whether it knew it.
    pub(super) fn note_message(&mut self, message: &SyncMessage) {
        if self.outcome.is_some() || message.id() != Some(&self.account) {
            return;
        }
        let is_known = match message {
            SyncMessage::Known(known) => known.state.header,
            SyncMessage::Content(_) => true,
            _ => return,
        };
        self.decide(if is_known {
            AccountOutcome::LoadedFromServer
        } else {
            AccountOutcome::Created
        });
    }

    /// The server says nothing.
    pub(super) fn note_silence(&mut self) {
        self.decide(AccountOutcome::CreatedOffline);
    }

    fn decide(&mut self, outcome: AccountOutcome) {
        self.outcome.get_or_insert(outcome);
    }

    pub(super) fn note_ready(&mut self, actor: &ActorId) {
        self.awaited.remove(actor);
        self.ready.insert(actor.clone());
    }

    pub(super) fn note_ended(&mut self, actor: &ActorId) {
        self.ready.remove(actor);
    }
}

impl Host {
    /// Begins the actors once the account is there; whether the engine has something to do now.
    pub(super) fn begin_actors(&mut self) -> bool {
        if self.founding.outcome.is_none() || !self.engine.is_founded() {
            return false;
        }
        let wanted = self.founding.wanted.take();
        let has_begun = wanted.is_some();
        match wanted {
            Some(Wanted::AllPublished) => self.engine.open_all_published(),
            Some(Wanted::Named {
                definitions,
                published,
            }) => {
                for definition in definitions {
                    let begun = self.engine.create_actor(&definition);
                    self.await_actor(begun.map(Some));
                }
                for id in published {
                    let begun = self.engine.open_published(&id);
                    if matches!(begun, Ok(None)) {
                        tracing::info!(
                            "the definition {id} is not here yet; its actor runs once it is"
                        );
                    }
                    self.await_actor(begun);
                }
            }
            None => {}
        }
        self.write_profile() || has_begun
    }

    fn await_actor(&mut self, begun: Result<Option<ActorId>, DefinitionError>) {
        match begun {
            Ok(actor) => self.founding.awaited.extend(actor),
            Err(error) => self.failure = Some(error.into()),
        }
    }

    /// What the host is, once everything it was to begin with is there.
    pub(super) fn started(&self) -> Option<Started> {
        let founding = &self.founding;
        let is_up = founding.wanted.is_none() && founding.awaited.is_empty();
        let outcome = founding
            .outcome
            .filter(|_| is_up && self.engine.is_founded())?;
        Some(Started {
            account: founding.account.clone(),
            outcome,
            actors: founding.ready.iter().cloned().collect(),
        })
    }

    /// An actor that was named must run; one that ran goes on as it was.
    pub(super) fn actor_failed(&mut self, actor: ActorId, error: ActorError) {
        tracing::error!(%actor, "{error}");
        if self.founding.awaited.remove(&actor) {
            self.failure = Some(HostError::Actor { actor, error });
        }
    }

    /// The profile: a map of the account's own group that every device of it can name.
    fn profile(&self) -> NewValue {
        NewValue {
            value_type: ValueType::CoMap,
            owner: self.engine.node().own_group(),
            uniqueness: Uniqueness::named([("part", "profile")]),
            meta: Json::Null,
        }
    }

    /// The name in the profile, if it can be read by now.
    pub(super) fn name_in_profile(&mut self) -> Option<String> {
        let id = self.engine.node().named_id(&self.profile());
        let map = self.engine.node_mut().map(&id)?;
        map.get("name")?.as_str().map(str::to_owned)
    }

    /// Writes the name that the settings give, if the profile has another one. Whether it came a step further.
    fn write_profile(&mut self) -> bool {
        let Some(name) = self.profile_name.clone() else {
            return false;
        };
        let profile = self.profile();
        let id = self.engine.node().named_id(&profile);
        match self.founding.profile {
            ProfileStep::Written => return false,
            ProfileStep::ToBeLoaded => {
                self.founding.profile = ProfileStep::ToBeWritten;
                self.engine.node_mut().load(&id);
                return true;
            }
            // Nothing is written before storage said what there is.
            ProfileStep::ToBeWritten if self.engine.node().replica().is_asked_of_storage(&id) => {
                return false;
            }
            ProfileStep::ToBeWritten => self.founding.profile = ProfileStep::Written,
        }
        if self.name_in_profile().as_ref() == Some(&name) {
            return true;
        }
        let node = self.engine.node_mut();
        let written = node
            .create(profile, now())
            .and_then(|id| node.map_set(&id, &[("name".into(), name.into())], Stamp::Now(now())));
        match written {
            Ok(_) => self.engine.changed(&id),
            Err(error) => tracing::warn!("the profile could not be written: {error}"),
        }
        true
    }
}
