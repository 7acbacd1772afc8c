//! Who may write, as a server judges it: it has no identity and no keys, only logs and the time of receipt.
//!
//! What an author wants to add is allowed if the group's rules allow it at the time that the author claims *and* now, at
//! the end of what is known of the group. So a member that was removed can no longer write, however far back it dates.
//! Histories are judged once for each state of the logs that they come from. It never reads content.

use std::sync::Arc;

use super::Logs;
use super::group_history::{EVERYONE, GroupChange, GroupHistory, Groups};
use super::group_key::GroupKey;
use super::judging::{Addition, Histories, Judgement, judge, judge_with};
use super::role::Role;
use crate::collections::SortedMap;
use crate::ids::{CoId, SessionId, Timestamp};
use crate::json::Json;
use crate::transaction::Transaction;
use crate::value_log::ValueLog;

/// How many groups' histories are kept; beyond it all are judged again when they are needed.
const GROUPS_MAX: usize = 1_024;

/// The end of what is known: later than any claim.
const NOW: Timestamp = Timestamp(u64::MAX);

/// The members of groups, by what the logs say.
#[derive(Debug, Default)]
pub(crate) struct Members {
    judged: SortedMap<CoId, Judged>,
}

#[derive(Debug)]
struct Judged {
    histories: Histories,
    /// The logs that it comes from, and how long each was; `None` if it was not there.
    as_of: Vec<(CoId, Option<u64>)>,
}

impl Judged {
    fn new(logs: &impl Logs, judgement: Judgement) -> Self {
        let depends_on = judgement.depends_on.into_iter();
        Self {
            as_of: depends_on
                .map(|id| (id.clone(), length(logs, &id)))
                .collect(),
            histories: judgement.histories,
        }
    }

    fn is_current(&self, logs: &impl Logs) -> bool {
        self.as_of
            .iter()
            .all(|(id, before)| length(logs, id) == *before)
    }
}

/// Logs only ever grow, so as many transactions are the same transactions.
fn length(logs: &impl Logs, id: &CoId) -> Option<u64> {
    let lengths = |log: &ValueLog| log.sessions().map(|session| u64::from(session.len())).sum();
    logs.log(id).map(lengths)
}

impl Members {
    /// Whether an author may write content of a group, made at that time.
    pub(crate) fn may_write(
        &mut self,
        logs: &impl Logs,
        group: &CoId,
        author: &str,
        transaction: &Transaction,
    ) -> bool {
        let roles = self.roles(logs, group, author, transaction.made_at());
        roles.is_some_and(|roles| {
            roles.iter().all(|role| role.can_write()) || is_branch_pointer(transaction)
        })
    }

    /// Whether an author may delete a value of a group.
    pub(crate) fn may_delete(
        &mut self,
        logs: &impl Logs,
        group: &CoId,
        author: &str,
        at: Timestamp,
    ) -> bool {
        let roles = self.roles(logs, group, author, at);
        roles.is_some_and(|roles| roles.iter().all(|role| *role == Role::Admin))
    }

    /// Whether an author was admin of a group at that time, whatever it is now: what was deleted stays so when the one who
    /// did it leaves.
    pub(crate) fn was_admin(
        &mut self,
        logs: &impl Logs,
        group: &CoId,
        author: &str,
        at: Timestamp,
    ) -> bool {
        let histories = self.histories(logs, group);
        histories.is_some_and(|histories| histories.role_in(group, author, at) == Some(Role::Admin))
    }

    /// Whether a group's own log may grow by these transactions of a session: the newest of them is what counts, as those
    /// before it cannot be left out, and whatever else is among them every reader ignores.
    pub(crate) fn may_change(
        &mut self,
        logs: &impl Logs,
        group: &CoId,
        session: &SessionId,
        after: u32,
        transactions: &[Transaction],
    ) -> bool {
        let Some(histories) = self.histories(logs, group) else {
            return false;
        };
        let Some(history) = histories.get(group) else {
            return false;
        };
        let author = session.author();
        let role = history.own_role(author, NOW, histories);
        // The reference ends opening a group to write-only strangers with a deletion, which its own rules ignore.
        let initial_admin = &*history.identity().initial_admin;
        let is_founder = author == initial_admin && history.is_unfounded();
        let transactions = if is_founder || role.is_some_and(Role::can_administer) {
            without_ignored_end(transactions)
        } else {
            transactions
        };
        if transactions.is_empty() {
            return true;
        }
        let may_try = match role {
            Some(role) if role.invites_to().is_some() => {
                !transactions.iter().any(|one| lowers_someone(history, one))
            }
            Some(_) => true,
            None => {
                let may_write = history.direct_role(EVERYONE, NOW) == Some(Role::WriteOnly);
                is_founder
                    || (may_write && transactions.iter().all(|one| names_key_of(author, one)))
            }
        };
        if !may_try {
            return false;
        }
        // Right behind all that is known.
        let now = Timestamp(histories.latest().0.saturating_add(1));
        let is_late = transactions.iter().any(|one| one.made_at() < now);
        let claimed = Addition {
            group,
            session,
            after,
            transactions,
            not_before: Timestamp::default(),
        };
        is_accepted(logs, &claimed)
            && (!is_late
                || is_accepted(
                    logs,
                    &Addition {
                        not_before: now,
                        ..claimed
                    },
                ))
    }

    /// The roles of a member at a time and now, if it has one at both.
    fn roles(
        &mut self,
        logs: &impl Logs,
        group: &CoId,
        member: &str,
        at: Timestamp,
    ) -> Option<[Role; 2]> {
        let histories = self.histories(logs, group)?;
        let role = |at| histories.role_in(group, member, at);
        Some([role(at)?, role(NOW)?])
    }

    fn histories(&mut self, logs: &impl Logs, group: &CoId) -> Option<&Histories> {
        let is_current = |judged: &Judged| judged.is_current(logs);
        if !self.judged.get(group).is_some_and(is_current) {
            self.judged.remove(group);
            let judgement = judge(logs, group)?;
            if self.judged.len() >= GROUPS_MAX {
                self.judged.clear();
            }
            let judged = Judged::new(logs, judgement);
            self.judged.insert(group.clone(), judged);
        }
        self.judged.get(group).map(|judged| &judged.histories)
    }
}

fn is_accepted(logs: &impl Logs, addition: &Addition<'_>) -> bool {
    let newest = addition.newest();
    let judgement = judge_with(logs, addition);
    let history = judgement
        .as_ref()
        .and_then(|one| one.histories.get(addition.group));
    history.is_some_and(|history| newest.is_some_and(|newest| history.accepted().contains(&newest)))
}

/// The transactions up to the last one that sets a key.
fn without_ignored_end(transactions: &[Transaction]) -> &[Transaction] {
    let last = transactions.iter().rposition(|one| set_key(one).is_some());
    last.and_then(|last| transactions.get(..=last))
        .unwrap_or_default()
}

/// The key that a transaction sets, and its value.
fn set_key(transaction: &Transaction) -> Option<(Arc<str>, Json)> {
    match transaction {
        Transaction::Trusting { changes, .. } => match GroupChange::parse(changes) {
            GroupChange::Set { key, value } => Some((key, value)),
            _ => None,
        },
        Transaction::Private { .. } => None,
    }
}

/// Whether a member would have less than it has. The format lets an invitation do that to anybody, an admin even; no
/// honest program does it.
fn lowers_someone(history: &GroupHistory, transaction: &Transaction) -> bool {
    let lowered = || {
        let (key, value) = set_key(transaction)?;
        let GroupKey::Member(member) = GroupKey::of(&key) else {
            return None;
        };
        let held = history.direct_role(member, NOW)?;
        Some(held.outranks(Role::parse(value.as_str()?)?))
    };
    lowered().unwrap_or_default()
}

/// Whether a transaction names the key that an author writes with, or may reveal it: all that one does who only may write
/// because everyone may.
fn names_key_of(author: &str, transaction: &Transaction) -> bool {
    set_key(transaction).is_some_and(|(key, _)| match GroupKey::of(&key) {
        GroupKey::WriteKeyFor(member) => member == author,
        GroupKey::Revelation(_) => true,
        _ => false,
    })
}

/// A reader may note in a value that it made a branch of it: no changes, and where the branch is in the meta. Of an
/// encrypted transaction only their length can be seen: that of `[]`.
fn is_branch_pointer(transaction: &Transaction) -> bool {
    match transaction {
        Transaction::Private {
            encrypted_changes,
            meta,
            ..
        } => {
            let text = encrypted_changes.strip_prefix("encrypted_U");
            meta.is_some() && text.is_some_and(|text| text.len() == 4 && text.ends_with('='))
        }
        Transaction::Trusting { changes, meta, .. } => {
            let meta = meta.as_deref();
            &**changes == "[]" && meta.is_some_and(|meta| meta.contains("\"branch\""))
        }
    }
}
