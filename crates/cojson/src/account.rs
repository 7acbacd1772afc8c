//! An account and what it begins with: its own group, its profile, its root. Their ids follow from the secret alone.
//!
//! Every device of an account can found them alike while it is offline. So their ids, their first read keys and their
//! first transactions' stamp are functions of the secret: founding again, anywhere, reverts nothing that came later.

use crate::access::{EVERYONE, Role};
use crate::crypto::{AgentSecret, KeySecret};
use crate::group::ReadKey;
use crate::header::{CreatedAt, Header, Ruleset, Uniqueness, ValueType};
use crate::ids::{AgentId, CoId, KeyId, Timestamp};
use crate::json::Json;
use crate::node::{Node, WriteError};

/// Later than any claim.
const END: Timestamp = Timestamp(u64::MAX);

/// The account of an agent.
pub fn account_id(agent: &AgentId) -> CoId {
    Header::account(agent).id()
}

/// The header of an account's own group, the space of what it makes without naming an owner.
pub fn own_group_header(account: &CoId) -> Header {
    group_header(account, "own")
}

fn group_header(account: &CoId, space: &str) -> Header {
    Header {
        value_type: ValueType::CoMap,
        ruleset: Ruleset::Group {
            initial_admin: account.into(),
        },
        meta: Json::Null,
        uniqueness: Uniqueness::named([("space", space)]),
        created_at: CreatedAt::Missing,
    }
}

/// The header of a map that an account has one of.
fn map_header(owner: CoId, name: &str) -> Header {
    Header {
        value_type: ValueType::CoMap,
        ruleset: Ruleset::OwnedByGroup {
            group: owner,
            restrict_deletion: None,
        },
        meta: Json::Null,
        uniqueness: Uniqueness::named([("account", name)]),
        created_at: CreatedAt::Missing,
    }
}

/// The first read key of a group (or account) that every device of its owner founds alike.
fn first_read_key(secret: &AgentSecret, group: &CoId) -> ReadKey {
    let mut entropy = secret.entropy_for(&format!("first read key of {group}"));
    ReadKey {
        id: KeyId::random(&mut entropy),
        secret: KeySecret::random(&mut entropy),
    }
}

impl Node {
    /// Asks for the account and its own group: storage has to answer for both before they can be founded.
    pub fn load_own(&mut self) {
        let account = self.account_id().clone();
        self.load(&account);
        let own_group = self.own_group();
        self.load(&own_group);
    }

    /// Founds the account and its own group where that was not done yet. Doing it twice is harmless, here or on another
    /// device that has not synced. [`WriteError::Loading`] if storage has not answered [`Node::load_own`] yet.
    pub fn found_account(&mut self) -> Result<(), WriteError> {
        let agent = self.identity().agent.clone();
        let account = self.make(Header::account(&agent));
        // Both are made first, so that storage is asked for both.
        let own_group = self.make(own_group_header(&account));
        self.found_once(&account, agent.as_str())?;
        self.found_once(&own_group, account.as_str())
    }

    /// The account's own group.
    pub fn own_group(&self) -> CoId {
        own_group_header(self.account_id()).id()
    }

    /// What an account tells everyone of itself: a map like `{name}`. `None` if it has none, or is not loaded.
    pub fn profile_of(&mut self, account: &CoId) -> Option<CoId> {
        self.told_by(account, "profile")
    }

    /// Where the account's own data begins: a map of its own group. `None` if it has none, or is not loaded.
    pub fn root(&mut self) -> Option<CoId> {
        let account = self.account_id().clone();
        self.told_by(&account, "root")
    }

    fn told_by(&mut self, account: &CoId, key: &str) -> Option<CoId> {
        CoId::parse(self.history(account)?.get(key)?.as_str()?).ok()
    }

    /// The account's profile, a map that everyone may read and only the account writes. Where the account has none it is
    /// founded, which is as harmless twice as founding the account. [`WriteError::Loading`] if storage has not answered
    /// yet.
    pub fn found_profile(&mut self) -> Result<CoId, WriteError> {
        let account = self.account_id().clone();
        if let Some(profile) = self.profile_of(&account) {
            return Ok(profile);
        }
        let group = self.make(group_header(&account, "profile"));
        let profile = self.make(map_header(group.clone(), "profile"));
        self.check_answered(&profile)?;
        self.found_once(&group, account.as_str())?;
        let is_public = self
            .history(&group)
            .is_some_and(|history| history.direct_role(EVERYONE, END).is_some());
        if !is_public {
            let key = first_read_key(&self.identity().secret, &group);
            self.publish_group(&group, &key, Timestamp::FOUNDING)?;
        }
        self.tell_in_account("profile", &profile, Timestamp::FOUNDING)?;
        Ok(profile)
    }

    /// The same for the account's root.
    pub fn found_root(&mut self) -> Result<CoId, WriteError> {
        if let Some(root) = self.root() {
            return Ok(root);
        }
        let root = self.make(map_header(self.own_group(), "root"));
        self.check_answered(&root)?;
        self.tell_in_account("root", &root, Timestamp::FOUNDING)?;
        Ok(root)
    }

    /// Nothing is named in the account before it can be written to.
    fn check_answered(&self, id: &CoId) -> Result<(), WriteError> {
        if self.replica().is_asked_of_storage(id) {
            return Err(WriteError::Loading { id: id.clone() });
        }
        Ok(())
    }

    fn found_once(&mut self, group: &CoId, admin: &str) -> Result<(), WriteError> {
        let is_founded = self.history(group).is_some_and(|history| {
            history.direct_role(admin, END) == Some(Role::Admin) && history.read_key().is_some()
        });
        if !is_founded {
            let key = first_read_key(&self.identity().secret, group);
            self.found_group(group, admin, &key, Timestamp::FOUNDING)?;
        }
        Ok(())
    }
}
