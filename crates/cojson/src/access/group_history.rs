//! What a group's log says, after every transaction in it was judged: who had which role when, which parents it had,
//! which keys are wrapped for whom.
//!
//! A pure function of the group's transactions and its parents' histories: the same whatever order they arrived in,
//! because they are judged in one total order (time, session, index). It never decrypts anything.

mod judge;

use std::sync::Arc;

use super::group_key::GroupKey;
use super::role::{Inheritance, Role};
use super::timeline::Timeline;
use crate::collections::{OrderedMap, SortedMap, SortedSet};
use crate::ids::{CoId, KeyId, Timestamp};
use crate::json::Json;
use crate::view::TransactionId;

pub(super) use judge::{Judge, may_set_role};

/// The member that stands for whoever has no role of its own.
pub const EVERYONE: &str = "everyone";

/// One transaction of a group's log, before it is judged.
#[derive(Clone, Debug)]
pub struct GroupTransaction {
    /// Where it stands in the log; its session's author is who made it.
    pub id: TransactionId,
    /// When it was made, as its author claims.
    pub made_at: Timestamp,
    /// What it wants.
    pub change: GroupChange,
}

/// What a transaction of a group wants.
#[derive(Clone, Debug)]
pub enum GroupChange {
    /// Set a key.
    Set {
        /// The key.
        key: Arc<str>,
        /// Its new value.
        value: Json,
    },
    /// Encrypted: content of an account's map, for its admin only.
    Private,
    /// Anything else, which is never valid in a group.
    Malformed,
}

impl GroupChange {
    /// Reads the text of a trusting transaction's changes.
    pub fn parse(changes: &str) -> Self {
        Json::parse(changes)
            .ok()
            .and_then(|changes| Self::from_changes(&changes))
            .unwrap_or(Self::Malformed)
    }

    fn from_changes(changes: &Json) -> Option<Self> {
        let [change] = changes.as_array()? else {
            return None;
        };
        let Json::String(key) = change.get("key")? else {
            return None;
        };
        (change.get("op")?.as_str()? == "set").then(|| Self::Set {
            key: Arc::clone(key),
            value: change.get("value").cloned().unwrap_or_default(),
        })
    }
}

/// What must be known of a group's header to judge its log.
#[derive(Clone, Debug)]
pub struct GroupIdentity {
    /// The group's id.
    pub id: CoId,
    /// Whether it is an account.
    pub is_account: bool,
    /// The one who may make itself the first admin: an account's id, or an agent's.
    pub initial_admin: Arc<str>,
}

/// What judging a group asks about other groups.
pub trait Groups {
    /// Whether that group is loaded, and is a group.
    fn is_group(&self, id: &CoId) -> bool;
    /// The member's role in that group at that time, parents and `everyone` included.
    fn role_in(&self, group: &CoId, member: &str, at: Timestamp) -> Option<Role>;
    /// Whether the members of `above` are members of `below` at that time, through the groups between. Only groups that name
    /// each other in a ring are ever asked.
    fn is_above(&self, _above: &CoId, _below: &CoId, _at: Timestamp) -> bool {
        false
    }
}

/// One accepted setting of a key.
#[derive(Clone, Debug)]
pub struct GroupEntry {
    /// The transaction that set it.
    pub id: TransactionId,
    /// The value it set.
    pub value: Json,
}

/// A group's log, judged.
#[derive(Clone, Debug)]
pub struct GroupHistory {
    identity: GroupIdentity,
    roles: SortedMap<Arc<str>, Timeline<Role>>,
    parents: SortedMap<CoId, Timeline<Inheritance>>,
    entries: OrderedMap<Arc<str>, Vec<GroupEntry>>,
    /// For each wrapped key, the keys that it was encrypted with.
    wrapping_keys: SortedMap<Arc<str>, Vec<KeyId>>,
    accepted: Vec<TransactionId>,
    latest: Timestamp,
}

impl GroupHistory {
    /// Judges a log. The transactions may come in any order.
    pub fn judge(
        identity: GroupIdentity,
        mut transactions: Vec<GroupTransaction>,
        groups: &dyn Groups,
    ) -> Self {
        transactions
            .sort_by(|left, right| (left.made_at, &left.id).cmp(&(right.made_at, &right.id)));
        let mut judge = Judge::new(identity);
        for transaction in transactions {
            judge.take(transaction, groups);
        }
        judge.into_history()
    }

    fn empty(identity: GroupIdentity) -> Self {
        Self {
            identity,
            roles: SortedMap::new(),
            parents: SortedMap::new(),
            entries: OrderedMap::new(),
            wrapping_keys: SortedMap::new(),
            accepted: Vec::new(),
            latest: Timestamp::default(),
        }
    }

    /// What its header says.
    pub fn identity(&self) -> &GroupIdentity {
        &self.identity
    }

    /// Whether nobody was given a role yet.
    pub(super) fn is_unfounded(&self) -> bool {
        self.roles.is_empty()
    }

    /// The role of a member at a time, by itself or through a parent: what everyone may do does not count.
    pub(super) fn own_role(
        &self,
        member: &str,
        at: Timestamp,
        groups: &dyn Groups,
    ) -> Option<Role> {
        self.with_inherited(self.direct_role(member, at), member, at, groups)
    }

    /// The role of a member at a time: its own, or a higher one from a parent, or everyone's. `Revoked` is no role.
    pub fn role_of(&self, member: &str, at: Timestamp, groups: &dyn Groups) -> Option<Role> {
        if self.identity.is_account && member == self.identity.id.as_str() {
            return Some(Role::Admin);
        }
        let own = self.own_role(member, at, groups);
        own.or_else(|| self.direct_role(EVERYONE, at))
    }

    /// The role that the group itself gives a member at a time.
    pub fn direct_role(&self, member: &str, at: Timestamp) -> Option<Role> {
        let role = self.roles.get(member)?.at(at)?;
        (role != Role::Revoked).then_some(role)
    }

    /// When a role or a parent changed for the first time after a time.
    pub(super) fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let roles = self.roles.values().filter_map(|roles| roles.next_after(at));
        let parents = self.parents.values();
        let parents = parents.filter_map(|mapping| mapping.next_after(at));
        roles.chain(parents).min()
    }

    fn with_inherited(
        &self,
        direct: Option<Role>,
        member: &str,
        at: Timestamp,
        groups: &dyn Groups,
    ) -> Option<Role> {
        self.parents.iter().fold(direct, |held, (parent, mapping)| {
            let inherited = mapping
                .at(at)
                .filter(|mapping| *mapping != Inheritance::Revoked)
                .and_then(|mapping| mapping.apply(groups.role_in(parent, member, at)?));
            inherited.filter(|role| role.replaces(held)).or(held)
        })
    }

    /// Every member that was ever named, with the role it has in the end; `everyone` among them.
    pub fn members(&self) -> impl Iterator<Item = (&str, Role)> {
        self.roles
            .iter()
            .filter_map(|(member, roles)| Some((member.as_ref(), roles.latest()?)))
    }

    /// The groups that it ever had as a parent.
    pub fn parents_ever(&self) -> impl Iterator<Item = &CoId> {
        self.parents.keys()
    }

    /// The groups whose members are members here in the end.
    pub fn parents(&self) -> impl Iterator<Item = &CoId> {
        self.inheritances().map(|(parent, _)| parent)
    }

    /// The groups whose members are members here at a time.
    pub(super) fn parents_at(&self, at: Timestamp) -> impl Iterator<Item = &CoId> {
        let is_in_force = move |mapping: &Timeline<_>| {
            let mapping = mapping.at(at);
            mapping.is_some_and(|mapping| mapping != Inheritance::Revoked)
        };
        let parents = self.parents.iter();
        parents.filter_map(move |(parent, mapping)| is_in_force(mapping).then_some(parent))
    }

    /// The groups whose members are members here in the end, with what is taken over from each.
    pub fn inheritances(&self) -> impl Iterator<Item = (&CoId, Inheritance)> {
        let latest = |(parent, mapping): (_, &Timeline<_>)| Some((parent, mapping.latest()?));
        let parents = self.parents.iter().filter_map(latest);
        parents.filter(|(_, mapping)| *mapping != Inheritance::Revoked)
    }

    /// Every accepted setting of a key, oldest first.
    pub fn entries(&self, key: &str) -> &[GroupEntry] {
        self.entries.get(key).map_or(&[], Vec::as_slice)
    }

    /// The value of a key in the end.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.entries(key).last().map(|entry| &entry.value)
    }

    /// Every key that was ever set.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(AsRef::as_ref)
    }

    /// The read key that new content is encrypted with.
    pub fn read_key(&self) -> Option<KeyId> {
        KeyId::parse(self.get("readKey")?.as_str()?).ok()
    }

    /// Every key that was ever wrapped for somebody, each once.
    pub(crate) fn revealed_keys(&self) -> Vec<KeyId> {
        let revealed = self.keys().filter_map(|key| match GroupKey::of(key) {
            GroupKey::Revelation(revealed) => KeyId::parse(revealed).ok(),
            _ => None,
        });
        revealed.collect::<SortedSet<_>>().into_iter().collect()
    }

    /// The key itself and all that can be opened with it, one through another.
    pub(crate) fn keys_that_follow_from(&self, key: &KeyId) -> SortedSet<KeyId> {
        let mut followers = SortedSet::from([key.clone()]);
        let mut count = 0;
        while count < followers.len() {
            count = followers.len();
            for (wrapped, wrapping) in &self.wrapping_keys {
                if wrapping.iter().any(|key| followers.contains(key)) {
                    followers.extend(KeyId::parse(wrapped).ok());
                }
            }
        }
        followers
    }

    /// The keys that `key` was ever encrypted with, oldest first.
    pub(super) fn wrapping_keys(&self, key: &KeyId) -> &[KeyId] {
        self.wrapping_keys
            .get(key.as_str())
            .map_or(&[], Vec::as_slice)
    }

    /// The accepted transactions, in the order they were judged.
    pub fn accepted(&self) -> &[TransactionId] {
        &self.accepted
    }

    /// When the last accepted transaction was made.
    pub fn latest(&self) -> Timestamp {
        self.latest
    }
}

#[cfg(test)]
mod tests;
