//! An author of one value: signs transactions and makes the messages that carry them.

use cojson::crypto::AgentSecret;
use cojson::entropy::Entropy;
use cojson::header::{CreatedAt, Header, Ruleset, Uniqueness, ValueType};
use cojson::ids::{CoId, SessionId, Timestamp};
use cojson::json::Json;
use cojson::session_log::{SessionContent, SessionLog};
use cojson::sync::{ContentMessage, SyncMessage};
use cojson::transaction::Transaction;

pub(crate) struct Writer {
    secret: AgentSecret,
    pub(crate) session: SessionId,
    pub(crate) header: Header,
    pub(crate) log: SessionLog,
    /// When what it writes is made, by its own claim.
    pub(crate) made_at_ms: u64,
}

impl Writer {
    /// A writer of the value of that name; each seed is another author.
    pub(crate) fn new(name: &str, seed: u8) -> Self {
        let mut entropy = Entropy::from_seed([seed; 32]);
        let secret = AgentSecret::generate(&mut entropy);
        let session = SessionId::random_of_agent(&secret.agent_id(), &mut entropy);
        let header = Header {
            value_type: ValueType::CoStream,
            ruleset: Ruleset::UnsafeAllowAll,
            meta: Json::Null,
            uniqueness: Uniqueness::Text(name.into()),
            created_at: CreatedAt::At("2026-01-01T00:00:00.000Z".into()),
        };
        let log = SessionLog::new(session.clone());
        Self {
            secret,
            session,
            header,
            log,
            made_at_ms: 1_700_000_000_000,
        }
    }

    pub(crate) fn id(&self) -> CoId {
        self.header.id()
    }

    /// Signs one more transaction.
    pub(crate) fn piece(&mut self, changes: &str) -> SessionContent {
        self.log.append_local(Transaction::Trusting {
            made_at: Timestamp(self.made_at_ms),
            changes: changes.into(),
            meta: None,
        });
        let mut pieces = self.log.sign(&self.secret.signer);
        assert_eq!(pieces.len(), 1);
        pieces.remove(0)
    }

    /// One more transaction, as a message.
    pub(crate) fn write(&mut self, changes: &str) -> SyncMessage {
        let content = self.piece(changes);
        self.carry(content)
    }

    /// A message that carries this content; the header comes with the first.
    pub(crate) fn carry(&self, content: SessionContent) -> SyncMessage {
        let is_first = content.after == 0;
        SyncMessage::Content(ContentMessage {
            id: self.id(),
            header: is_first.then(|| self.header.clone()),
            priority: 3,
            new: cojson::collections::SortedMap::from([(self.session.clone(), content)]),
            expect_content_until: None,
        })
    }

    /// How many transactions there are.
    pub(crate) fn count(&self) -> u32 {
        self.log.len()
    }
}
