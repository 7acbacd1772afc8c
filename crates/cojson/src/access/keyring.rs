//! Finding the secret of a read key: told to everyone, sealed for us, encrypted for a key that we can find, or held by
//! a parent group.
//!
//! A key that somebody wrapped wrongly is passed over, so that a damaged revelation does not hide an intact one.

use std::sync::Arc;

use super::group_history::{EVERYONE, GroupEntry, GroupHistory};
use super::{Access, Logs};
use crate::collections::{SortedMap, SortedSet};
use crate::crypto::{
    KeySecret, NonceMaterial, SealerId, SealerSecret, decrypt_key, unseal_key, unseal_key_for_group,
};
use crate::ids::{AgentId, CoId, KeyId};

/// The secrets of one group's keys that were looked for; `None` if it was not found.
pub(super) type FoundKeys = SortedMap<KeyId, Option<KeySecret>>;

/// A key on the way from the one looked for to one that opens.
struct Step {
    key: KeyId,
    /// The step whose key this one encrypts.
    wraps: Option<usize>,
}

impl Access {
    /// The secret of a key of this group, if we can find it.
    pub fn key(&mut self, logs: &impl Logs, group: &CoId, key: &KeyId) -> Option<KeySecret> {
        self.find_key(logs, group, key, &mut Vec::new())
    }

    /// `path` holds the groups whose keys are being looked for, so that a ring of parents ends.
    fn find_key(
        &mut self,
        logs: &impl Logs,
        group: &CoId,
        key: &KeyId,
        path: &mut Vec<CoId>,
    ) -> Option<KeySecret> {
        if path.contains(group) {
            return None;
        }
        let history = Arc::clone(self.history(logs, group)?);
        if let Some(found) = self.found_key(group, key) {
            return found.clone();
        }
        path.push(group.clone());
        let found = self.climb(logs, &history, key, path);
        path.pop();
        if found.is_some() || path.is_empty() {
            self.remember_key(group, key, found.clone());
        }
        found
    }

    /// Goes from the key to those it is encrypted with, until one opens, and back down.
    fn climb(
        &mut self,
        logs: &impl Logs,
        history: &GroupHistory,
        key: &KeyId,
        path: &mut Vec<CoId>,
    ) -> Option<KeySecret> {
        let mut steps = vec![Step {
            key: key.clone(),
            wraps: None,
        }];
        let mut seen = SortedSet::from([key.clone()]);
        let mut at = 0;
        while let Some(current) = steps.get(at).map(|step| step.key.clone()) {
            let opened = self.open(logs, history, &current, path);
            let found = opened.and_then(|secret| self.descend(history, &steps, at, secret));
            if found.is_some() {
                return found;
            }
            for wrapping in history.wrapping_keys(&current) {
                if seen.insert(wrapping.clone()) {
                    steps.push(Step {
                        key: wrapping.clone(),
                        wraps: Some(at),
                    });
                }
            }
            at += 1;
        }
        None
    }

    /// Decrypts from the opened key down to the one looked for, and remembers those between.
    fn descend(
        &mut self,
        history: &GroupHistory,
        steps: &[Step],
        from: usize,
        secret: KeySecret,
    ) -> Option<KeySecret> {
        let mut step = steps.get(from)?;
        let mut secret = secret;
        while let Some(wrapped) = step.wraps.and_then(|at| steps.get(at)) {
            let entries = history.entries(&format!("{}_for_{}", wrapped.key, step.key));
            secret = newest_text(entries)
                .find_map(|(_, text)| decrypt_key(&wrapped.key, (&step.key, &secret), text).ok())?;
            self.remember_key(&history.identity().id, &wrapped.key, Some(secret.clone()));
            step = wrapped;
        }
        Some(secret)
    }

    /// The key's secret, without any other key of this group.
    fn open(
        &mut self,
        logs: &impl Logs,
        history: &GroupHistory,
        key: &KeyId,
        path: &mut Vec<CoId>,
    ) -> Option<KeySecret> {
        self.found_key(&history.identity().id, key)
            .cloned()
            .flatten()
            .or_else(|| told_to_everyone(history, key))
            .or_else(|| self.unseal(logs, history, key, path))
            .or_else(|| self.open_by_parents(logs, history, key, path))
    }

    fn unseal(
        &mut self,
        logs: &impl Logs,
        history: &GroupHistory,
        key: &KeyId,
        path: &[CoId],
    ) -> Option<KeySecret> {
        let readers = [&*self.identity().member, self.identity().agent.as_str()];
        let names = readers.map(|reader| format!("{key}_for_{reader}"));
        names
            .iter()
            .flat_map(|name| newest_text(history.entries(name)))
            .find_map(|(entry, text)| {
                let author = self.sealer_of(logs, entry.id.session.author(), path)?;
                let material = nonce_material(&history.identity().id, entry);
                unseal_key(text, &author, &self.identity().secret.sealer, &material).ok()
            })
    }

    /// The public sealer of whoever wrote something; if its account is not here, those who look for a key await it.
    fn sealer_of(&mut self, logs: &impl Logs, author: &str, path: &[CoId]) -> Option<SealerId> {
        if let Ok(agent) = AgentId::parse(author) {
            return agent.sealer().ok();
        }
        let account = CoId::parse(author).ok()?;
        let agent = self.agent_of(logs, &account);
        if agent.is_none() {
            self.await_account(&account, path);
        }
        agent?.sealer().ok()
    }

    fn open_by_parents(
        &mut self,
        logs: &impl Logs,
        history: &GroupHistory,
        key: &KeyId,
        path: &mut Vec<CoId>,
    ) -> Option<KeySecret> {
        let parents: Vec<CoId> = history.parents_ever().cloned().collect();
        parents.iter().find_map(|parent| {
            self.find_key(logs, parent, key, path)
                .or_else(|| self.open_by_group_sealer(logs, history, parent, key, path))
        })
    }

    /// A child's key that someone outside the parent sealed for whoever has the parent's read key.
    fn open_by_group_sealer(
        &mut self,
        logs: &impl Logs,
        history: &GroupHistory,
        parent: &CoId,
        key: &KeyId,
        path: &mut Vec<CoId>,
    ) -> Option<KeySecret> {
        let parent_history = Arc::clone(self.history(logs, parent)?);
        newest_text(parent_history.entries("groupSealer")).find_map(|(_, text)| {
            let (parent_key, sealer) = text.split_once('@')?;
            let entries = history.entries(&format!("{key}_sealedFor_{sealer}"));
            let (entry, wrapped) = newest_text(entries).next()?;
            let parent_key = KeyId::parse(parent_key).ok()?;
            let secret = self.find_key(logs, parent, &parent_key, path)?;
            let material = nonce_material(&history.identity().id, entry);
            unseal_key_for_group(wrapped, &SealerSecret::of_group(&secret), &material).ok()
        })
    }
}

fn told_to_everyone(history: &GroupHistory, key: &KeyId) -> Option<KeySecret> {
    newest_text(history.entries(&format!("{key}_for_{EVERYONE}")))
        .find_map(|(_, text)| KeySecret::parse(text).ok())
}

fn newest_text(entries: &[GroupEntry]) -> impl Iterator<Item = (&GroupEntry, &str)> {
    entries
        .iter()
        .rev()
        .filter_map(|entry| Some((entry, entry.value.as_str()?)))
}

fn nonce_material<'a>(group: &'a CoId, entry: &'a GroupEntry) -> NonceMaterial<'a> {
    NonceMaterial::Transaction {
        value: group,
        session: &entry.id.session,
        index: entry.id.index,
    }
}
