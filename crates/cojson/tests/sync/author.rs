//! Someone who writes: an agent with an account, and the content that a peer would make by hand.

use cojson::collections::SortedMap;
use cojson::crypto::{AgentSecret, SignerSecret};
use cojson::entropy::Entropy;
use cojson::header::{CreatedAt, Header, Ruleset, Uniqueness, ValueType};
use cojson::ids::{AgentId, CoId, SessionId, Timestamp};
use cojson::json::Json;
use cojson::session_log::{SessionContent, SessionLog};
use cojson::sync::ContentMessage;
use cojson::transaction::Transaction;

/// An agent and its account.
pub struct Author {
    pub secret: AgentSecret,
    pub agent: AgentId,
    pub account: CoId,
    nonce: u8,
}

impl Author {
    pub fn new(nonce: u8) -> Self {
        let secret = AgentSecret::generate(&mut Entropy::from_seed([nonce; 32]));
        let agent = secret.agent_id();
        let account = Header::account(&agent).id();
        Self {
            secret,
            agent,
            account,
            nonce,
        }
    }

    pub fn account_header(&self) -> Header {
        Header::account(&self.agent)
    }

    /// The account's session in its n-th life.
    pub fn session(&self, life: u32) -> SessionId {
        session_of(self.account.as_str(), self.nonce, life)
    }

    /// The session in which the agent writes to the account itself.
    pub fn agent_session(&self, life: u32) -> SessionId {
        session_of(self.agent.as_str(), self.nonce, life)
    }

    pub fn signer(&self) -> SignerSecret {
        self.secret.signer.clone()
    }

    /// A group that this author founds.
    pub fn group_header(&self, name: &str) -> Header {
        header(
            Ruleset::Group {
                initial_admin: (&self.account).into(),
            },
            name,
        )
    }

    /// Content of one session from the start, signed by this author, cut after `after` transactions.
    pub fn content(
        &self,
        session: &SessionId,
        transactions: &[Transaction],
        after: u32,
    ) -> SessionContent {
        let mut log = SessionLog::new(session.clone());
        for transaction in transactions {
            log.append_local(transaction.clone());
        }
        log.sign(&self.signer());
        log.content_since(after, usize::MAX).remove(0)
    }
}

fn session_of(author: &str, nonce: u8, life: u32) -> SessionId {
    let text = bs58::encode([nonce, life as u8, (life >> 8) as u8, 7]).into_string();
    SessionId::parse(&format!("{author}_session_z{text}")).unwrap()
}

/// A map in a group (or an account).
pub fn map_header(owner: &CoId, name: &str) -> Header {
    header(
        Ruleset::OwnedByGroup {
            group: owner.clone(),
            restrict_deletion: None,
        },
        name,
    )
}

/// A map of that name: with the same id wherever it is made.
pub fn named_header(owner: &CoId, name: &str) -> Header {
    Header {
        created_at: CreatedAt::Missing,
        uniqueness: Uniqueness::named([("name", name)]),
        ..map_header(owner, name)
    }
}

fn header(ruleset: Ruleset, name: &str) -> Header {
    Header {
        value_type: ValueType::CoMap,
        ruleset,
        meta: Json::Null,
        uniqueness: Uniqueness::Text(name.into()),
        created_at: CreatedAt::At("2026-01-01T00:00:00.000Z".into()),
    }
}

/// A transaction that sets one key.
pub fn set(key: &str, value: &str, made_at_ms: u64) -> Transaction {
    Transaction::Trusting {
        made_at: Timestamp(made_at_ms),
        changes: format!(r#"[{{"op":"set","key":"{key}","value":"{value}"}}]"#).into(),
        meta: None,
    }
}

/// `count` transactions, each with its own content.
pub fn sets(count: u64) -> Vec<Transaction> {
    (0..count).map(|n| set("k", &n.to_string(), n)).collect()
}

/// A content message of one session.
pub fn content(
    id: &CoId,
    header: Option<Header>,
    session: &SessionId,
    piece: SessionContent,
) -> ContentMessage {
    ContentMessage {
        id: id.clone(),
        header,
        priority: 3,
        new: SortedMap::from([(session.clone(), piece)]),
        expect_content_until: None,
    }
}
