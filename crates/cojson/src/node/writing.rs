//! Writing: one transaction per call, dated, encrypted and shown at once; signed and stored with the next flush.
//!
//! Besides encryption it costs the same for a long history as for a short one: the read key is found once per
//! state of the group, and the view takes the new transaction without reading it back.

use super::error::WriteError;
use super::{Change, Node, iso_time};
use crate::access::{AccessError, Role, WriteKey};
use crate::crypto::{NonceMaterial, encrypt_text};
use crate::header::{CreatedAt, Header, Ruleset, Uniqueness, ValueType};
use crate::ids::{CoId, SessionId, Timestamp};
use crate::json::Json;
use crate::sync::AppendError;
use crate::transaction::{TX_BYTES_MAX, Transaction};
use crate::view::{TransactionId, ValidTransaction};

/// How far ahead of the own clock others are followed, in milliseconds: a day, which covers wrong time zones. One who
/// dates further ahead wins over us until that day.
const FOLLOW_AHEAD_MS_MAX: u64 = 86_400_000;

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

    /// Makes one transaction of these changes.
    pub fn transact(
        &mut self,
        id: &CoId,
        changes: &[Change],
        stamp: Stamp,
    ) -> Result<TransactionId, WriteError> {
        let owner = self.writable(id, changes)?;
        let changes: Vec<Json> = changes.iter().map(Change::to_json).collect();
        let key = owner
            .as_ref()
            .map(|owner| self.write_key(owner, stamp))
            .transpose()?;
        let made_at = self.stamp(id, stamp, key.as_ref());
        if let Some(owner) = &owner {
            self.check_may_write(owner, made_at)?;
        }
        let text = Json::from(changes.clone()).to_string();
        if text.len() > TX_BYTES_MAX {
            return Err(WriteError::TooLarge { bytes: text.len() });
        }
        let transaction_id = self.write(id, &text, made_at, key.as_ref())?;
        self.show_own(
            id,
            ValidTransaction {
                id: transaction_id.clone(),
                made_at,
                changes,
                source: None,
            },
        );
        Ok(transaction_id)
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
        if self.content(id).is_none() {
            return Err(AccessError::GroupNotLoaded { group }.into());
        }
        Ok(owner)
    }

    fn write_key(&mut self, owner: &CoId, stamp: Stamp) -> Result<WriteKey, AccessError> {
        let (access, replica) = self.access();
        let known = access.write_key(replica, owner).cloned();
        let (Err(AccessError::NoReadKey { .. }), Stamp::Now(now)) = (&known, stamp) else {
            return known;
        };
        self.name_own_write_key(owner, now)?;
        let (access, replica) = self.access();
        access.write_key(replica, owner).cloned()
    }

    fn check_may_write(&mut self, owner: &CoId, at: Timestamp) -> Result<(), AccessError> {
        let role = self.my_role(owner, at);
        if role.is_some_and(Role::can_write) {
            return Ok(());
        }
        Err(AccessError::NotAllowed {
            group: owner.clone(),
            role,
            wanted: "write",
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

    fn write(
        &mut self,
        id: &CoId,
        changes: &str,
        made_at: Timestamp,
        key: Option<&WriteKey>,
    ) -> Result<TransactionId, AppendError> {
        let session = self.session_for(id).clone();
        let index = self.log(id).map_or(0, |log| log.session_len(&session));
        let place = NonceMaterial::Transaction {
            value: id,
            session: &session,
            index,
        };
        let transaction = match key {
            Some(key) => Transaction::Private {
                made_at,
                key_used: key.id.clone(),
                encrypted_changes: encrypt_text(&key.secret, &place, changes).into(),
                meta: None,
            },
            None => Transaction::Trusting {
                made_at,
                changes: changes.into(),
                meta: None,
            },
        };
        self.append(id, &session, transaction)?;
        Ok(TransactionId { session, index })
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
