//! A new read key for a group, so that who was removed cannot read what is written from now on.
//!
//! The new key is sealed for all who stay and opens the old ones. Groups below follow, because who
//! had the old key could open theirs: those that are loaded at once, the others before somebody who administers them
//! writes there the next time.

use std::sync::Arc;

use super::ReadKey;
use super::edit::GroupEdit;
use crate::access::{AccessError, EVERYONE, GroupHistory, Role};
use crate::crypto::SealerId;
use crate::ids::{CoId, KeyId, Timestamp};
use crate::json::Json;
use crate::node::Node;
use crate::sync::AppendError;

/// How many groups below are rotated with a group, over all generations.
const ROTATED_GROUPS_MAX: usize = 256;

/// All that the rotation of one group needs, gathered before anything is written.
struct Rotation {
    group: CoId,
    old: ReadKey,
    readers: Vec<(String, SealerId)>,
    write_only: Vec<(String, SealerId)>,
    parents: Vec<CoId>,
}

impl Node {
    /// Rotates the read key of a group and of the loaded groups below it that we administer.
    pub(super) fn rotate_read_key(
        &mut self,
        group: &CoId,
        removed: Option<&str>,
        at: Timestamp,
    ) -> Result<(), AccessError> {
        let mut rotations = Vec::new();
        self.plan_rotation(group, removed, at, &mut rotations)?;
        for rotation in rotations {
            self.rotate(&rotation, at)?;
        }
        Ok(())
    }

    /// Rotates the keys of a group, and of those above it, that were left behind when a group above was rotated: by a device
    /// that had them not loaded. Where we do not administer it, or cannot do it, it stays as it is.
    pub(crate) fn follow_rotations_above(&mut self, group: &CoId, now: Timestamp) {
        let mut above = vec![group.clone()];
        let mut count = 0;
        while let Some(id) = above.get(count).cloned() {
            count += 1;
            let history = self.history(&id).map(Arc::clone);
            let parents = history.iter().flat_map(|history| history.parents());
            for parent in parents {
                if above.len() < ROTATED_GROUPS_MAX && !above.contains(parent) {
                    above.push(parent.clone());
                }
            }
        }
        // From the top, as what is rotated leaves behind what is below it.
        for id in above.iter().rev() {
            let at = self.stamp_in_group(id, now);
            if self.is_left_behind(id, at) {
                let _ = self.rotate_read_key(id, None, at);
            }
        }
    }

    /// Whether who had an old key of a group above can open what is written now, and we can change that without keeping
    /// anybody from it who should.
    fn is_left_behind(&mut self, group: &CoId, at: Timestamp) -> bool {
        let Some(history) = self.history(group).map(Arc::clone) else {
            return false;
        };
        let Some(key) = history.read_key() else {
            return false;
        };
        let parents: Vec<CoId> = history.parents().cloned().collect();
        let mut histories = Vec::new();
        for parent in &parents {
            histories.extend(self.history(parent).map(Arc::clone));
        }
        histories.len() == parents.len()
            && histories
                .iter()
                .any(|above| is_revealed_to_old_key_alone(&key, &history, above))
            && !stays_public(&history, None, at)
            && self.can_rotate(group, at)
            && parents.iter().all(|parent| self.way_into(parent).is_ok())
    }

    /// Parents come before their children, which wrap their new key for the parent's new one.
    fn plan_rotation(
        &mut self,
        group: &CoId,
        removed: Option<&str>,
        at: Timestamp,
        rotations: &mut Vec<Rotation>,
    ) -> Result<(), AccessError> {
        let history = self.group_to_change(group)?;
        let is_planned = rotations.iter().any(|planned| planned.group == *group);
        if is_planned
            || rotations.len() >= ROTATED_GROUPS_MAX
            || stays_public(&history, removed, at)
        {
            return Ok(());
        }
        rotations.push(Rotation {
            group: group.clone(),
            old: self.current_key(group)?,
            readers: self.readers(&history, removed)?,
            write_only: self.sealers(&history, removed, Role::has_own_key)?,
            parents: history.parents().cloned().collect(),
        });
        for child in self.children_of(group) {
            if self.can_rotate(&child, at) {
                self.plan_rotation(&child, None, at, rotations)?;
            }
        }
        Ok(())
    }

    fn children_of(&mut self, group: &CoId) -> Vec<CoId> {
        let (access, replica) = self.access();
        access.children_of(replica, group)
    }

    fn can_rotate(&mut self, group: &CoId, at: Timestamp) -> bool {
        self.my_role(group, at).is_some_and(Role::can_administer) && self.current_key(group).is_ok()
    }

    fn rotate(&mut self, rotation: &Rotation, at: Timestamp) -> Result<(), AppendError> {
        let at = self.stamp_in_group(&rotation.group, at);
        let new = self.fresh_key();
        let parents = rotation.parents.iter();
        let parents: Vec<_> = parents
            .filter_map(|parent| self.way_into(parent).ok())
            .collect();
        let write_keys: Vec<_> = rotation
            .write_only
            .iter()
            .map(|member| (member, self.fresh_key()))
            .collect();
        let mut edit = GroupEdit::new(self, &rotation.group, at);
        for (reader, sealer) in &rotation.readers {
            edit.seal(&new, reader, sealer);
        }
        for ((member, sealer), key) in &write_keys {
            edit.name_write_key(key, (member, sealer), &rotation.readers);
        }
        edit.wrap(&rotation.old, &new);
        edit.set("readKey", new.id.as_str());
        edit.set_group_sealer(&new);
        for parent in &parents {
            for key in write_keys.iter().map(|(_, key)| key).chain([&new]) {
                parent.reveal(&mut edit, key);
            }
        }
        edit.finish()
    }
}

/// Whether a group's key was revealed to a group above under a key or sealer that is not the newest there, and under the
/// newest not.
fn is_revealed_to_old_key_alone(key: &KeyId, group: &GroupHistory, above: &GroupHistory) -> bool {
    let settings = [("readKey", "for"), ("groupSealer", "sealedFor")];
    let is_revealed = |word: &str, value: &Json| {
        let text = value.as_str().unwrap_or_default();
        let way = text.split_once('@').map_or(text, |(_, sealer)| sealer);
        !group.entries(&format!("{key}_{word}_{way}")).is_empty()
    };
    let is_now = |(setting, word): &(&str, &str)| {
        let value = above.get(setting);
        value.is_some_and(|value| is_revealed(word, value))
    };
    let was_ever = |(setting, word): &(&str, &str)| {
        let mut entries = above.entries(setting).iter();
        entries.any(|entry| is_revealed(word, &entry.value))
    };
    settings.iter().any(was_ever) && !settings.iter().any(is_now)
}

/// A key that everyone may read protects nothing, so that a new one would not either.
fn stays_public(history: &GroupHistory, removed: Option<&str>, at: Timestamp) -> bool {
    removed != Some(EVERYONE)
        && history
            .direct_role(EVERYONE, at)
            .is_some_and(Role::can_read)
}
