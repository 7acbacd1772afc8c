//! Groups below groups: the members of a parent are members of the child, and reach its keys through their own.

use super::ReadKey;
use super::edit::GroupEdit;
use crate::access::{AccessError, GroupHistory, Inheritance, Role};
use crate::collections::SortedSet;
use crate::crypto::SealerId;
use crate::ids::{CoId, Timestamp};
use crate::node::Node;

impl Node {
    /// The groups whose members are members here, with what is taken over from each; `None` if the group is not loaded.
    pub fn parents(&mut self, group: &CoId) -> Option<Vec<(CoId, Inheritance)>> {
        let parents = self.history(group)?.inheritances();
        Some(parents.map(|(id, mapping)| (id.clone(), mapping)).collect())
    }

    /// Makes the members of `parent` members of `child`, with the roles that they have there or with a fixed one. Of the
    /// parent we need to be no member. With [`Inheritance::Revoked`] they are members no longer, and the read key is
    /// rotated.
    pub fn extend_group(
        &mut self,
        child: &CoId,
        parent: &CoId,
        inheritance: Inheritance,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        let history = self.group_to_change(child)?;
        self.group_to_change(parent)?;
        let at = self
            .stamp_in_group(child, now)
            .max(self.stamp_after_group(parent, now));
        let role = self.my_role(child, at);
        if !role.is_some_and(Role::can_administer) {
            return Err(AccessError::NotAllowed {
                group: child.clone(),
                role,
                wanted: "give it a parent",
            });
        }
        if inheritance != Inheritance::Revoked && self.is_above(child, parent) {
            return Err(AccessError::Circle {
                child: child.clone(),
                parent: parent.clone(),
            });
        }
        let way = match inheritance {
            Inheritance::Revoked => None,
            _ => Some(self.way_into(parent)?),
        };
        let keys = self.keys_to_pass_on(&history)?;
        let mut edit = GroupEdit::new(self, child, at);
        edit.set(&format!("parent_{parent}"), inheritance.as_str());
        if let Some(way) = way {
            for key in &keys {
                way.reveal(&mut edit, key);
            }
            return Ok(edit.finish()?);
        }
        edit.finish()?;
        self.rotate_read_key(child, None, at)
    }

    /// Whether a group is another, or one above it.
    fn is_above(&mut self, above: &CoId, below: &CoId) -> bool {
        let mut found = SortedSet::from([below.clone()]);
        let mut ahead = vec![below.clone()];
        while let Some(id) = ahead.pop() {
            if id == *above {
                return true;
            }
            for (parent, _) in self.parents(&id).unwrap_or_default() {
                if found.insert(parent.clone()) {
                    ahead.push(parent);
                }
            }
        }
        false
    }

    /// How a key of a group is given to those who read the groups above it, as far as there is a way.
    pub(super) fn ways_into_parents(&mut self, history: &GroupHistory) -> Vec<ParentKey> {
        let parents = history.parents();
        parents
            .filter_map(|parent| self.way_into(parent).ok())
            .collect()
    }

    /// How a key of a child group is given to those who read the parent.
    pub(super) fn way_into(&mut self, parent: &CoId) -> Result<ParentKey, AccessError> {
        let no_key = match self.current_key(parent) {
            Ok(key) => return Ok(ParentKey::Known(key)),
            Err(no_key) => no_key,
        };
        let sealer = self.history(parent).and_then(|history| {
            let text = history.get("groupSealer")?.as_str()?;
            let (_, sealer) = text.split_once('@').unwrap_or(("", text));
            SealerId::parse(sealer).ok()
        });
        sealer.map(ParentKey::Sealer).ok_or(no_key)
    }
}

/// How a parent group's readers are reached.
pub(super) enum ParentKey {
    /// By their read key, which we have.
    Known(ReadKey),
    /// By the public sealer that follows from it.
    Sealer(SealerId),
}

impl ParentKey {
    pub(super) fn reveal(&self, edit: &mut GroupEdit<'_>, key: &ReadKey) {
        match self {
            Self::Known(parent) => edit.wrap(key, parent),
            Self::Sealer(sealer) => edit.seal_for_group(key, sealer),
        }
    }
}
