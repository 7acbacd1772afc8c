//! Foreign content on its way into a log: staged beside it, verified, committed. A failure on the way leaves nothing.

use super::{SessionContent, SessionLog, feed};
use crate::crypto::{Digest, Signature, SignatureError, SignerId};
use crate::transaction::Transaction;

/// Content that cannot follow what a log has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// Transactions between what is there and what came are missing.
    #[error(
        "the content starts after {after} transactions, but {have} are here; ask for the rest first"
    )]
    Gap {
        /// How many are here.
        have: u32,
        /// How many must be.
        after: u32,
    },
    /// All of it is there already, or it is empty.
    #[error("the content ends at {end} transactions, and {have} are here")]
    NothingNew {
        /// How many are here.
        have: u32,
        /// Where the content ends.
        end: usize,
    },
    /// A transaction is longer than any that an honest author makes.
    #[error(
        "transaction {index} has {bytes} bytes of changes, more than a transaction may have; split it"
    )]
    TooLarge {
        /// Its place in the session.
        index: usize,
        /// Its changes' and meta's bytes.
        bytes: usize,
    },
    /// A session cannot have so many transactions.
    #[error(
        "the content ends at {end} transactions, more than a session may have; go on in a new session"
    )]
    TooMany {
        /// Where the content ends.
        end: usize,
    },
    /// The first transactions are in storage alone, and so is what their hash is made of.
    #[error("the running hash of the session is gone; rebuild it from storage first")]
    HashGone,
}

/// The log has changed since the content was staged for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the content was staged after {staged_after} transactions, and {have} are here now; stage it again"
)]
pub struct StaleStage {
    /// How many were there.
    pub staged_after: u32,
    /// How many are here.
    pub have: u32,
}

/// Content that was not taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// It cannot follow what is there.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// It is not the author's.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The log has changed in between.
    #[error(transparent)]
    Stale(#[from] StaleStage),
}

/// Content that fits behind a log, whose signature is not checked yet.
#[must_use = "staged content has to be verified and committed"]
pub struct Staged {
    after: u32,
    transactions: Vec<Transaction>,
    signature: Signature,
    hasher: Box<blake3::Hasher>,
}

/// Content that fits behind a log and was signed by the log's author.
#[must_use = "verified content has to be committed"]
pub struct Verified(Staged);

impl Staged {
    /// The digest that the signature must be over.
    pub fn digest(&self) -> Digest {
        self.hasher.finalize().into()
    }

    /// Checks that the author signed it.
    pub fn verify(self, signer: &SignerId) -> Result<Verified, SignatureError> {
        signer.verify(&self.digest(), &self.signature)?;
        Ok(Verified(self))
    }
}

impl Verified {
    /// The transactions that will be new.
    pub fn transactions(&self) -> &[Transaction] {
        &self.0.transactions
    }
}

impl SessionLog {
    /// Puts content beside the log, without what the log has already. Only the log's running hash is brought up to its
    /// end for this.
    pub fn stage(&mut self, content: SessionContent) -> Result<Staged, StageError> {
        let signature = content.last_signature;
        let after = self.len();
        let transactions = new_part(after, content)?;
        if !self.is_hashable() {
            return Err(StageError::HashGone);
        }
        let mut hasher = self.hash_up_to(after).clone();
        feed(&mut hasher, &transactions);
        Ok(Staged {
            after,
            transactions,
            signature,
            hasher,
        })
    }

    /// Takes verified content into the log.
    pub fn commit(&mut self, verified: Verified) -> Result<(), StaleStage> {
        let Verified(staged) = verified;
        if staged.after != self.len() {
            return Err(StaleStage {
                staged_after: staged.after,
                have: self.len(),
            });
        }
        self.extend(staged.transactions);
        self.hasher = Some(staged.hasher);
        self.hashed = self.len();
        self.sign_up_to_end(staged.signature);
        Ok(())
    }

    /// Stages, verifies and commits. Returns how many transactions were new.
    pub fn receive(
        &mut self,
        content: SessionContent,
        signer: &SignerId,
    ) -> Result<u32, ContentError> {
        let before = self.len();
        let verified = self.stage(content)?.verify(signer)?;
        self.commit(verified)?;
        Ok(self.len() - before)
    }
}

/// The transactions of some content that come after the first `have`.
pub(super) fn new_part(have: u32, content: SessionContent) -> Result<Vec<Transaction>, StageError> {
    let (after, end) = (content.after, content.end());
    if after > have {
        return Err(StageError::Gap { have, after });
    }
    if end <= have as usize {
        return Err(StageError::NothingNew { have, end });
    }
    if u32::try_from(end).is_err() {
        return Err(StageError::TooMany { end });
    }
    let mut transactions = content.new_transactions;
    transactions.drain(..(have - after) as usize);
    match transactions.iter().position(Transaction::is_oversized) {
        None => Ok(transactions),
        Some(place) => Err(StageError::TooLarge {
            index: have as usize + place,
            bytes: transactions
                .get(place)
                .map_or(0, Transaction::content_bytes),
        }),
    }
}
