//! Writing to a group's map, one key per transaction as its rules want it.

use super::ReadKey;
use crate::access::EVERYONE;
use crate::crypto::{
    NonceMaterial, SealerId, SealerSecret, encrypt_key, seal_key, seal_key_for_group,
};
use crate::ids::{CoId, SessionId, Timestamp};
use crate::json::Json;
use crate::node::Node;
use crate::sync::AppendError;
use crate::transaction::Transaction;

/// A run of changes of one group at one time.
#[must_use = "a change takes effect when it is finished"]
pub(super) struct GroupEdit<'a> {
    node: &'a mut Node,
    group: &'a CoId,
    session: SessionId,
    at: Timestamp,
    outcome: Result<(), AppendError>,
}

impl<'a> GroupEdit<'a> {
    pub(super) fn new(node: &'a mut Node, group: &'a CoId, at: Timestamp) -> Self {
        Self {
            session: node.session_for(group).clone(),
            node,
            group,
            at,
            outcome: Ok(()),
        }
    }

    pub(super) fn is_account(&self) -> bool {
        self.group == self.node.account_id()
    }

    pub(super) fn set(&mut self, key: &str, value: impl Into<Json>) {
        let change = Json::object([
            ("op", Json::from("set")),
            ("key", Json::from(key)),
            ("value", value.into()),
        ]);
        let transaction = Transaction::Trusting {
            made_at: self.at,
            changes: Json::from(vec![change]).to_string().into(),
            meta: None,
        };
        if self.outcome.is_ok() {
            self.outcome = self.node.append(self.group, &self.session, transaction);
        }
    }

    /// Seals a key for one member.
    pub(super) fn seal(&mut self, key: &ReadKey, member: &str, sealer: &SealerId) {
        let own = &self.node.identity().secret.sealer;
        let wrapped = seal_key(&key.secret, own, sealer, &self.place());
        self.set(&format!("{}_for_{member}", key.id), wrapped);
    }

    /// Seals a key for whoever has the read key of a group that we may not read ourselves.
    pub(super) fn seal_for_group(&mut self, key: &ReadKey, sealer: &SealerId) {
        let index = self.next_index();
        let place = NonceMaterial::Transaction {
            value: self.group,
            session: &self.session,
            index,
        };
        let wrapped = seal_key_for_group(&key.secret, sealer, &place, self.node.entropy());
        self.set(&format!("{}_sealedFor_{sealer}", key.id), wrapped);
    }

    /// Who has `around` has `within`.
    pub(super) fn wrap(&mut self, within: &ReadKey, around: &ReadKey) {
        let wrapped = encrypt_key((&within.id, &within.secret), (&around.id, &around.secret));
        self.set(&format!("{}_for_{}", within.id, around.id), wrapped);
    }

    /// Writes a key down for anyone to read.
    pub(super) fn publish(&mut self, key: &ReadKey) {
        let text = key.secret.to_text();
        self.set(&format!("{}_for_{EVERYONE}", key.id), text.as_str());
    }

    /// Names the sealer that follows from the read key.
    pub(super) fn set_group_sealer(&mut self, key: &ReadKey) {
        let sealer = SealerSecret::of_group(&key.secret).id();
        self.set("groupSealer", format!("{}@{sealer}", key.id));
    }

    /// Gives a write-only member its own key, and all readers the same.
    pub(super) fn name_write_key(
        &mut self,
        key: &ReadKey,
        (member, sealer): (&str, &SealerId),
        readers: &[(String, SealerId)],
    ) {
        self.set(&format!("writeKeyFor_{member}"), key.id.as_str());
        self.seal(key, member, sealer);
        for (reader, sealer) in readers {
            self.seal(key, reader, sealer);
        }
    }

    /// Lets the node see what the changes did. The first one that cannot be made, for which only a group that is not here is a
    /// reason, keeps all from being made.
    pub(super) fn finish(self) -> Result<(), AppendError> {
        self.node.take_note_of(self.group);
        self.outcome
    }

    fn next_index(&self) -> u32 {
        self.node
            .log(self.group)
            .map_or(0, |log| log.session_len(&self.session))
    }

    /// Where the next transaction will stand.
    fn place(&self) -> NonceMaterial<'_> {
        NonceMaterial::Transaction {
            value: self.group,
            session: &self.session,
            index: self.next_index(),
        }
    }
}
