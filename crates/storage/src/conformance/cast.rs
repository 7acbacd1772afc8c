//! Who writes in the checks, and what they look at afterwards.

use cojson::crypto::AgentSecret;
use cojson::entropy::Entropy;
use cojson::header::{CreatedAt, Header, Ruleset, Uniqueness, ValueType};
use cojson::ids::{CoId, SessionId, Timestamp};
use cojson::json::Json;
use cojson::session_log::{SessionContent, SessionLog};
use cojson::sync::{Segment, StoredLog, ValueWrite, WriteBatch, WriteId};
use cojson::transaction::Transaction;

use crate::{LoadError, Loaded, Storage, WriteError};

/// A writer whose signed pieces the checks write.
pub struct Author {
    secret: AgentSecret,
    /// Its session.
    pub session: SessionId,
    /// What it wrote.
    pub log: SessionLog,
}

impl Author {
    /// The same writer for the same seed.
    pub fn new(seed: u8) -> Self {
        let mut entropy = Entropy::from_seed([seed; 32]);
        let secret = AgentSecret::generate(&mut entropy);
        let session = SessionId::random_of_agent(&secret.agent_id(), &mut entropy);
        let log = SessionLog::new(session.clone());
        Self {
            secret,
            session,
            log,
        }
    }

    /// A writer in a session that is made for a tombstone.
    pub fn that_deletes(seed: u8) -> Self {
        let mut author = Self::new(seed);
        let name = author
            .session
            .as_str()
            .replacen("_session_z", "_session_d", 1);
        author.session = SessionId::parse(&format!("{name}$")).unwrap();
        author.log = SessionLog::new(author.session.clone());
        author
    }

    /// A writer who signs as an account, and the account's header.
    pub fn with_account(seed: u8) -> (Self, Header) {
        let mut author = Self::new(seed);
        let account = Header::account(&author.secret.agent_id());
        author.session = author.session.with_author(account.id().as_str()).unwrap();
        author.log = SessionLog::new(author.session.clone());
        (author, account)
    }

    /// The next piece: these changes, a transaction each, under one signature unless they are long.
    pub fn pieces(&mut self, changes: &[&str]) -> Vec<SessionContent> {
        for text in changes {
            self.log.append_local(Transaction::Trusting {
                made_at: Timestamp(1_700_000_000_000),
                changes: (*text).into(),
                meta: None,
            });
        }
        self.log.sign(&self.secret.signer)
    }

    /// The next piece, which is one.
    pub fn piece(&mut self, changes: &[&str]) -> SessionContent {
        let mut pieces = self.pieces(changes);
        assert_eq!(pieces.len(), 1);
        pieces.remove(0)
    }

    /// A piece as a segment of this session.
    pub fn segment(&self, content: SessionContent) -> Segment {
        let session = self.session.clone();
        Segment { session, content }
    }
}

/// The header of a value that anybody may write to.
pub fn header(name: &str) -> Header {
    Header {
        value_type: ValueType::CoMap,
        ruleset: Ruleset::UnsafeAllowAll,
        meta: Json::Null,
        uniqueness: Uniqueness::Text(name.into()),
        created_at: CreatedAt::At("2026-01-01T00:00:00.000Z".into()),
    }
}

/// The write of a value, with its header if it is the first.
pub fn value_write(header: &Header, is_first: bool, segments: Vec<Segment>) -> ValueWrite {
    ValueWrite {
        id: header.id(),
        header: is_first.then(|| header.clone()),
        erases: false,
        segments,
    }
}

/// A batch.
pub fn batch(id: u64, values: Vec<ValueWrite>) -> WriteBatch {
    let id = WriteId(id);
    WriteBatch { id, values }
}

/// Writes one value as a batch.
pub fn write_one(storage: &mut dyn Storage, value: ValueWrite) -> Result<(), WriteError> {
    let mut results = storage.write(&[batch(1, vec![value])]);
    assert_eq!(results.len(), 1);
    results.remove(0)
}

/// Everything that is kept of a value.
pub fn load_any(storage: &mut dyn Storage, id: &CoId) -> Result<Option<Loaded>, LoadError> {
    let outline = storage.outline(id)?;
    outline
        .map(|outline| storage.whole(id, outline))
        .transpose()
}

/// The log of a value that is not damaged.
pub fn load(storage: &mut dyn Storage, id: &CoId) -> Option<StoredLog> {
    load_any(storage, id).unwrap().map(|loaded| {
        assert_eq!(loaded.damage, []);
        loaded.log
    })
}

/// The log's transactions of one session in order, however they are cut, and the newest signature's text.
pub fn joined(log: &StoredLog, session: &SessionId) -> (Vec<Transaction>, String) {
    let mut pieces: Vec<_> = log
        .segments
        .iter()
        .filter(|segment| segment.session == *session)
        .collect();
    pieces.sort_by_key(|segment| (segment.content.after, segment.content.end()));
    let mut transactions: Vec<Transaction> = Vec::new();
    let mut signature = String::new();
    for Segment { content, .. } in pieces {
        assert!(
            content.after as usize <= transactions.len(),
            "a gap at {}",
            content.after
        );
        let known = transactions.len() - content.after as usize;
        let new = content.new_transactions.iter().skip(known).cloned();
        transactions.extend(new);
        signature = content.last_signature.to_string();
    }
    (transactions, signature)
}

#[track_caller]
pub(super) fn check_log(storage: &mut dyn Storage, header: &Header, author: &Author) {
    let stored = load(storage, &header.id()).expect("the value was written");
    assert_eq!(stored.header, *header);
    let (transactions, signature) = joined(&stored, &author.session);
    assert_eq!(transactions, author.log.transactions());
    let newest = author.log.last_signature().map(ToString::to_string);
    assert_eq!(Some(signature), newest);
}
