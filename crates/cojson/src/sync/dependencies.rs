//! What a value depends on: who must be there first so that it can be verified and understood.
//!
//! The owner, the source of a branch, the accounts that write in it and, for a group, the members and parents that it
//! names. Judged by form alone; whether a transaction was allowed is not asked here.

use crate::collections::SortedSet;
use crate::header::Header;
use crate::ids::{CoId, SessionId};
use crate::json::Json;
use crate::session_log::SessionContent;
use crate::transaction::Transaction;

/// What the header names: the owner and a branch's source.
pub(super) fn of_header(header: &Header, found: &mut SortedSet<CoId>) {
    found.extend(header.owner().cloned());
    let source = header.meta.get("source").and_then(|source| source.as_str());
    found.extend(source.and_then(|source| CoId::parse(source).ok()));
}

/// What a piece of a session names: its author's account and, in a group, members and parents.
pub(super) fn of_content(
    is_group: bool,
    session: &SessionId,
    content: &SessionContent,
    found: &mut SortedSet<CoId>,
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
pub(super) fn of_group_transaction(transaction: &Transaction, found: &mut SortedSet<CoId>) {
    let Transaction::Trusting { changes, .. } = transaction else {
        return;
    };
    // Most transactions of a group reveal keys; only those that can name a value are worth parsing.
    if changes.contains("co_z") {
        let changes = Json::parse(changes).unwrap_or_default();
        let changes = changes.as_array().unwrap_or_default();
        found.extend(changes.iter().filter_map(named_value));
    }
}

fn named_value(change: &Json) -> Option<CoId> {
    if change.get("op")?.as_str() != Some("set") {
        return None;
    }
    let key = change.get("key")?.as_str()?;
    CoId::parse(key.strip_prefix("parent_").unwrap_or(key)).ok()
}
