//! One session of one value: a linear log of transactions under a running hash, signed by its one author.
//!
//! Foreign content is staged, verified and committed; until it is committed the log is as it was, so content that
//! was forged or damaged harms nothing that comes after it. Own transactions are appended unsigned and signed once for
//! all that were appended since. It never judges whether the author was allowed to write.

mod content;
mod stage;
mod wire;

use std::fmt;

use crate::crypto::{Digest, Signature, SignerSecret};
use crate::ids::SessionId;
use crate::json::Wire as _;
use crate::transaction::Transaction;
use content::Checkpoints;

pub use stage::{ContentError, StageError, Staged, StaleStage, Verified};

/// A checkpoint signature is kept each time that more than this many bytes of changes have come since the last.
pub const CHECKPOINT_BYTES: usize = 100 * 1024;

/// A piece of a session, as it is sent and stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionContent {
    /// How many transactions come before these.
    pub after: u32,
    /// The transactions.
    pub new_transactions: Vec<Transaction>,
    /// The author's signature over the session up to the last of them.
    pub last_signature: Signature,
}

impl SessionContent {
    /// How many transactions the session has with these.
    pub fn end(&self) -> usize {
        (self.after as usize).saturating_add(self.new_transactions.len())
    }
}

/// One session's log.
#[derive(Clone)]
pub struct SessionLog {
    session: SessionId,
    transactions: Vec<Transaction>,
    /// How many transactions the newest signature covers, and the signature.
    signed: Option<(u32, Signature)>,
    checkpoints: Checkpoints,
    /// The hash of the first so many transactions. It may lag behind and is brought up when it is needed: a log that is
    /// only read is never hashed and does without the hasher's 2 kB.
    hasher: Option<Box<blake3::Hasher>>,
    hashed: u32,
}

impl SessionLog {
    /// An empty log.
    pub fn new(session: SessionId) -> Self {
        Self {
            session,
            transactions: Vec::new(),
            signed: None,
            checkpoints: Checkpoints::default(),
            hasher: None,
            hashed: 0,
        }
    }

    /// Whose log it is.
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// How many transactions there are, signed or not.
    pub fn len(&self) -> u32 {
        count(self.transactions.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    /// How many transactions the newest signature covers: what a peer can be sent.
    pub fn signed_len(&self) -> u32 {
        self.signed.as_ref().map_or(0, |(signed, _)| *signed)
    }

    /// The transactions, oldest first.
    pub fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// The newest signature.
    pub fn last_signature(&self) -> Option<&Signature> {
        self.signed.as_ref().map(|(_, signature)| signature)
    }

    /// Forgets the running hash, which takes 2 kB: for logs that nobody writes to for a while. The next content hashes
    /// the whole log once.
    pub fn rest(&mut self) {
        self.hasher = None;
        self.hashed = 0;
    }

    /// Appends an own transaction, to be signed with [`Self::sign`].
    pub fn append_local(&mut self, transaction: Transaction) {
        self.transactions.push(transaction);
    }

    /// Signs all that was appended since the last signature, and returns it. One signature, unless it is longer than
    /// [`CHECKPOINT_BYTES`]: then one per such piece, so that every piece can be sent in a frame of bounded length.
    pub fn sign(&mut self, signer: &SignerSecret) -> Vec<SessionContent> {
        let mut pieces = Vec::new();
        while self.signed_len() < self.len() {
            pieces.push(self.sign_piece(signer));
        }
        pieces
    }

    fn sign_piece(&mut self, signer: &SignerSecret) -> SessionContent {
        let after = self.signed_len();
        let tail = self.transactions.get(after as usize..).unwrap_or_default();
        let taken = self.checkpoints.transactions_to_next(tail);
        let piece = tail.get(..taken).unwrap_or(tail).to_vec();
        let end = after.saturating_add(count(piece.len()));
        let last_signature = signer.sign(&self.digest_of(end));
        self.note_signature(end, &piece, last_signature);
        SessionContent {
            after,
            new_transactions: piece,
            last_signature,
        }
    }

    fn note_signature(&mut self, end: u32, covered: &[Transaction], signature: Signature) {
        self.signed = Some((end, signature));
        self.checkpoints.note(end, covered, signature);
    }

    /// The digest of the first `end` transactions, of which at least the hashed ones.
    fn digest_of(&mut self, end: u32) -> Digest {
        self.hash_up_to(end).finalize().into()
    }

    fn hash_up_to(&mut self, end: u32) -> &mut Box<blake3::Hasher> {
        let range = self.hashed as usize..end as usize;
        let hasher = self.hasher.get_or_insert_default();
        feed(hasher, self.transactions.get(range).unwrap_or_default());
        self.hashed = self.hashed.max(end);
        hasher
    }
}

impl fmt::Debug for SessionLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SessionLog")
            .field("session", &self.session)
            .field("len", &self.len())
            .field("signed_len", &self.signed_len())
            .finish_non_exhaustive()
    }
}

/// Feeds transactions to a hasher through one buffer.
fn feed(hasher: &mut blake3::Hasher, transactions: &[Transaction]) {
    let mut text = String::new();
    for transaction in transactions {
        text.clear();
        transaction.write(&mut text);
        hasher.update(text.as_bytes());
    }
}

/// A number of transactions. Staging refuses what would not fit, and memory ends before an own log gets there.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
