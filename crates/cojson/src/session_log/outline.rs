//! What is left of a log in memory when storage keeps the rest: its length, its newest signature and, while somebody
//! writes to it, its running hash.
//!
//! Only what is durable may be shed; whoever sheds knows what that is. A log without its first transactions can be
//! appended to as long as it has its hash; [`HashRebuild`] makes it anew from what storage keeps, piece by piece.

use super::{SessionContent, SessionLog, feed};
use crate::crypto::Signature;
use crate::transaction::Transaction;

/// What a running hash takes in memory.
const HASHER_BYTES: usize = size_of::<blake3::Hasher>();

/// A piece that does not follow what was hashed so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the piece starts after {after} transactions, and {hashed} are hashed")]
pub struct NotNext {
    /// How many are hashed.
    pub hashed: u32,
    /// Where the piece starts.
    pub after: u32,
}

/// A running hash that is being made anew.
#[derive(Clone, Debug, Default)]
pub struct HashRebuild {
    hasher: Box<blake3::Hasher>,
    /// How many transactions are hashed, and the signature there.
    end: Option<(u32, Signature)>,
}

impl HashRebuild {
    /// How many transactions are hashed.
    pub fn count(&self) -> u32 {
        self.end.map_or(0, |(count, _)| count)
    }

    /// The signature over those that are hashed.
    pub fn last_signature(&self) -> Option<&Signature> {
        self.end.as_ref().map(|(_, signature)| signature)
    }

    /// Hashes the next piece, or what of it was not hashed yet.
    pub fn feed(&mut self, piece: &SessionContent) -> Result<(), NotNext> {
        let (hashed, after) = (self.count(), piece.after);
        if after > hashed {
            return Err(NotNext { hashed, after });
        }
        let end = u32::try_from(piece.end()).unwrap_or(u32::MAX);
        let new = piece.new_transactions.get((hashed - after) as usize..);
        if end > hashed {
            feed(&mut self.hasher, new.unwrap_or_default());
            self.end = Some((end, piece.last_signature));
        }
        Ok(())
    }
}

impl SessionLog {
    /// Storage has this much of it, which is more than is here: what is here goes.
    pub fn become_outline(&mut self, count: u32, last_signature: Signature) {
        self.start = count;
        self.transactions = Vec::new();
        self.content_bytes = 0;
        self.signed = Some((count, last_signature));
        self.checkpoints.shed(count);
        self.rest();
    }

    /// How many of the first transactions are in storage alone.
    pub fn start(&self) -> u32 {
        self.start
    }

    /// Whether content can be staged: the running hash is there, or all that it is made of.
    pub fn is_hashable(&self) -> bool {
        self.hashed >= self.start
    }

    /// Lets go of the first `durable` transactions, which storage keeps. A running hash stays, if there is one.
    pub fn shed(&mut self, durable: u32) {
        let end = durable.min(self.signed_len());
        if end <= self.start {
            return;
        }
        if self.is_hashable() && self.hasher.is_some() {
            self.hash_up_to(end);
        }
        let gone = self.range(self.start, end);
        let gone = self.transactions.drain(gone);
        self.content_bytes -= gone.map(|gone| gone.content_bytes()).sum::<usize>();
        self.transactions.shrink_to_fit();
        self.start = end;
        self.checkpoints.shed(end);
    }

    /// Forgets the running hash: for logs that nobody writes to for a while.
    pub fn rest(&mut self) {
        self.hasher = None;
        self.hashed = 0;
    }

    /// Takes back a running hash, if it is one of what is no longer in memory or of more.
    pub fn take_hash(&mut self, rebuilt: HashRebuild) {
        let count = rebuilt.count();
        if self.start <= count && count <= self.len() {
            self.hasher = Some(rebuilt.hasher);
            self.hashed = count;
        }
    }

    /// Storage keeps less than was thought: the log ends where the rebuilt hash does.
    pub fn truncate(&mut self, rebuilt: HashRebuild) {
        let count = rebuilt.count();
        self.start = count;
        self.transactions = Vec::new();
        self.content_bytes = 0;
        self.signed = rebuilt.end;
        self.checkpoints.truncate(count);
        self.hasher = Some(rebuilt.hasher);
        self.hashed = count;
    }

    /// About how much memory it takes.
    pub fn memory_bytes(&self) -> usize {
        let hasher = self.hasher.as_ref().map_or(0, |_| HASHER_BYTES);
        let transactions = self.transactions.len() * TRANSACTION_BYTES;
        let checkpoints = self.checkpoints.len() * size_of::<(u32, Signature)>();
        SESSION_BYTES + self.content_bytes + transactions + checkpoints + hasher
    }
}

/// What a transaction takes besides its changes: itself, its place in the allocator's books, its key's name.
const TRANSACTION_BYTES: usize = size_of::<Transaction>() + 112;

/// What a session takes without transactions: itself, its name, and its place in the value.
const SESSION_BYTES: usize = size_of::<SessionLog>() + 320;
