//! One session of one value: a linear log of transactions under a running hash, signed by its one author.
//!
//! Foreign content is staged, verified and committed; until it is committed the log is as it was, so content that
//! was forged or damaged harms nothing that comes after it. Own transactions are appended unsigned and signed once for
//! all that were appended since. What storage keeps too may leave memory ([`SessionLog::shed`]). It never judges whether
//! the author was allowed to write.

mod content;
mod outline;
mod stage;
mod wire;

use std::fmt;

use crate::crypto::{Digest, Signature, SignerSecret};
use crate::ids::SessionId;
use crate::json::Wire as _;
use crate::transaction::Transaction;
use content::Checkpoints;

pub use outline::{HashRebuild, NotNext};
pub use stage::{ContentError, StageError, Staged, StaleStage, Verified};

/// A checkpoint signature is kept each time that more than this many bytes of changes have come since the last.
pub const CHECKPOINT_BYTES: usize = 100 * 1024;

/// A log that is no longer is hashed again each time that it is signed, rather than keep its hasher, which is as large.
const REHASHED_BYTES_MAX: usize = 2_048;

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
    /// How many of the first transactions are in storage alone: none, unless they were shed.
    start: u32,
    /// The others.
    transactions: Vec<Transaction>,
    /// The bytes of their changes.
    content_bytes: usize,
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
            start: 0,
            transactions: Vec::new(),
            content_bytes: 0,
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

    /// How many transactions there are, signed or not, in memory or not.
    pub fn len(&self) -> u32 {
        self.start.saturating_add(count(self.transactions.len()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many transactions the newest signature covers: what a peer can be sent.
    pub fn signed_len(&self) -> u32 {
        self.signed.as_ref().map_or(0, |(signed, _)| *signed)
    }

    /// The transactions in memory, oldest first: all, unless the first were shed.
    pub fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// The newest signature.
    pub fn last_signature(&self) -> Option<&Signature> {
        self.signed.as_ref().map(|(_, signature)| signature)
    }

    /// Appends an own transaction, to be signed with [`Self::sign`].
    pub fn append_local(&mut self, transaction: Transaction) {
        self.extend([transaction]);
    }

    /// Signs all that was appended since the last signature, and returns it. One signature, unless it is longer than
    /// [`CHECKPOINT_BYTES`]: then one per such piece, so that every piece can be sent in a frame of bounded length. A log
    /// whose running hash is gone signs nothing.
    pub fn sign(&mut self, signer: &SignerSecret) -> Vec<SessionContent> {
        let mut pieces = Vec::new();
        while self.is_hashable() && self.signed_len() < self.len() {
            pieces.push(self.sign_piece(signer));
        }
        if self.start == 0 && self.content_bytes <= REHASHED_BYTES_MAX {
            self.rest();
        }
        pieces
    }

    fn sign_piece(&mut self, signer: &SignerSecret) -> SessionContent {
        let after = self.signed_len();
        let tail = self.between(after, self.len());
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

    fn extend(&mut self, new: impl IntoIterator<Item = Transaction>) {
        let before = self.transactions.len();
        self.transactions.extend(new);
        let new = self.transactions.iter().skip(before);
        self.content_bytes += new.map(Transaction::content_bytes).sum::<usize>();
    }

    /// Where the transactions from one count to another are in memory.
    fn range(&self, from: u32, to: u32) -> std::ops::Range<usize> {
        from.saturating_sub(self.start) as usize..to.saturating_sub(self.start) as usize
    }

    /// The transactions from one count to another, as far as they are in memory.
    fn between(&self, from: u32, to: u32) -> &[Transaction] {
        self.transactions
            .get(self.range(from, to))
            .unwrap_or_default()
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
        let range = self.range(self.hashed, end);
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
