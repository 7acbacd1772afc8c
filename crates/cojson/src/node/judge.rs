//! What a value's transactions are judged by: the history and keys of the group that rules it.

use crate::access::{Access, Logs, Role};
use crate::collections::SortedSet;
use crate::crypto::KeySecret;
use crate::header::{Header, Ruleset, ValueType};
use crate::ids::{CoId, KeyId, SessionId, Timestamp};
use crate::json::Json;
use crate::value_log::ValueLog;
use crate::view::{TransactionId, ValidTransaction};

/// The judge of one log.
pub(super) struct Judge<'a, L> {
    access: &'a mut Access,
    logs: &'a L,
    /// Whether only those who administer the group may delete items.
    restricts_deletion: bool,
    /// The group, or the value itself if it is one; `None` if anyone may write.
    owner: Option<&'a CoId>,
    /// For a group: the transactions that its history accepted.
    accepted: Option<SortedSet<TransactionId>>,
    /// What was last found of an author, which mostly wrote what comes next too.
    last: Option<Tenure>,
}

/// The role of a session's author, for as long as it is known to hold.
struct Tenure {
    session: SessionId,
    role: Option<Role>,
    from: Timestamp,
    /// The first time of which it is not known.
    until: Timestamp,
}

impl Tenure {
    fn is_known_at(&self, at: Timestamp) -> bool {
        (self.from..self.until).contains(&at)
    }
}

impl<'a, L: Logs> Judge<'a, L> {
    pub(super) fn new(log: &'a ValueLog, access: &'a mut Access, logs: &'a L) -> Self {
        let header = log.header();
        let is_group = header.has_members();
        let owner = if is_group {
            Some(log.id())
        } else {
            header.owner()
        };
        let accepted = owner.filter(|_| is_group).map(|group| {
            let history = access.history(logs, group);
            history.map_or_else(SortedSet::new, |history| {
                history.accepted().iter().cloned().collect()
            })
        });
        Self {
            access,
            logs,
            restricts_deletion: is_list(header)
                && matches!(
                    header.ruleset,
                    Ruleset::OwnedByGroup {
                        restrict_deletion: Some(true),
                        ..
                    }
                ),
            owner,
            accepted,
            last: None,
        }
    }

    /// The secret of a read key, if we can find it.
    pub(super) fn key(&mut self, key: &KeyId) -> Option<KeySecret> {
        self.access.key(self.logs, self.owner?, key)
    }

    /// Whether its author was allowed to make it, when it was really made.
    pub(super) fn accepts(&mut self, transaction: &ValidTransaction) -> bool {
        if let Some(accepted) = &self.accepted {
            return accepted.contains(&transaction.id);
        }
        let is_deletion = transaction.id.session.is_delete();
        let Some(owner) = self.owner else {
            return !is_deletion;
        };
        let role = self.role_of(owner, &transaction.id.session, transaction.made_at);
        if is_deletion {
            return role == Some(Role::Admin);
        }
        role.is_some_and(Role::can_write)
            && (!self.restricts_deletion
                || !deletes(transaction)
                || role.is_some_and(Role::can_administer))
    }
}

impl<L: Logs> Judge<'_, L> {
    /// The role of a session's author. How long it holds is asked for from its second transaction on.
    fn role_of(&mut self, owner: &CoId, session: &SessionId, at: Timestamp) -> Option<Role> {
        let last = self.last.take().filter(|last| last.session == *session);
        let tenure = match last {
            Some(last) if last.is_known_at(at) => last,
            last => {
                let role = self.access.role_of(self.logs, owner, session.author(), at);
                let until = match last {
                    Some(_) => {
                        let change = self.access.next_change(self.logs, owner, at);
                        change.unwrap_or(Timestamp(u64::MAX))
                    }
                    None => at,
                };
                Tenure {
                    session: session.clone(),
                    role,
                    from: at,
                    until,
                }
            }
        };
        let role = tenure.role;
        self.last = Some(tenure);
        role
    }
}

/// Whether its view is a list's.
pub(super) fn is_list(header: &Header) -> bool {
    matches!(
        header.value_type,
        ValueType::CoList | ValueType::CoPlainText
    )
}

fn deletes(transaction: &ValidTransaction) -> bool {
    let mut operations = transaction.changes.iter().map(|change| change.get("op"));
    operations.any(|op| op.and_then(Json::as_str) == Some("del"))
}
