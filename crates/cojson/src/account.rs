//! An account and its own group: ids that follow from the secret alone, and their founding.
//!
//! Every device of an account can found both alike while it is offline. So their ids, their first read keys and their
//! first transactions' stamp are functions of the secret: founding again, anywhere, reverts nothing that came later.

use crate::access::Role;
use crate::crypto::{AgentSecret, KeySecret};
use crate::group::ReadKey;
use crate::header::{CreatedAt, Header, Ruleset, Uniqueness, ValueType};
use crate::ids::{AgentId, CoId, KeyId, Timestamp};
use crate::json::Json;
use crate::node::{Node, WriteError};

/// The account of an agent.
pub fn account_id(agent: &AgentId) -> CoId {
    Header::account(agent).id()
}

/// The header of an account's own group, the space of what it makes without naming an owner.
pub fn own_group_header(account: &CoId) -> Header {
    Header {
        value_type: ValueType::CoMap,
        ruleset: Ruleset::Group {
            initial_admin: account.into(),
        },
        meta: Json::Null,
        uniqueness: Uniqueness::named([("space", "own")]),
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

    fn found_once(&mut self, group: &CoId, admin: &str) -> Result<(), WriteError> {
        let is_founded = self.history(group).is_some_and(|history| {
            history.direct_role(admin, Timestamp(u64::MAX)) == Some(Role::Admin)
                && history.read_key().is_some()
        });
        if !is_founded {
            let key = first_read_key(&self.identity().secret, group);
            self.found_group(group, admin, &key, Timestamp::FOUNDING)?;
        }
        Ok(())
    }
}
