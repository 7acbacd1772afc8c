//! Access: who may do what in a group at a time, and which read keys we can open.
//!
//! [`GroupHistory`] judges a group's log, purely. [`Access`] keeps the judged groups of one node and the keys it found,
//! and says which groups' verdicts a newly arrived transaction touched, so that nothing is judged twice.
//! It holds for every order of arrival (R10). It never writes: that is [`crate::node`]'s.

mod error;
mod group_history;
mod group_key;
mod judging;
mod keyring;
mod members;
mod role;
mod timeline;

use std::sync::Arc;

use crate::account::account_id;
use crate::collections::{SortedMap, SortedSet};
use crate::crypto::{AgentSecret, KeySecret};
use crate::ids::{AgentId, CoId, KeyId, Timestamp};
use crate::value_log::ValueLog;

pub use error::AccessError;
pub use group_history::{
    EVERYONE, GroupChange, GroupEntry, GroupHistory, GroupIdentity, GroupTransaction, Groups,
};
pub use role::{Inheritance, Role};

pub(crate) use members::Members;

use group_history::may_set_role;
use judging::{Histories, judge};
use keyring::FoundKeys;

/// Where the logs are.
pub trait Logs {
    /// The log of a value, if it is loaded.
    fn log(&self, id: &CoId) -> Option<&ValueLog>;
}

/// Who we are.
#[derive(Clone, Debug)]
pub struct Identity {
    /// As whom groups know us: our account, or the agent itself if it acts without one.
    pub member: Arc<str>,
    /// Our account.
    pub account: CoId,
    /// Our agent, the account's initial admin.
    pub agent: AgentId,
    /// What opens and signs.
    pub secret: AgentSecret,
}

impl Identity {
    /// One who acts as the account of its secret.
    pub fn of_account(secret: AgentSecret) -> Self {
        let agent = secret.agent_id();
        let account = account_id(&agent);
        Self {
            member: (&account).into(),
            account,
            agent,
            secret,
        }
    }

    /// One who acts as a bare agent, as invitations do.
    pub fn of_agent(secret: AgentSecret) -> Self {
        let by_account = Self::of_account(secret);
        Self {
            member: (&by_account.agent).into(),
            ..by_account
        }
    }
}

/// What to encrypt new content with.
#[derive(Clone, Debug)]
pub struct WriteKey {
    /// The key's id.
    pub id: KeyId,
    /// The key.
    pub secret: KeySecret,
    /// Content dated before this may fall before our role was given.
    pub not_before: Timestamp,
}

/// A judged group, and what was found out with it.
struct JudgedGroup {
    histories: Histories,
    /// Changes whenever a verdict or a key may have.
    generation: u64,
    keys: FoundKeys,
    write_key: Option<WriteKey>,
    /// Accounts whose sealer was needed and not here.
    awaited_accounts: SortedSet<CoId>,
}

/// The groups that a node has judged, and its keys.
pub struct Access {
    identity: Identity,
    groups: SortedMap<CoId, JudgedGroup>,
    /// For each value, the groups that were judged by it or wait for it.
    watchers: SortedMap<CoId, SortedSet<CoId>>,
    last_generation: u64,
}

impl Access {
    /// Access as this identity has it.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            groups: SortedMap::new(),
            watchers: SortedMap::new(),
            last_generation: 0,
        }
    }

    /// Who we are.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The judged history of a group; `None` if it is not loaded or not a group.
    pub fn history(&mut self, logs: &impl Logs, id: &CoId) -> Option<&Arc<GroupHistory>> {
        self.judged(logs, id)?.histories.get(id)
    }

    /// Changes whenever a verdict on the group's values, or a key of it, may have; `None` if it is not loaded.
    pub fn generation(&mut self, logs: &impl Logs, id: &CoId) -> Option<u64> {
        self.judged(logs, id).map(|group| group.generation)
    }

    /// A member's role in a group at a time: its own, inherited, or everyone's.
    pub fn role_of(
        &mut self,
        logs: &impl Logs,
        group: &CoId,
        member: &str,
        at: Timestamp,
    ) -> Option<Role> {
        self.judged(logs, group)?
            .histories
            .role_in(group, member, at)
    }

    /// When a role in a group may change for the first time after a time.
    pub fn next_change(
        &mut self,
        logs: &impl Logs,
        group: &CoId,
        at: Timestamp,
    ) -> Option<Timestamp> {
        self.judged(logs, group)?.histories.next_change(at)
    }

    /// Whether we may give that member that role at that time.
    pub fn may_set_role(
        &mut self,
        logs: &impl Logs,
        group: &CoId,
        member: &str,
        new: Role,
        at: Timestamp,
    ) -> bool {
        let own = Arc::clone(&self.identity.member);
        let is_self = member == &*own;
        let held = self.role_of(logs, group, member, at);
        let own = self.role_of(logs, group, &own, at);
        (is_self && new == Role::Revoked) || may_set_role(own, is_self, held, new)
    }

    /// Whether it is known what we encrypt new content of the group with, as the group is now.
    pub fn has_write_key(&self, group: &CoId) -> bool {
        let judged = self.groups.get(group);
        judged.is_some_and(|judged| judged.write_key.is_some())
    }

    /// What we encrypt new content of the group with; found once per generation.
    pub fn write_key(&mut self, logs: &impl Logs, group: &CoId) -> Result<&WriteKey, AccessError> {
        if self
            .judged(logs, group)
            .is_some_and(|group| group.write_key.is_none())
        {
            let key = self.find_write_key(logs, group)?;
            if let Some(judged) = self.groups.get_mut(group) {
                judged.write_key = Some(key);
            }
        }
        let judged = self.groups.get(group);
        judged
            .and_then(|judged| judged.write_key.as_ref())
            .ok_or_else(|| AccessError::GroupNotLoaded {
                group: group.clone(),
            })
    }

    /// Write-only members have a key of their own.
    fn find_write_key(&mut self, logs: &impl Logs, group: &CoId) -> Result<WriteKey, AccessError> {
        let member = Arc::clone(&self.identity.member);
        let judged = self.judged(logs, group);
        let not_before = judged.map(|judged| judged.histories.latest());
        let at = Timestamp(u64::MAX);
        let is_write_only = self.role_of(logs, group, &member, at) == Some(Role::WriteOnly);
        let id = self.history(logs, group).and_then(|history| {
            let own_key = || history.get(&format!("writeKeyFor_{member}"))?.as_str();
            if is_write_only {
                KeyId::parse(own_key()?).ok()
            } else {
                history.read_key()
            }
        });
        id.zip(not_before)
            .and_then(|(id, not_before)| {
                Some(WriteKey {
                    secret: self.key(logs, group, &id)?,
                    id,
                    not_before,
                })
            })
            .ok_or_else(|| AccessError::NoReadKey {
                group: group.clone(),
            })
    }

    /// The groups that were judged by this one as their parent.
    pub fn children_of(&mut self, logs: &impl Logs, group: &CoId) -> Vec<CoId> {
        let watchers = self.watchers.get(group).cloned().unwrap_or_default();
        let mut is_child = |child: &CoId| {
            self.history(logs, child)
                .is_some_and(|history| history.parents().any(|parent| parent == group))
        };
        watchers
            .into_iter()
            .filter(|child| is_child(child))
            .collect()
    }

    /// When the last accepted transaction of the group, or of one above it, was made.
    pub fn latest(&mut self, logs: &impl Logs, group: &CoId) -> Option<Timestamp> {
        Some(self.judged(logs, group)?.histories.latest())
    }

    /// The agent of an account: its initial admin, for ever.
    pub fn agent_of(&self, logs: &impl Logs, account: &CoId) -> Option<AgentId> {
        if *account == self.identity.account {
            return Some(self.identity.agent.clone());
        }
        logs.log(account)?.header().account_agent()
    }

    /// Takes note that a value's log grew or appeared, and tells the groups whose verdicts or keys that may change.
    pub fn refresh(&mut self, logs: &impl Logs, id: &CoId) -> Vec<CoId> {
        let affected = self.watchers.get(id).cloned().unwrap_or_default();
        affected
            .into_iter()
            .filter(|group| self.rejudge(logs, group, id))
            .collect()
    }

    /// Whether the group came out differently.
    fn rejudge(&mut self, logs: &impl Logs, group: &CoId, cause: &CoId) -> bool {
        let Some(old) = self.groups.remove(group) else {
            return true;
        };
        let awaited = old.awaited_accounts.contains(cause);
        let Some(new) = self.judged(logs, group) else {
            return true;
        };
        let is_same = !awaited && new.histories.agree(&old.histories);
        if is_same {
            self.groups.insert(group.clone(), old);
        }
        !is_same
    }

    fn judged(&mut self, logs: &impl Logs, id: &CoId) -> Option<&JudgedGroup> {
        if !self.groups.contains_key(id) {
            self.judge_now(logs, id);
        }
        self.groups.get(id)
    }

    fn judge_now(&mut self, logs: &impl Logs, id: &CoId) {
        let Some(judgement) = judge(logs, id) else {
            self.watch(id, id);
            return;
        };
        for dependency in &judgement.depends_on {
            self.watch(dependency, id);
        }
        self.last_generation += 1;
        let group = JudgedGroup {
            histories: judgement.histories,
            generation: self.last_generation,
            keys: FoundKeys::new(),
            write_key: None,
            awaited_accounts: SortedSet::new(),
        };
        self.groups.insert(id.clone(), group);
    }

    fn watch(&mut self, value: &CoId, group: &CoId) {
        let watchers = self.watchers.get_or_default(value.clone());
        watchers.insert(group.clone());
    }

    fn await_account(&mut self, account: &CoId, groups: &[CoId]) {
        for group in groups {
            self.watch(account, group);
            if let Some(judged) = self.groups.get_mut(group) {
                judged.awaited_accounts.insert(account.clone());
            }
        }
    }

    fn found_key(&self, group: &CoId, key: &KeyId) -> Option<&Option<KeySecret>> {
        self.groups.get(group)?.keys.get(key)
    }

    fn remember_key(&mut self, group: &CoId, key: &KeyId, found: Option<KeySecret>) {
        if let Some(judged) = self.groups.get_mut(group) {
            judged.keys.insert(key.clone(), found);
        }
    }
}
