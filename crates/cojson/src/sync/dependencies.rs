//! What a value depends on: who must be there first so that it can be verified and understood.
//!
//! The owner, the source of a branch, the accounts that write in it and, for a group, the members and parents that it
//! names. Judged by form alone; whether a transaction was allowed is not asked here.

use std::collections::BTreeSet;

use serde::Deserialize;
use std::borrow::Cow;

use crate::header::{Header, Ruleset};
use crate::ids::{CoId, SessionId};
use crate::session_log::SessionContent;
use crate::transaction::Transaction;

/// What the header names: the owner and a branch's source.
pub(super) fn of_header(header: &Header, found: &mut BTreeSet<CoId>) {
    found.extend(header.owner().cloned());
    let source = header.meta.get("source").and_then(|source| source.as_str());
    found.extend(source.and_then(|source| CoId::parse(source).ok()));
}

/// Whether the value's keys name members and parents: it is a group or an account.
pub(super) fn is_group(header: &Header) -> bool {
    matches!(header.ruleset, Ruleset::Group { .. })
}

/// What a piece of a session names: its author's account and, in a group, members and parents.
pub(super) fn of_content(
    is_group: bool,
    session: &SessionId,
    content: &SessionContent,
    found: &mut BTreeSet<CoId>,
) {
    found.extend(author_account(session));
    if is_group {
        for transaction in &content.new_transactions {
            of_group_transaction(transaction, found);
        }
    }
}

/// The account that writes in a session; none if an agent does.
pub(super) fn author_account(session: &SessionId) -> Option<CoId> {
    CoId::parse(session.author()).ok()
}

/// The members and parents that a group's transaction sets.
pub(super) fn of_group_transaction(transaction: &Transaction, found: &mut BTreeSet<CoId>) {
    let Transaction::Trusting { changes, .. } = transaction else {
        return;
    };
    // Most transactions of a group reveal keys; only those that can name a value are worth parsing.
    if changes.contains("co_z") {
        let changes: Vec<Change<'_>> = serde_json::from_str(changes).unwrap_or_default();
        found.extend(changes.iter().filter_map(named_value));
    }
}

#[derive(Deserialize)]
struct Change<'a> {
    #[serde(borrow, default)]
    op: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    key: Option<Cow<'a, str>>,
}

fn named_value(change: &Change<'_>) -> Option<CoId> {
    if change.op.as_deref() != Some("set") {
        return None;
    }
    let key = change.key.as_deref()?;
    CoId::parse(key.strip_prefix("parent_").unwrap_or(key)).ok()
}
