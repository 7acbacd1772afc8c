//! How the account and the actors come to be there, and what came of it.

use std::collections::BTreeSet;

use cojson::ids::CoId;
use cojson::json::Json;
use cojson::node::{Stamp, WriteError};
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
    is_profile_written: bool,
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
            is_profile_written: false,
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

    /// An actor runs; whether that is news.
    pub(super) fn note_ready(&mut self, actor: &ActorId) -> bool {
        self.awaited.remove(actor);
        self.ready.insert(actor.clone())
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

    /// The name in the profile, if it can be read by now.
    pub(super) fn name_in_profile(&mut self) -> Option<String> {
        let node = self.engine.node_mut();
        let account = node.account_id().clone();
        let profile = node.profile_of(&account)?;
        node.load(&profile);
        let name = node.map(&profile)?.get("name")?;
        name.as_str().map(str::to_owned)
    }

    /// Writes the name that the settings give, if the profile has another one; whether it did.
    fn write_profile(&mut self) -> bool {
        let name = self.profile_name.clone();
        let Some(name) = name.filter(|_| !self.founding.is_profile_written) else {
            return false;
        };
        let node = self.engine.node_mut();
        let profile = match node.found_profile() {
            // Storage has not said yet what it has of it.
            Err(WriteError::Loading { .. }) => return false,
            founded => founded,
        };
        if let Ok(profile) = &profile
            && node.map(profile).is_none()
        {
            node.load(profile);
            return false;
        }
        self.founding.is_profile_written = true;
        if self.name_in_profile().as_ref() == Some(&name) {
            return false;
        }
        let written = profile.and_then(|profile| {
            let entry = ("name".into(), name.into());
            let stamp = Stamp::Now(now());
            self.engine.node_mut().map_set(&profile, &[entry], stamp)?;
            Ok(profile)
        });
        match written {
            Ok(profile) => self.engine.changed(&profile),
            Err(error) => tracing::warn!("the profile could not be written: {error}"),
        }
        true
    }
}
