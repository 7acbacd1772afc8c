//! The rules by which a group's transactions are accepted, one after the other in their total order.
//!
//! They are those of CoJSON 0.20, its oddities included: whoever judges otherwise shows other members.

use std::sync::Arc;

use super::super::group_key::GroupKey;
use super::super::role::{Inheritance, Role};
use super::super::timeline::Timeline;
use super::{
    EVERYONE, GroupChange, GroupEntry, GroupHistory, GroupIdentity, GroupTransaction, Groups,
};
use crate::collections::SortedMap;
use crate::ids::{CoId, KeyId, Timestamp};
use crate::json::Json;

/// Takes transactions in order and keeps what those before have established.
pub(in crate::access) struct Judge {
    history: GroupHistory,
    /// The write-only key last named for each member, by whomever was allowed to name one.
    write_keys: SortedMap<Arc<str>, Arc<str>>,
}

impl Judge {
    pub(in crate::access) fn new(identity: GroupIdentity) -> Self {
        Self {
            history: GroupHistory::empty(identity),
            write_keys: SortedMap::new(),
        }
    }

    /// What is established so far.
    pub(in crate::access) fn history(&self) -> &GroupHistory {
        &self.history
    }

    pub(in crate::access) fn into_history(self) -> GroupHistory {
        self.history
    }

    pub(in crate::access) fn take(&mut self, transaction: GroupTransaction, groups: &dyn Groups) {
        let author: Arc<str> = transaction.id.session.author().into();
        let at = transaction.made_at;
        let role = self.role_so_far(&author, at, groups);
        let is_accepted = match &transaction.change {
            GroupChange::Malformed => false,
            GroupChange::Private => self.history.identity.is_account && role == Some(Role::Admin),
            GroupChange::Set { key, value } => {
                let author = Author {
                    name: &author,
                    role,
                    at,
                };
                self.accepts(&author, key, value, groups)
            }
        };
        if is_accepted {
            self.record(transaction);
        }
    }

    fn record(&mut self, transaction: GroupTransaction) {
        self.history.accepted.push(transaction.id.clone());
        self.history.latest = transaction.made_at;
        let GroupChange::Set { key, value } = transaction.change else {
            return;
        };
        self.record_wrapping(&key);
        let id = transaction.id;
        self.history
            .entries
            .get_or_default(key)
            .push(GroupEntry { id, value });
    }

    fn record_wrapping(&mut self, key: &str) {
        let Some((wrapped, wrapping)) = key.split_once("_for_") else {
            return;
        };
        if let Ok(wrapping) = KeyId::parse(wrapping) {
            let keys = self.history.wrapping_keys.get_or_default(wrapped.into());
            if !keys.contains(&wrapping) {
                keys.push(wrapping);
            }
        }
    }

    /// The role established so far; unlike [`GroupHistory::role_of`] it tells one who was revoked from a stranger.
    fn role_so_far(&self, member: &str, at: Timestamp, groups: &dyn Groups) -> Option<Role> {
        let direct = self.history.roles.get(member).and_then(Timeline::latest);
        let held = direct.filter(|role| *role != Role::Revoked);
        self.history
            .with_inherited(held, member, at, groups)
            .or(direct)
    }

    fn accepts(
        &mut self,
        author: &Author<'_>,
        key: &str,
        value: &Json,
        groups: &dyn Groups,
    ) -> bool {
        match GroupKey::of(key) {
            GroupKey::Setting => author.administers(),
            GroupKey::Revelation(revealed) => {
                author.role.is_some_and(Role::can_reveal_keys)
                    || self
                        .write_keys
                        .get(author.name)
                        .is_some_and(|own| **own == *revealed)
            }
            GroupKey::Parent(parent) => {
                author.administers() && self.accepts_parent(parent, value, author.at, groups)
            }
            GroupKey::Child => false,
            GroupKey::WriteKeyFor(member) => self.accepts_write_key(author, member, value),
            GroupKey::Member(member) => Role::parse(value.as_str().unwrap_or_default())
                .is_some_and(|new| self.accepts_role(author, member, new, groups)),
        }
    }

    /// A word that says nothing takes nothing over: it ends what an earlier one began.
    fn accepts_parent(
        &mut self,
        parent: &str,
        value: &Json,
        at: Timestamp,
        groups: &dyn Groups,
    ) -> bool {
        let own = &self.history.identity.id;
        let parent = CoId::parse(parent)
            .ok()
            .filter(|parent| parent != own && groups.is_group(parent));
        let Some(parent) = parent else {
            return false;
        };
        let word = value.as_str().and_then(Inheritance::parse);
        let mapping = word.unwrap_or(Inheritance::Revoked);
        if mapping != Inheritance::Revoked && groups.is_above(own, &parent, at) {
            return false;
        }
        self.history
            .parents
            .get_or_default(parent)
            .push(at, mapping);
        true
    }

    /// An invitation may name the key of a new member, but replace nobody's.
    fn accepts_write_key(&mut self, author: &Author<'_>, member: &str, value: &Json) -> bool {
        let administers = author.administers();
        let may_name =
            administers || author.role == Some(Role::WriteOnlyInvite) || **author.name == *member;
        let Some(key) = value.as_str().filter(|_| may_name) else {
            return false;
        };
        let is_first = self.write_keys.insert(member.into(), key.into()).is_none();
        is_first || administers
    }

    fn accepts_role(
        &mut self,
        author: &Author<'_>,
        member: &str,
        new: Role,
        groups: &dyn Groups,
    ) -> bool {
        let is_self = **author.name == *member;
        let held = || self.role_so_far(member, author.at, groups);
        let is_allowed = is_role_for(member, new)
            && (self.is_first_admin(author, member, new)
                || (is_self && new == Role::Revoked)
                || may_set_role(author.role, is_self, held(), new));
        if is_allowed {
            self.history
                .roles
                .get_or_default(member.into())
                .push(author.at, new);
        }
        is_allowed
    }

    fn is_first_admin(&self, author: &Author<'_>, member: &str, new: Role) -> bool {
        author.role.is_none()
            && new == Role::Admin
            && **author.name == *member
            && **author.name == *self.history.identity.initial_admin
    }
}

/// Who made a transaction, with the role that was established by then.
struct Author<'a> {
    name: &'a Arc<str>,
    role: Option<Role>,
    at: Timestamp,
}

impl Author<'_> {
    fn administers(&self) -> bool {
        self.role.is_some_and(Role::can_administer)
    }
}

/// Whether an author of this role may give a member that new role, by itself or through an invitation.
pub(in crate::access) fn may_set_role(
    role: Option<Role>,
    is_self: bool,
    held: Option<Role>,
    new: Role,
) -> bool {
    let is_admin = held == Some(Role::Admin);
    match role {
        Some(Role::Admin) => new == Role::Admin || is_self || !is_admin,
        Some(Role::Manager) => {
            !matches!(new, Role::Admin | Role::AdminInvite | Role::ManagerInvite) && !is_admin
        }
        role => role.and_then(Role::invites_to) == Some(new),
    }
}

/// Everyone can be given few roles; a single member any.
fn is_role_for(member: &str, role: Role) -> bool {
    member != EVERYONE
        || matches!(
            role,
            Role::Reader | Role::Writer | Role::WriteOnly | Role::Revoked
        )
}
