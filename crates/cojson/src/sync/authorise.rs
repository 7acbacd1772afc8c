//! Whether the rules let an author write: asked before a piece of a session joins a log, by a host that wants it.
//!
//! A piece is signed as a whole and cannot be cut, so its newest transaction decides. One that is refused costs nobody
//! anything: the log is as it was, and what its author may write later comes in with what came before it, which readers
//! judge by themselves as ever. What the rules need (groups, accounts) is waited for like any dependency.

use super::RELAY;
use super::entry::Entry;
use super::rejection::Rejection;
use super::replica::Replica;
use crate::access::Logs;
use crate::collections::SortedMap;
use crate::crypto::SignerId;
use crate::header::Ruleset;
use crate::ids::{CoId, SessionId};
use crate::json::Json;
use crate::session_log::SessionContent;
use crate::transaction::Transaction;
use crate::value_log::ValueLog;

/// What a replica asks of those whose content it takes in, beyond their signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteRule {
    /// Nothing: readers judge by themselves. For a replica that is no server.
    #[default]
    Signed,
    /// A deletion must be an admin's.
    AdminsDelete,
    /// All must be allowed by the rules of the group: content a member's who may write, changes of a group those that its
    /// members may make.
    MembersWrite,
}

/// Why an author may not write something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The group that the value belongs to cannot be had.
    #[error("the group that rules the value is unknown")]
    NoGroup,
    /// The author has no role that writes, at the time it claims or now.
    #[error("the author is no member that may write")]
    NotAWriter,
    /// The group's rules do not allow the change, at the time it claims or now.
    #[error("the author may not change the group so")]
    GroupChange,
    /// A deletion of what cannot be deleted, of another value, or with something else.
    #[error("a delete session may hold one deletion of its own value, which is no group")]
    NotADeletion,
    /// The author is no admin, at the time it claims or now.
    #[error("only an admin of its group may delete a value")]
    NotAnAdmin,
}

impl Denial {
    /// A stable name for counters.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoGroup => "no_group",
            Self::NotAWriter => "not_a_writer",
            Self::GroupChange => "group_change",
            Self::NotADeletion => "not_a_deletion",
            Self::NotAnAdmin => "not_an_admin",
        }
    }
}

/// The logs in memory.
pub(super) struct Held<'a>(pub(super) &'a SortedMap<CoId, Entry>);

impl Logs for Held<'_> {
    fn log(&self, id: &CoId) -> Option<&ValueLog> {
        self.0.get(id).map(|entry| &entry.log)
    }
}

/// What is new of a session.
struct News<'a> {
    id: &'a CoId,
    session: &'a SessionId,
    after: u32,
    transactions: &'a [Transaction],
}

impl Replica {
    /// Whether a piece of a session may join a value's log. What is not new, or not next, is not asked about.
    pub(super) fn authorise(
        &mut self,
        id: &CoId,
        session: &SessionId,
        content: &SessionContent,
        signer: &SignerId,
    ) -> Result<(), Rejection> {
        let is_judged = RELAY
            && match self.config.write_rule {
                WriteRule::Signed => false,
                WriteRule::AdminsDelete => session.is_delete(),
                WriteRule::MembersWrite => true,
            };
        let Some(entry) = self.entries.get_mut(id).filter(|_| is_judged) else {
            return Ok(());
        };
        let after = entry.log.session_len(session);
        let known = after.checked_sub(content.after).map(|known| known as usize);
        let new = known.and_then(|known| content.new_transactions.get(known..));
        let Some(transactions) = new.filter(|new| !new.is_empty()) else {
            return Ok(());
        };
        let is_group = entry.log.header().has_members();
        // Judging a group costs more than a signature, so nobody but its author may ask for it.
        if is_group && entry.log.verify(session, content.clone(), signer).is_err() {
            return Ok(());
        }
        let news = News {
            id,
            session,
            after,
            transactions,
        };
        let denial = if session.is_delete() {
            self.judge_deletion(&news)
        } else {
            self.judge_writing(&news)
        };
        denial.map_err(|denial| Rejection::NotAllowed {
            session: session.clone(),
            denial,
        })
    }

    fn judge_writing(&mut self, news: &News<'_>) -> Result<(), Denial> {
        let held = Held(&self.entries);
        let (Some(log), Some(newest)) = (held.log(news.id), news.transactions.last()) else {
            return Ok(());
        };
        let members = &mut self.members;
        let (is_allowed, denial) = match &log.header().ruleset {
            Ruleset::UnsafeAllowAll => return Ok(()),
            Ruleset::OwnedByGroup { group, .. } if held.log(group).is_none() => {
                return Err(Denial::NoGroup);
            }
            Ruleset::OwnedByGroup { group, .. } => {
                let author = news.session.author();
                let may_write = members.may_write(&held, group, author, newest);
                (may_write, Denial::NotAWriter)
            }
            Ruleset::Group { .. } => {
                let (session, after) = (news.session, news.after);
                let may_change =
                    members.may_change(&held, news.id, session, after, news.transactions);
                (may_change, Denial::GroupChange)
            }
        };
        is_allowed.then_some(()).ok_or(denial)
    }

    fn judge_deletion(&mut self, news: &News<'_>) -> Result<(), Denial> {
        let held = Held(&self.entries);
        let header = held.log(news.id).map(ValueLog::header);
        let Some(Ruleset::OwnedByGroup { group, .. }) = header.map(|header| &header.ruleset) else {
            return Err(Denial::NotADeletion);
        };
        let [deletion] = news.transactions else {
            return Err(Denial::NotADeletion);
        };
        if news.after > 0 || !is_deletion_of(news.id, deletion) {
            return Err(Denial::NotADeletion);
        }
        if held.log(group).is_none() {
            return Err(Denial::NoGroup);
        }
        let author = news.session.author();
        let at = deletion.made_at();
        let is_allowed = self.members.may_delete(&held, group, author, at);
        is_allowed.then_some(()).ok_or(Denial::NotAnAdmin)
    }
}

/// Whether a transaction is the tombstone of that value.
pub(super) fn is_deletion_of(id: &CoId, transaction: &Transaction) -> bool {
    let Transaction::Trusting {
        meta: Some(meta), ..
    } = transaction
    else {
        return false;
    };
    let meta = Json::parse(meta).unwrap_or_default();
    meta.get("deleted").and_then(Json::as_str) == Some(id.as_str())
}
