//! Branches of a value, and their way back.
//!
//! A branch is a value of its own whose id follows from its source, its name and its owner, so that two devices that begin
//! one offline have begun the same. It shows its source as it was where the branch began, and its own edits. A merge copies
//! these into the source, each named and dated as it was made: two who merge the same have merged it once.

use super::Node;
use super::error::WriteError;
use super::writing::{Draft, Stamp};
use crate::access::Role;
use crate::collections::SortedMap;
use crate::header::{CreatedAt, Header, Ruleset, Uniqueness};
use crate::ids::{CoId, SessionId, Timestamp};
use crate::json::Json;
use crate::transaction::Transaction;
use crate::view::ValidTransaction;

/// Who begins a branch of what.
#[derive(Clone, Debug)]
pub struct NewBranch {
    /// The value.
    pub source: CoId,
    /// The branch's name.
    pub name: String,
    /// The group whose members may read and write it; `None` is the source's own.
    pub owner: Option<CoId>,
}

impl Node {
    /// The id that a branch has, whether it exists or not; `None` while its source is not loaded, or if it is a group.
    pub fn branch_id(&self, branch: &NewBranch) -> Option<CoId> {
        Some(self.branch_header(branch)?.id())
    }

    /// Begins a branch. One that is here already is left as it is; one that is not has to be looked for with
    /// [`Node::load`] first, because a session of ours may have begun it before.
    pub fn branch(&mut self, branch: &NewBranch, now: Timestamp) -> Result<CoId, WriteError> {
        let source = &branch.source;
        let source_owner = self.writable(source, &[])?;
        let header = self
            .branch_header(branch)
            .ok_or_else(|| WriteError::NotOwned { id: source.clone() })?;
        let owner = header.owner().cloned();
        let id = self.make(header);
        self.writable(&id, &[])?;
        if self.has_branch_point(&id) {
            return Ok(id);
        }
        let sessions = self
            .log(source)
            .map(|log| counts_to_json(log.known_state().sessions));
        let start = Json::object(sessions.map(|sessions| ("from", sessions)));
        let start = Draft::empty().with(start);
        self.transact_with_meta(&id, &start, owner.as_ref(), Stamp::Now(now))?;
        let pointer = self.pointer(branch, source_owner.as_ref(), now);
        self.transact_with_meta(source, &pointer, source_owner.as_ref(), Stamp::Now(now))?;
        Ok(id)
    }

    /// Copies what a branch has and its source does not into the source, whose id it returns.
    pub fn merge(&mut self, branch: &CoId, now: Timestamp) -> Result<CoId, WriteError> {
        self.writable(branch, &[])?;
        let source = self
            .log(branch)
            .and_then(|log| log.header().branch_source());
        let source = source.ok_or_else(|| WriteError::NotABranch { id: branch.clone() })?;
        let owner = self.writable(&source, &[])?;
        let merged = self.merged_of(&source, branch);
        let edits = self.edits_to_merge(branch, &merged);
        let Some(latest) = edits.iter().map(|edit| edit.order().0.0).max() else {
            return Ok(source);
        };
        // After what it copies, even of the same moment: a copy that says it is 0 ms later is misread by the reference.
        let stamp = Stamp::Now(now.max(latest.plus_ms(1)));
        let mut told = Told::default();
        for edit in edits {
            let draft = Draft {
                is_private: self.is_private(branch, &edit),
                ..Draft::empty()
            };
            let mut terms = self.terms(&source, &draft, owner.as_ref(), stamp)?;
            terms.made_at = terms.made_at.max(latest.plus_ms(1));
            let draft = Draft {
                meta: Some(told.next(&edit, terms.made_at)),
                changes: edit.changes,
                ..draft
            };
            let session = self.session_for(&source).clone();
            self.commit(&source, &session, &draft, &terms)?;
        }
        let known = self.log(branch).map(|log| log.known_state().sessions);
        let mut news = known.unwrap_or_default();
        news.retain(|session, count| merged.get(session).is_none_or(|merged| *merged < *count));
        let commit = Json::object([
            ("merged", counts_to_json(news)),
            ("branch", branch.as_str().into()),
        ]);
        self.transact_with_meta(&source, &Draft::empty().with(commit), owner.as_ref(), stamp)?;
        Ok(source)
    }

    fn branch_header(&self, branch: &NewBranch) -> Option<Header> {
        let header = self.log(&branch.source)?.header();
        let group = branch.owner.clone().or_else(|| header.owner().cloned());
        Some(Header {
            value_type: header.value_type.clone(),
            ruleset: Ruleset::OwnedByGroup {
                group: group.filter(|_| header.owner().is_some())?,
                restrict_deletion: None,
            },
            meta: Json::object([
                ("branch", Json::from(branch.name.as_str())),
                ("source", branch.source.as_str().into()),
            ]),
            uniqueness: Uniqueness::Text("".into()),
            created_at: CreatedAt::Missing,
        })
    }

    /// What tells in the source that there is a branch. Who may only read tells it in the clear, which everyone accepts.
    fn pointer(
        &mut self,
        branch: &NewBranch,
        source_owner: Option<&CoId>,
        now: Timestamp,
    ) -> Draft {
        let name = ("branch", Json::from(branch.name.as_str()));
        let owner = branch.owner.as_ref();
        let owner = owner.map(|owner| ("ownerId", Json::from(owner.as_str())));
        let meta = Json::object(std::iter::once(name).chain(owner));
        let role = source_owner.and_then(|group| self.my_role(group, now));
        let reads_only = role == Some(Role::Reader) && branch.owner.is_some();
        let pointer = Draft {
            is_private: !reads_only,
            ..Draft::empty().with(meta)
        };
        if reads_only {
            Draft {
                allows: |role| role == Role::Reader,
                ..pointer
            }
        } else {
            pointer
        }
    }

    fn edits_to_merge(
        &mut self,
        branch: &CoId,
        merged: &SortedMap<SessionId, u32>,
    ) -> Vec<ValidTransaction> {
        let mut edits = self.own_edits(branch).unwrap_or_default();
        edits.retain(|edit| {
            let merged = merged.get(&edit.id.session);
            !edit.changes.is_empty() && merged.is_none_or(|merged| *merged <= edit.id.index)
        });
        edits
    }

    fn is_private(&self, id: &CoId, edit: &ValidTransaction) -> bool {
        let log = self.log(id).and_then(|log| log.session(&edit.id.session));
        let transaction = log.and_then(|log| log.transactions().get(edit.id.index as usize));
        matches!(transaction, Some(Transaction::Private { .. }))
    }
}

/// What the transaction before told of itself, which the next one need not repeat.
#[derive(Default)]
struct Told {
    made_at: Option<Timestamp>,
    session: Option<SessionId>,
    branch: Option<String>,
}

impl Told {
    /// What a copy made at that time tells of the edit that it is a copy of.
    fn next(&mut self, edit: &ValidTransaction, copied_at: Timestamp) -> Json {
        let ((made_at, _, _, (id, branch)), _) = edit.order();
        let mut members = vec![("mi", Json::from(id.index))];
        if self.made_at.replace(made_at) != Some(made_at) {
            #[expect(clippy::cast_precision_loss, reason = "a span of time, far below 2^53")]
            let ago_ms = copied_at.0.saturating_sub(made_at.0) as f64;
            members.push(("t", ago_ms.into()));
        }
        if self.session.as_ref() != Some(&id.session) {
            self.session = Some(id.session.clone());
            members.push(("s", id.session.as_str().into()));
        }
        if self.branch.as_deref() != branch {
            self.branch = branch.map(str::to_owned);
            members.extend(branch.map(|branch| ("b", branch.into())));
        }
        Json::object(members)
    }
}

fn counts_to_json(counts: SortedMap<SessionId, u32>) -> Json {
    let counts = counts.into_iter();
    Json::object(counts.map(|(session, count)| (session.as_str().to_owned(), count.into())))
}
