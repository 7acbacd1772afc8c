//! The rules by which a group's transactions are accepted, one after the other in their total order.
//!
//! They are those of CoJSON 0.20, its oddities included: whoever judges otherwise shows other members.

use std::sync::Arc;

use super::super::group_key::GroupKey;
use super::super::role::{Inheritance, Role};
use super::super::timeline::Timeline;
use super::{EVERYONE, GroupChange, GroupEntry, GroupHistory, GroupTransaction, Groups};
use crate::collections::SortedMap;
use crate::ids::{CoId, KeyId, Timestamp};
use crate::json::Json;

/// Takes transactions in order and keeps what those before have established.
pub(super) struct Judge<'a, G> {
    history: GroupHistory,
    groups: &'a G,
    /// The write-only key last named for each member, by whomever was allowed to name one.
    write_keys: SortedMap<Arc<str>, Arc<str>>,
}

impl<'a, G: Groups> Judge<'a, G> {
    pub(super) fn new(history: GroupHistory, groups: &'a G) -> Self {
        Self {
            history,
            groups,
            write_keys: SortedMap::new(),
        }
    }

    pub(super) fn into_history(self) -> GroupHistory {
        self.history
    }

    pub(super) fn take(&mut self, transaction: GroupTransaction) {
        let author: Arc<str> = transaction.id.session.author().into();
        let role = self.role_so_far(&author, transaction.made_at);
        let is_accepted = match &transaction.change {
            GroupChange::Malformed => false,
            GroupChange::Private => self.history.identity.is_account && role == Some(Role::Admin),
            GroupChange::Set { key, value } => {
                self.accepts(&author, role, key, value, transaction.made_at)
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
    fn role_so_far(&self, member: &str, at: Timestamp) -> Option<Role> {
        let direct = self.history.roles.get(member).and_then(Timeline::latest);
        let held = direct.filter(|role| *role != Role::Revoked);
        self.history
            .with_inherited(held, member, at, self.groups)
            .or(direct)
    }

    fn accepts(
        &mut self,
        author: &Arc<str>,
        role: Option<Role>,
        key: &str,
        value: &Json,
        at: Timestamp,
    ) -> bool {
        let administers = role.is_some_and(Role::can_administer);
        match GroupKey::of(key) {
            GroupKey::Setting => administers,
            GroupKey::Revelation(revealed) => {
                role.is_some_and(Role::can_reveal_keys)
                    || self
                        .write_keys
                        .get(author)
                        .is_some_and(|own| **own == *revealed)
            }
            GroupKey::Parent(parent) => administers && self.accepts_parent(parent, value, at),
            GroupKey::Child => false,
            GroupKey::WriteKeyFor(member) => self.accepts_write_key(author, role, member, value),
            GroupKey::Member(member) => Role::parse(value.as_str().unwrap_or_default())
                .is_some_and(|new| self.accepts_role(author, role, member, new, at)),
        }
    }

    fn accepts_parent(&mut self, parent: &str, value: &Json, at: Timestamp) -> bool {
        let parent = CoId::parse(parent)
            .ok()
            .filter(|parent| *parent != self.history.identity.id && self.groups.is_group(parent));
        let mapping = value.as_str().and_then(Inheritance::parse);
        let (Some(parent), Some(mapping)) = (parent, mapping) else {
            return false;
        };
        self.history
            .parents
            .get_or_default(parent)
            .push(at, mapping);
        true
    }

    /// An invitation may name the key of a new member, but replace nobody's.
    fn accepts_write_key(
        &mut self,
        author: &Arc<str>,
        role: Option<Role>,
        member: &str,
        value: &Json,
    ) -> bool {
        let administers = role.is_some_and(Role::can_administer);
        let may_name = administers || role == Some(Role::WriteOnlyInvite) || **author == *member;
        let Some(key) = value.as_str().filter(|_| may_name) else {
            return false;
        };
        let is_first = self.write_keys.insert(member.into(), key.into()).is_none();
        is_first || administers
    }

    fn accepts_role(
        &mut self,
        author: &Arc<str>,
        role: Option<Role>,
        member: &str,
        new: Role,
        at: Timestamp,
    ) -> bool {
        let is_self = **author == *member;
        let is_allowed = is_role_for(member, new)
            && (self.is_first_admin(author, role, member, new)
                || (is_self && new == Role::Revoked)
                || may_set_role(role, is_self, self.role_so_far(member, at), new));
        if is_allowed {
            self.history
                .roles
                .get_or_default(member.into())
                .push(at, new);
        }
        is_allowed
    }

    fn is_first_admin(&self, author: &str, role: Option<Role>, member: &str, new: Role) -> bool {
        role.is_none()
            && new == Role::Admin
            && author == member
            && author == &*self.history.identity.initial_admin
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
