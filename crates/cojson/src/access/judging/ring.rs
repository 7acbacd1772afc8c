//! Groups that name each other as parents in a ring, and those below such groups, judged together.
//!
//! One after the other, in the order of their transactions, whichever group they are of. So of the transactions that make
//! a ring, the one that closes it is refused, on every replica the same one; and where a parent was given up before
//! the other direction was taken, neither is.

use std::sync::Arc;

use super::super::group_history::{GroupIdentity, GroupTransaction, Groups, Judge};
use super::super::role::Role;
use super::{Histories, Judging, Logs, named_parents};
use crate::collections::SortedSet;
use crate::ids::{CoId, Timestamp};

/// A group of which the first pass could not say how it is judged.
struct Tangled {
    identity: GroupIdentity,
    transactions: Vec<GroupTransaction>,
    parents: SortedSet<CoId>,
}

impl<L: Logs> Judging<'_, L> {
    /// Judges anew what a ring is among, or above.
    pub(super) fn judge_rings(&mut self) {
        let mut tangled: Vec<Tangled> = self
            .depends_on
            .iter()
            .filter_map(|id| self.gather(id))
            .map(|(identity, transactions)| Tangled {
                parents: named_parents(&transactions),
                identity,
                transactions,
            })
            .collect();
        // A group is free whose parents are: they were judged before it.
        loop {
            let names: SortedSet<CoId> = tangled
                .iter()
                .map(|group| group.identity.id.clone())
                .collect();
            tangled.retain(|group| {
                let mut parents = group.parents.iter();
                let own = &group.identity.id;
                parents.any(|parent| parent != own && names.contains(parent))
            });
            if tangled.len() == names.len() {
                break;
            }
        }
        for group in &tangled {
            self.histories.0.remove(&group.identity.id);
        }
        judge_together(tangled, &mut self.histories);
    }
}

fn judge_together(groups: Vec<Tangled>, histories: &mut Histories) {
    let mut judges = Vec::new();
    let mut transactions = Vec::new();
    for (place, group) in groups.into_iter().enumerate() {
        judges.push(Some(Judge::new(group.identity)));
        let own = group.transactions.into_iter();
        transactions.extend(own.map(|transaction| (transaction, place)));
    }
    transactions.sort_by(|(left, in_left), (right, in_right)| {
        let of = |one: &GroupTransaction| one.made_at;
        (of(left), &left.id, in_left).cmp(&(of(right), &right.id, in_right))
    });
    for (transaction, place) in transactions {
        let Some(mut judge) = judges.get_mut(place).and_then(Option::take) else {
            continue;
        };
        let others = Others {
            finished: histories,
            judges: &judges,
        };
        judge.take(transaction, &others);
        if let Some(home) = judges.get_mut(place) {
            *home = Some(judge);
        }
    }
    for judge in judges.into_iter().flatten() {
        let history = judge.into_history();
        let id = history.identity().id.clone();
        histories.0.insert(id, Arc::new(history));
    }
}

/// All groups but the one that is just being judged, as far as they are judged.
struct Others<'a> {
    finished: &'a Histories,
    judges: &'a [Option<Judge>],
}

impl Others<'_> {
    fn judge(&self, id: &CoId) -> Option<&Judge> {
        let mut judges = self.judges.iter().flatten();
        judges.find(|judge| judge.history().identity().id == *id)
    }
}

impl Groups for Others<'_> {
    fn is_group(&self, id: &CoId) -> bool {
        match self.judge(id) {
            Some(judge) => !judge.history().identity().is_account,
            None => self.finished.is_group(id),
        }
    }

    fn role_in(&self, group: &CoId, member: &str, at: Timestamp) -> Option<Role> {
        match self.judge(group) {
            Some(judge) => judge.history().role_of(member, at, self),
            None => self.finished.role_in(group, member, at),
        }
    }

    fn is_above(&self, above: &CoId, below: &CoId, at: Timestamp) -> bool {
        let mut found = SortedSet::from([below.clone()]);
        let mut ahead = vec![below.clone()];
        while let Some(id) = ahead.pop() {
            let Some(judge) = self.judge(&id) else {
                continue;
            };
            for parent in judge.history().parents_at(at) {
                if parent == above {
                    return true;
                }
                if found.insert(parent.clone()) {
                    ahead.push(parent.clone());
                }
            }
        }
        false
    }
}
