//! Judging a group together with the groups above it.
//!
//! The outcome for a group is a function of the logs alone, whatever was asked first. Groups that name each other as
//! parents in a ring are judged together, in the order of their transactions' times: the one that would close the ring is
//! refused ([`ring`]).

mod ring;

use std::sync::Arc;

use super::Logs;
use super::group_history::{GroupChange, GroupHistory, GroupIdentity, GroupTransaction, Groups};
use super::role::Role;
use crate::collections::{SortedMap, SortedSet};
use crate::header::Ruleset;
use crate::ids::{CoId, SessionId, Timestamp};
use crate::transaction::Transaction;
use crate::value_log::ValueLog;
use crate::view::TransactionId;

/// How many groups above one are looked at; roles do not flow from further up. They are sought from group to group, so it
/// bounds the depth of that too.
const GROUPS_ABOVE_MAX: usize = 256;

/// Histories by group, closed under "parent of".
#[derive(Clone, Debug, Default)]
pub(super) struct Histories(SortedMap<CoId, Arc<GroupHistory>>);

impl Histories {
    pub(super) fn get(&self, id: &CoId) -> Option<&Arc<GroupHistory>> {
        self.0.get(id)
    }

    /// When the last accepted transaction of any of them was made.
    pub(super) fn latest(&self) -> Timestamp {
        self.0
            .values()
            .map(|history| history.latest())
            .max()
            .unwrap_or_default()
    }

    /// When a role in any of them may have changed for the first time after a time.
    pub(super) fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let histories = self.0.values();
        histories
            .filter_map(|history| history.next_change(at))
            .min()
    }

    /// Whether both come from the same accepted transactions.
    pub(super) fn agree(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self
                .0
                .iter()
                .zip(&other.0)
                .all(|(left, right)| left.0 == right.0 && left.1.accepted() == right.1.accepted())
    }
}

impl Groups for Histories {
    fn is_group(&self, id: &CoId) -> bool {
        self.get(id)
            .is_some_and(|history| !history.identity().is_account)
    }

    fn role_in(&self, group: &CoId, member: &str, at: Timestamp) -> Option<Role> {
        self.get(group)?.role_of(member, at, self)
    }
}

/// A group and all above it, judged.
#[derive(Debug)]
pub(super) struct Judgement {
    pub(super) histories: Histories,
    /// The values that the outcome depends on, those that are missing among them.
    pub(super) depends_on: SortedSet<CoId>,
}

/// Transactions that a group's log does not have yet.
pub(super) struct Addition<'a> {
    pub(super) group: &'a CoId,
    pub(super) session: &'a SessionId,
    /// How many transactions of the session come before these.
    pub(super) after: u32,
    pub(super) transactions: &'a [Transaction],
    /// They count as made at this time if they claim an earlier one.
    pub(super) not_before: Timestamp,
}

impl Addition<'_> {
    /// The last of them.
    pub(super) fn newest(&self) -> Option<TransactionId> {
        let count = u32::try_from(self.transactions.len()).ok()?;
        Some(TransactionId {
            session: self.session.clone(),
            index: self.after.checked_add(count)?.checked_sub(1)?,
        })
    }

    fn add_to(&self, transactions: &mut Vec<GroupTransaction>) {
        for (index, transaction) in (self.after..).zip(self.transactions) {
            let mut added = group_transaction(self.session, index, transaction);
            added.made_at = added.made_at.max(self.not_before);
            transactions.push(added);
        }
    }
}

/// Judges a group; `None` if it is not loaded or not a group.
pub(super) fn judge(logs: &impl Logs, id: &CoId) -> Option<Judgement> {
    judge_all(logs, id, None)
}

/// Judges a group as if its log had more in it.
pub(super) fn judge_with(logs: &impl Logs, addition: &Addition<'_>) -> Option<Judgement> {
    judge_all(logs, addition.group, Some(addition))
}

fn judge_all(logs: &impl Logs, id: &CoId, addition: Option<&Addition<'_>>) -> Option<Judgement> {
    let mut judging = Judging {
        logs,
        addition,
        histories: Histories::default(),
        depends_on: SortedSet::new(),
        path: Vec::new(),
        meets_itself: false,
    };
    judging.judge(id);
    if judging.meets_itself {
        judging.judge_rings();
    }
    judging.histories.get(id)?;
    Some(Judgement {
        histories: judging.histories,
        depends_on: judging.depends_on,
    })
}

struct Judging<'a, L> {
    logs: &'a L,
    addition: Option<&'a Addition<'a>>,
    histories: Histories,
    depends_on: SortedSet<CoId>,
    path: Vec<CoId>,
    /// Some group names one that is below it.
    meets_itself: bool,
}

impl<L: Logs> Judging<'_, L> {
    fn judge(&mut self, id: &CoId) {
        self.depends_on.insert(id.clone());
        let Some((identity, transactions)) = self.gather(id) else {
            return;
        };
        self.path.push(id.clone());
        for parent in named_parents(&transactions) {
            self.meets_itself |= self.path.contains(&parent) && parent != *id;
            if self.is_ahead(&parent) {
                self.judge(&parent);
            }
        }
        self.path.pop();
        let history = GroupHistory::judge(identity, transactions, &self.histories);
        self.histories.0.insert(id.clone(), Arc::new(history));
    }

    /// What is known of a group; `None` if it is not loaded or not a group.
    fn gather(&self, id: &CoId) -> Option<(GroupIdentity, Vec<GroupTransaction>)> {
        let log = self.logs.log(id)?;
        let identity = group_identity(log)?;
        let mut transactions = group_transactions(log);
        if let Some(addition) = self.addition.filter(|addition| addition.group == id) {
            addition.add_to(&mut transactions);
        }
        Some((identity, transactions))
    }

    fn is_ahead(&self, parent: &CoId) -> bool {
        self.path.len() + self.histories.0.len() < GROUPS_ABOVE_MAX
            && !self.path.contains(parent)
            && self.histories.get(parent).is_none()
    }
}

/// What judging needs of a header; `None` if it is no group's.
fn group_identity(log: &ValueLog) -> Option<GroupIdentity> {
    let Ruleset::Group { initial_admin } = &log.header().ruleset else {
        return None;
    };
    Some(GroupIdentity {
        id: log.id().clone(),
        is_account: log.header().is_account(),
        initial_admin: Arc::clone(initial_admin),
    })
}

fn group_transactions(log: &ValueLog) -> Vec<GroupTransaction> {
    let mut transactions = Vec::new();
    for session_log in log.sessions() {
        for (index, transaction) in (0_u32..).zip(session_log.transactions()) {
            transactions.push(group_transaction(session_log.session(), index, transaction));
        }
    }
    transactions
}

fn group_transaction(
    session: &SessionId,
    index: u32,
    transaction: &Transaction,
) -> GroupTransaction {
    GroupTransaction {
        id: TransactionId {
            session: session.clone(),
            index,
        },
        made_at: transaction.made_at(),
        change: match transaction {
            Transaction::Private { .. } => GroupChange::Private,
            Transaction::Trusting { changes, .. } => GroupChange::parse(changes),
        },
    }
}

/// The groups that any transaction, valid or not, names as a parent. Accounts cannot be parents.
fn named_parents(transactions: &[GroupTransaction]) -> SortedSet<CoId> {
    transactions
        .iter()
        .filter_map(|transaction| match &transaction.change {
            GroupChange::Set { key, .. } => CoId::parse(key.strip_prefix("parent_")?).ok(),
            _ => None,
        })
        .collect()
}
