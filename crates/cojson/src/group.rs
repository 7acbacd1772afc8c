//! Groups: creating them, adding and removing members, rotating their read key.
//!
//! Every operation checks first and writes then: one that returns an error has written nothing. What members may do is
//! judged by [`crate::access`]; here are only the transactions that lead to it.

mod edit;
mod inheritance;
mod invitation;
mod rotation;

use std::sync::Arc;

use crate::access::{AccessError, EVERYONE, GroupHistory, Role};
use crate::crypto::{KeySecret, SealerId};
use crate::header::{CreatedAt, Header, Ruleset, Uniqueness, ValueType};
use crate::ids::{AgentId, CoId, KeyId, Timestamp};
use crate::json::Json;
use crate::node::Node;
use crate::node::iso_time;
use crate::sync::AppendError;
use crate::value_log::ValueLog;

pub use invitation::{Invitation, NotAnInvitation};

use edit::GroupEdit;

/// Who can be a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// One account.
    Account(CoId),
    /// An agent without an account, as an invitation is.
    Agent(AgentId),
    /// Whoever has no role of its own: the group is public.
    Everyone,
}

impl Member {
    /// The member that this key of a group's map names, if it is one.
    pub fn parse(name: &str) -> Option<Self> {
        if name == EVERYONE {
            return Some(Self::Everyone);
        }
        let agent = || AgentId::parse(name).ok().map(Self::Agent);
        CoId::parse(name).ok().map(Self::Account).or_else(agent)
    }

    /// The member's key in the group's map.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Account(account) => account.as_str(),
            Self::Agent(agent) => agent.as_str(),
            Self::Everyone => EVERYONE,
        }
    }
}

/// A read key with its secret.
#[derive(Clone, Debug)]
pub(crate) struct ReadKey {
    pub(crate) id: KeyId,
    pub(crate) secret: KeySecret,
}

impl Node {
    /// Makes a group whose only member, an admin, is this account.
    pub fn create_group(&mut self, now: Timestamp) -> CoId {
        let account = Arc::clone(&self.identity().member);
        let header = Header {
            value_type: ValueType::CoMap,
            ruleset: Ruleset::Group {
                initial_admin: Arc::clone(&account),
            },
            meta: Json::Null,
            uniqueness: Uniqueness::random(self.entropy()),
            created_at: CreatedAt::At(iso_time(now).into()),
        };
        let group = self.make(header);
        let key = self.fresh_key();
        // A group with a creation time is nowhere but here, so that nothing has to be waited for.
        let founded = self.found_group(&group, &account, &key, now);
        debug_assert!(founded.is_ok(), "{founded:?}");
        group
    }

    /// A member's role in a group at a time, inherited or everyone's included.
    pub fn role_of(&mut self, group: &CoId, member: &Member, at: Timestamp) -> Option<Role> {
        let (access, replica) = self.access();
        access.role_of(replica, group, member.as_str(), at)
    }

    /// This account's role in a group.
    pub fn my_role(&mut self, group: &CoId, now: Timestamp) -> Option<Role> {
        let member = Arc::clone(&self.identity().member);
        let (access, replica) = self.access();
        access.role_of(replica, group, &member, now)
    }

    /// The members that the group itself names, with their roles; `None` if it is not loaded. Invitations are no members.
    pub fn members(&mut self, group: &CoId) -> Option<Vec<(String, Role)>> {
        let history = self.history(group)?;
        let is_member = |role: Role| role != Role::Revoked && role.invites_to().is_none();
        let members = history.members().filter(|(_, role)| is_member(*role));
        let mut members: Vec<_> = members
            .map(|(member, role)| (member.to_owned(), role))
            .collect();
        members.sort_by(|left, right| left.0.cmp(&right.0));
        Some(members)
    }

    /// Whether we have the secret of a key of this group.
    pub fn can_open(&mut self, group: &CoId, key: &KeyId) -> bool {
        self.read_key(group, key.clone()).is_some()
    }

    /// Gives a member a role, and every key that the role needs. The account must be loaded, because keys are sealed for
    /// its agent.
    pub fn add_member(
        &mut self,
        group: &CoId,
        member: &Member,
        role: Role,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        check_role(member, role)?;
        self.give_role(group, member, role, now)
    }

    /// The same for any role, an invitation's among them.
    fn give_role(
        &mut self,
        group: &CoId,
        member: &Member,
        role: Role,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        let history = self.group_to_change(group)?;
        let at = self.stamp_in_group(group, now);
        self.check_may_set_role(group, member.as_str(), role, at)?;
        if *member == Member::Everyone {
            self.open_to_everyone(&history, role, at)
        } else if role.can_read() {
            self.add_reader(&history, member, role, at)
        } else {
            self.add_write_only(&history, member, role, at)
        }
    }

    /// Takes a member's role, and the keys of everything that is written from now on: the read key is rotated, unless
    /// everyone may read. The accounts of all who stay must be loaded.
    pub fn remove_member(
        &mut self,
        group: &CoId,
        member: &Member,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        self.group_to_change(group)?;
        let at = self.stamp_in_group(group, now);
        self.check_may_set_role(group, member.as_str(), Role::Revoked, at)?;
        if self.my_role(group, at).is_some_and(Role::can_administer) {
            self.rotate_read_key(group, Some(member.as_str()), at)?;
        }
        let mut edit = GroupEdit::new(self, group, at);
        edit.set(member.as_str(), Role::Revoked.as_str());
        Ok(edit.finish()?)
    }

    /// Writes what every group begins with.
    pub(crate) fn found_group(
        &mut self,
        group: &CoId,
        admin: &str,
        key: &ReadKey,
        at: Timestamp,
    ) -> Result<(), AppendError> {
        let own_sealer = self.identity().secret.sealer.id();
        let mut edit = GroupEdit::new(self, group, at);
        edit.set(admin, Role::Admin.as_str());
        edit.seal(key, admin, &own_sealer);
        edit.set("readKey", key.id.as_str());
        if !edit.is_account() {
            edit.set_group_sealer(key);
        }
        edit.finish()
    }

    /// Lets everyone read a group that was just founded with this key.
    pub(crate) fn publish_group(
        &mut self,
        group: &CoId,
        key: &ReadKey,
        at: Timestamp,
    ) -> Result<(), AppendError> {
        let mut edit = GroupEdit::new(self, group, at);
        edit.set(EVERYONE, Role::Reader.as_str());
        edit.publish(key);
        edit.finish()
    }

    /// Names a value in the account's own map.
    pub(crate) fn tell_in_account(
        &mut self,
        key: &str,
        value: &CoId,
        at: Timestamp,
    ) -> Result<(), AppendError> {
        let account = self.account_id().clone();
        let mut edit = GroupEdit::new(self, &account, at);
        edit.set(key, value.as_str());
        edit.finish()
    }

    fn add_reader(
        &mut self,
        history: &GroupHistory,
        member: &Member,
        role: Role,
        at: Timestamp,
    ) -> Result<(), AccessError> {
        let sealer = self.sealer_of(member)?;
        let group = &history.identity().id;
        let keys = self.keys_to_pass_on(history)?;
        let mut edit = GroupEdit::new(self, group, at);
        edit.set(member.as_str(), role.as_str());
        for key in &keys {
            edit.seal(key, member.as_str(), &sealer);
        }
        Ok(edit.finish()?)
    }

    /// Publishes the read key, for ever; if everyone may only write, a key that was public before is replaced.
    fn open_to_everyone(
        &mut self,
        history: &GroupHistory,
        role: Role,
        at: Timestamp,
    ) -> Result<(), AccessError> {
        let group = &history.identity().id;
        let keys = if role.can_read() {
            self.keys_to_pass_on(history)?
        } else {
            let held = history.direct_role(EVERYONE, at);
            if held.is_some_and(Role::can_read) {
                self.rotate_read_key(group, Some(EVERYONE), at)?;
            }
            Vec::new()
        };
        let mut edit = GroupEdit::new(self, group, at);
        edit.set(EVERYONE, role.as_str());
        for key in &keys {
            edit.publish(key);
        }
        Ok(edit.finish()?)
    }

    /// The member gets a key of its own, which all who read get too, here and in the groups above; it never gets the read
    /// key.
    fn add_write_only(
        &mut self,
        history: &GroupHistory,
        member: &Member,
        role: Role,
        at: Timestamp,
    ) -> Result<(), AccessError> {
        let group = &history.identity().id;
        let name = member.as_str();
        let sealer = self.sealer_of(member)?;
        let readers = self.readers(history, Some(name))?;
        let held = history.direct_role(name, at);
        if held.is_some_and(Role::can_read) {
            self.rotate_read_key(group, Some(name), at)?;
        }
        let ways = self.ways_into_parents(history);
        let key = self.fresh_key();
        let mut edit = GroupEdit::new(self, group, at);
        edit.set(name, role.as_str());
        edit.name_write_key(&key, (name, &sealer), &readers);
        for way in &ways {
            way.reveal(&mut edit, &key);
        }
        Ok(edit.finish()?)
    }

    /// Where everyone may only write, nobody gave us a key: we name our own before we write for the first time.
    pub(crate) fn name_own_write_key(
        &mut self,
        group: &CoId,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        let member = Arc::clone(&self.identity().member);
        let at = self.stamp_in_group(group, now);
        if self.my_role(group, at) != Some(Role::WriteOnly) {
            return Ok(());
        }
        let Some(history) = self.history(group).map(Arc::clone) else {
            return Ok(());
        };
        if history.get(&format!("writeKeyFor_{member}")).is_some() {
            return Ok(());
        }
        let sealer = self.identity().secret.sealer.id();
        let readers = self.readers(&history, None)?;
        let ways = self.ways_into_parents(&history);
        let key = self.fresh_key();
        let mut edit = GroupEdit::new(self, group, at);
        edit.name_write_key(&key, (&member, &sealer), &readers);
        for way in &ways {
            way.reveal(&mut edit, &key);
        }
        Ok(edit.finish()?)
    }

    /// The read key, and every other key that we can open and that does not follow from it: those of write-only members, and
    /// those of admins who rotated at the same time.
    fn keys_to_pass_on(&mut self, history: &GroupHistory) -> Result<Vec<ReadKey>, AccessError> {
        let current = self.current_key(&history.identity().id)?;
        let followers = history.keys_that_follow_from(&current.id);
        let mut keys = vec![current];
        for key in history.revealed_keys() {
            if !followers.contains(&key) {
                keys.extend(self.read_key(&history.identity().id, key));
            }
        }
        Ok(keys)
    }

    fn read_key(&mut self, group: &CoId, id: KeyId) -> Option<ReadKey> {
        let (access, replica) = self.access();
        let secret = access.key(replica, group, &id)?;
        Some(ReadKey { id, secret })
    }

    /// The key that new content is encrypted with for all readers.
    fn current_key(&mut self, group: &CoId) -> Result<ReadKey, AccessError> {
        let id = self.history(group).and_then(|history| history.read_key());
        id.and_then(|id| self.read_key(group, id))
            .ok_or_else(|| AccessError::NoReadKey {
                group: group.clone(),
            })
    }

    pub(crate) fn fresh_key(&mut self) -> ReadKey {
        ReadKey {
            id: KeyId::random(self.entropy()),
            secret: KeySecret::random(self.entropy()),
        }
    }

    /// Those whom the group itself lets read, but one, with what to seal for.
    fn readers(
        &mut self,
        history: &GroupHistory,
        excluded: Option<&str>,
    ) -> Result<Vec<(String, SealerId)>, AccessError> {
        self.sealers(history, excluded, Role::can_read)
    }

    fn sealers(
        &mut self,
        history: &GroupHistory,
        excluded: Option<&str>,
        is_meant: impl Fn(Role) -> bool,
    ) -> Result<Vec<(String, SealerId)>, AccessError> {
        let mut members: Vec<_> = history
            .members()
            .filter(|(member, role)| {
                *member != EVERYONE && Some(*member) != excluded && is_meant(*role)
            })
            .map(|(member, _)| member)
            .collect();
        members.sort_unstable();
        let mut sealers = Vec::new();
        for name in members {
            let sealer = Member::parse(name).map(|member| self.sealer_of(&member));
            match sealer {
                Some(Ok(sealer)) => sealers.push((name.to_owned(), sealer)),
                // Whoever named what is no account must not keep the others from their keys.
                Some(Err(AccessError::NoSealer { .. })) | None => {}
                Some(Err(error)) => return Err(error),
            }
        }
        Ok(sealers)
    }

    fn sealer_of(&mut self, member: &Member) -> Result<SealerId, AccessError> {
        let agent = match member {
            Member::Account(account) => {
                let (access, replica) = self.access();
                let agent = access.agent_of(replica, account);
                if agent.is_none() && !self.is_loaded(account) {
                    let account = account.clone();
                    return Err(AccessError::AccountNotLoaded { account });
                }
                agent
            }
            Member::Agent(agent) => Some(agent.clone()),
            Member::Everyone => None,
        };
        agent
            .and_then(|agent| agent.sealer().ok())
            .ok_or_else(|| AccessError::NoSealer {
                member: member.as_str().to_owned(),
            })
    }

    fn group_to_change(&mut self, group: &CoId) -> Result<Arc<GroupHistory>, AccessError> {
        let header = self.log(group).map(ValueLog::header);
        if header.is_some_and(Header::is_account) {
            return Err(AccessError::IsAccount { id: group.clone() });
        }
        if header.is_some_and(|header| !header.is_group()) {
            return Err(AccessError::NotAGroup { id: group.clone() });
        }
        let not_loaded = || AccessError::GroupNotLoaded {
            group: group.clone(),
        };
        self.history(group).map(Arc::clone).ok_or_else(not_loaded)
    }

    fn check_may_set_role(
        &mut self,
        group: &CoId,
        member: &str,
        role: Role,
        at: Timestamp,
    ) -> Result<(), AccessError> {
        let (access, replica) = self.access();
        if access.may_set_role(replica, group, member, role, at) {
            return Ok(());
        }
        Err(AccessError::NotAllowed {
            group: group.clone(),
            role: self.my_role(group, at),
            wanted: "give that member that role",
        })
    }
}

/// Roles that this operation can give.
fn check_role(member: &Member, role: Role) -> Result<(), AccessError> {
    let cure = match (member, role) {
        (_, Role::Revoked) => "remove the member instead",
        (_, role) if role.invites_to().is_some() => "an invitation is given to an agent",
        (Member::Everyone, Role::Admin | Role::Manager) => {
            "everyone can be a reader, a writer or writeOnly"
        }
        _ => return Ok(()),
    };
    Err(AccessError::NoSuchRole {
        role,
        member: member.as_str().to_owned(),
        cure,
    })
}
