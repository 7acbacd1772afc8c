//! Writing: one transaction per call, dated, encrypted and shown at once; signed and stored with the next flush.
//!
//! Besides encryption it costs the same for a long history as for a short one: the read key is found once per
//! state of the group, and the view takes the new transaction without reading it back.

use std::sync::Arc;

use super::error::WriteError;
use super::{Change, Node, Shown, iso_time};
use crate::access::{AccessError, Role, WriteKey};
use crate::crypto::{NonceMaterial, encrypt_text};
use crate::header::{CreatedAt, Header, Ruleset, Uniqueness, ValueType};
use crate::ids::{CoId, SessionId, Timestamp};
use crate::json::Json;
use crate::json::writer::array_text;
use crate::transaction::{TX_BYTES_MAX, Transaction};
use crate::view::{TransactionId, ValidTransaction};

/// How far ahead of the own clock others are followed, in milliseconds: a day, which covers wrong time zones. One who
/// dates further ahead wins over us until that day.
pub(super) const FOLLOW_AHEAD_MS_MAX: u64 = 86_400_000;

/// When a transaction is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// Now by the host's clock, or later: after everything that was seen of the value.
    Now(Timestamp),
    /// Before everything else: the first content of a named value, which every device may write alike.
    Founding,
}

/// A value to make.
#[derive(Clone, Debug)]
pub struct NewValue {
    /// Its kind.
    pub value_type: ValueType,
    /// The group (or account) whose members may read and write it.
    pub owner: CoId,
    /// What tells it from others. With [`Uniqueness::Names`] it is a named value: the same on every device.
    pub uniqueness: Uniqueness,
    /// An object for the layers above, readable by everyone, or `null`.
    pub meta: Json,
}

/// A transaction to make.
pub(super) struct Draft {
    pub(super) changes: Vec<Json>,
    /// What it says about itself.
    pub(super) meta: Option<Json>,
    /// Whether only members of the group can read it.
    pub(super) is_private: bool,
    /// Whether a role allows it, and what it is then that is allowed.
    pub(super) allows: fn(Role) -> bool,
    pub(super) wanted: &'static str,
}

/// On what terms a transaction is made.
pub(super) struct Terms {
    pub(super) made_at: Timestamp,
    /// What it is encrypted with; `None` if everyone may read it.
    key: Option<WriteKey>,
}

impl Draft {
    /// Of nothing yet, private, for those who may write.
    pub(super) fn empty() -> Self {
        Self {
            changes: Vec::new(),
            meta: None,
            is_private: true,
            allows: Role::can_write,
            wanted: "write",
        }
    }

    /// The same with that meta. It is encrypted with the very nonce of the changes, which gives away what it and they have in
    /// common: nothing secret belongs into it.
    pub(super) fn with(self, meta: Json) -> Self {
        Self {
            meta: Some(meta),
            ..self
        }
    }
}

impl NewValue {
    /// A named value has no creation time, so that its id follows from what is known.
    fn into_header(self, now: Timestamp) -> Header {
        let created_at = match self.uniqueness {
            Uniqueness::Names(_) => CreatedAt::Missing,
            _ => CreatedAt::At(iso_time(now).into()),
        };
        Header {
            value_type: self.value_type,
            ruleset: Ruleset::OwnedByGroup {
                group: self.owner,
                restrict_deletion: None,
            },
            meta: self.meta,
            uniqueness: self.uniqueness,
            created_at,
        }
    }
}

impl Node {
    /// A uniqueness that no other value has.
    pub fn random_uniqueness(&mut self) -> Uniqueness {
        Uniqueness::random(self.entropy())
    }

    /// Makes a value, still empty. A named one that is here already is left as it is; one that is not has to be looked for
    /// with [`Node::load`] first, because a session of ours may have written to it before.
    pub fn create(&mut self, value: NewValue, now: Timestamp) -> Result<CoId, WriteError> {
        if self.history(&value.owner).is_none() {
            return Err(AccessError::GroupNotLoaded { group: value.owner }.into());
        }
        Ok(self.make(value.into_header(now)))
    }

    /// The id that a named value has, whether it exists or not.
    pub fn named_id(&self, value: &NewValue) -> CoId {
        value.clone().into_header(Timestamp::FOUNDING).id()
    }

    /// Makes a list or a text, of which only those who administer its group may delete items.
    pub fn create_with_restricted_deletion(
        &mut self,
        value: NewValue,
        now: Timestamp,
    ) -> Result<CoId, WriteError> {
        if self.history(&value.owner).is_none() {
            return Err(AccessError::GroupNotLoaded { group: value.owner }.into());
        }
        let mut header = value.into_header(now);
        if let Ruleset::OwnedByGroup {
            restrict_deletion, ..
        } = &mut header.ruleset
        {
            *restrict_deletion = Some(true);
        }
        Ok(self.make(header))
    }

    /// Makes one transaction of these changes.
    pub fn transact(
        &mut self,
        id: &CoId,
        changes: &[Change],
        stamp: Stamp,
    ) -> Result<TransactionId, WriteError> {
        let owner = self.writable(id, changes)?;
        let draft = self.draft(id, changes);
        let terms = self.terms(id, &draft, owner.as_ref(), stamp)?;
        let session = self.session_for(id).clone();
        let transaction_id = self.commit(id, &session, &draft, &terms)?;
        self.show_own(
            id,
            ValidTransaction {
                id: transaction_id.clone(),
                made_at: terms.made_at,
                changes: draft.changes,
                source: None,
            },
            terms.key.as_ref(),
        );
        Ok(transaction_id)
    }

    /// The same, of which only the first counts of all that name the same key: what several devices begin alike.
    pub fn transact_first(
        &mut self,
        id: &CoId,
        first_writer_key: &str,
        changes: &[Change],
        stamp: Stamp,
    ) -> Result<TransactionId, WriteError> {
        let owner = self.writable(id, changes)?;
        let meta = Json::object([("fww", Json::from(first_writer_key))]);
        let draft = self.draft(id, changes).with(meta);
        self.transact_with_meta(id, &draft, owner.as_ref(), stamp)
    }

    /// A transaction of these changes. Where deletion is restricted, only those who administer the group may delete items.
    fn draft(&self, id: &CoId, changes: &[Change]) -> Draft {
        let ruleset = self.log(id).map(|log| &log.header().ruleset);
        let restricts_deletion = matches!(
            ruleset,
            Some(Ruleset::OwnedByGroup {
                restrict_deletion: Some(true),
                ..
            })
        );
        let mut draft = Draft {
            changes: changes.iter().map(Change::to_json).collect(),
            ..Draft::empty()
        };
        if restricts_deletion && changes.iter().any(Change::deletes_item) {
            draft.allows = Role::can_administer;
            draft.wanted = "delete items of the list";
        }
        draft
    }

    /// Makes a transaction that says something about itself. It is shown when the value is read the next time.
    pub(super) fn transact_with_meta(
        &mut self,
        id: &CoId,
        draft: &Draft,
        owner: Option<&CoId>,
        stamp: Stamp,
    ) -> Result<TransactionId, WriteError> {
        let terms = self.terms(id, draft, owner, stamp)?;
        let session = self.session_for(id).clone();
        let transaction_id = self.commit(id, &session, draft, &terms)?;
        self.mark_stale(id);
        Ok(transaction_id)
    }

    /// When a transaction is made and what it is encrypted with, if our role allows it then.
    pub(super) fn terms(
        &mut self,
        id: &CoId,
        draft: &Draft,
        owner: Option<&CoId>,
        stamp: Stamp,
    ) -> Result<Terms, WriteError> {
        let key = match owner.filter(|_| draft.is_private) {
            Some(owner) => Some(self.write_key(owner, stamp)?),
            None => None,
        };
        let made_at = self.stamp(id, stamp, key.as_ref());
        if let Some(owner) = owner {
            self.check_may_write(owner, made_at, draft)?;
        }
        Ok(Terms { made_at, key })
    }

    /// Appends a transaction to a session of ours; it is up to the caller to have it shown.
    pub(super) fn commit(
        &mut self,
        id: &CoId,
        session: &SessionId,
        draft: &Draft,
        terms: &Terms,
    ) -> Result<TransactionId, WriteError> {
        let changes = array_text(&draft.changes);
        if changes.len() > TX_BYTES_MAX {
            return Err(WriteError::TooLarge {
                bytes: changes.len(),
            });
        }
        let made_at = terms.made_at;
        let meta = draft.meta.as_ref().map(Json::to_string);
        let index = self.log(id).map_or(0, |log| log.session_len(session));
        let place = NonceMaterial::Transaction {
            value: id,
            session,
            index,
        };
        let encrypted = |key: &WriteKey, text: &str| encrypt_text(&key.secret, &place, text).into();
        let transaction = match &terms.key {
            Some(key) => Transaction::Private {
                made_at,
                key_used: key.id.clone(),
                encrypted_changes: encrypted(key, &changes),
                meta: meta.map(|meta| encrypted(key, &meta)),
            },
            None => Transaction::Trusting {
                made_at,
                changes: changes.into(),
                meta: meta.map(Arc::from),
            },
        };
        self.append(id, session, transaction)?;
        Ok(TransactionId {
            session: session.clone(),
            index,
        })
    }

    /// The value's owner, if the value is here, takes such changes, and its content is up to date.
    pub(super) fn writable(
        &mut self,
        id: &CoId,
        changes: &[Change],
    ) -> Result<Option<CoId>, WriteError> {
        let log = self
            .log(id)
            .ok_or_else(|| WriteError::NotLoaded { id: id.clone() })?;
        let header = log.header();
        if header.has_members() {
            return Err(WriteError::IsGroup { id: id.clone() });
        }
        if let Some(change) = changes
            .iter()
            .find(|change| !change.fits(&header.value_type))
        {
            return Err(wrong_kind(id, &header.value_type, change.kind()));
        }
        let owner = header.owner().cloned();
        let group = owner.clone().unwrap_or_else(|| id.clone());
        match self.shown(id) {
            None => Err(AccessError::GroupNotLoaded { group }.into()),
            Some(Shown::Deleted) => Err(WriteError::Deleted { id: id.clone() }),
            Some(_) => Ok(owner),
        }
    }

    fn write_key(&mut self, owner: &CoId, stamp: Stamp) -> Result<WriteKey, AccessError> {
        if let Stamp::Now(now) = stamp
            && !self.access.has_write_key(owner)
        {
            self.follow_rotations_above(owner, now);
        }
        let (access, replica) = self.access();
        let known = access.write_key(replica, owner).cloned();
        let (Err(AccessError::NoReadKey { .. }), Stamp::Now(now)) = (&known, stamp) else {
            return known;
        };
        self.name_own_write_key(owner, now)?;
        let (access, replica) = self.access();
        access.write_key(replica, owner).cloned()
    }

    fn check_may_write(
        &mut self,
        owner: &CoId,
        at: Timestamp,
        draft: &Draft,
    ) -> Result<(), AccessError> {
        let role = self.my_role(owner, at);
        if role.is_some_and(draft.allows) {
            return Ok(());
        }
        Err(AccessError::NotAllowed {
            group: owner.clone(),
            role,
            wanted: draft.wanted,
        })
    }

    /// After all that was seen of the value, and not before our role was given.
    fn stamp(&mut self, id: &CoId, stamp: Stamp, key: Option<&WriteKey>) -> Timestamp {
        let Stamp::Now(now) = stamp else {
            return Timestamp::FOUNDING;
        };
        let session = self.session_for(id).clone();
        let latest = self.content(id).and_then(|content| content.latest());
        let after_latest = latest.map_or(now, |(at, made)| after(*at, made, &session));
        let not_before = key.map_or(now, |key| key.not_before);
        follow(now, after_latest.max(not_before))
    }

    /// After all that was accepted in the group and above it.
    pub(crate) fn stamp_in_group(&mut self, group: &CoId, now: Timestamp) -> Timestamp {
        let session = self.session_for(group).clone();
        let (access, replica) = self.access();
        let latest = access.latest(replica, group).unwrap_or(now);
        let last = access
            .history(replica, group)
            .filter(|history| history.latest() == latest)
            .and_then(|history| history.accepted().last());
        let after_latest = last.map_or(latest.plus_ms(1), |made| after(latest, made, &session));
        follow(now, after_latest)
    }

    /// After all that was accepted in another group, on which a change of this one builds.
    pub(crate) fn stamp_after_group(&mut self, group: &CoId, now: Timestamp) -> Timestamp {
        let (access, replica) = self.access();
        let latest = access.latest(replica, group).unwrap_or_default();
        follow(now, latest.plus_ms(1))
    }
}

pub(super) fn wrong_kind(id: &CoId, actual: &ValueType, wanted: &'static str) -> WriteError {
    WriteError::WrongKind {
        id: id.clone(),
        actual: actual.as_str().to_owned(),
        wanted,
    }
}

/// A session's own transactions are ordered by their index, others by time alone.
fn after(latest: Timestamp, made: &TransactionId, own: &SessionId) -> Timestamp {
    latest.plus_ms(u64::from(made.session != *own))
}

/// The hybrid logical clock: the own time, or just after what was seen, but not much ahead of the own time.
fn follow(now: Timestamp, seen: Timestamp) -> Timestamp {
    now.max(seen.min(now.plus_ms(FOLLOW_AHEAD_MS_MAX)))
}
